"""Plugins that nothing announces: classes of a script or notebook, given to a call."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import attrs

from bionic_core.actions.arguments import wrong
from bionic_core.actions.notices import warn
from bionic_core.errors import RequestError, listing
from bionic_core.plugin import Plugin

Plugins = Sequence[type[Plugin]]


def own_plugins(given: object = (), *holders: object) -> tuple[type[Plugin], ...]:
    """Return the classes that a call is to know, beside those that are installed.

    Args:
        given: its argument ``plugins``.
        holders: specs, and runs, whose own such classes count as given.

    Raises:
        RequestError: one is no plugin's class, or could not be used.
    """
    from bionic_core.registry.announced import hook_problem

    if isinstance(given, str | type) or not isinstance(given, Iterable):
        raise wrong("plugins", given, "a list of classes, such as [MyMechanism]")
    found: list[type[Plugin]] = []
    for number, cls in enumerate(given):
        argument = f"plugins[{number}]"
        if not (inspect.isclass(cls) and issubclass(cls, Plugin) and cls.role):
            raise wrong(argument, cls, "a class of a plugin, such as a subclass of Mechanism")
        if not attrs.has(cls) or not isinstance(getattr(cls, "name", None), str):
            raise RequestError(
                f"{argument}: {cls.__name__} must be an attrs class with the attribute 'name': "
                '@attrs.frozen(eq=False) above it, name = "…" in it'
            )
        plugin = cast(type[Plugin], cls)
        if problem := hook_problem(plugin):
            raise RequestError(f"{argument}: {cls.__name__}: {problem}")
        found.append(plugin)
    found += [cls for holder in holders for cls in _held(holder)]
    return tuple(dict.fromkeys(found))


def _held(holder: object) -> Iterator[type[Plugin]]:
    """Yield the classes of a run, or those of a spec that nobody announces."""
    from bionic_core.registry import Registry
    from bionic_core.spec.spec import Spec

    if isinstance(holder, Spec):
        names = Registry.installed().names
        for part in (*holder.mechanisms.values(), holder.data, holder.connectome):
            if part is not None and type(part).name not in names:
                yield type(part)
    else:
        yield from getattr(holder, "plugins", ())


def complete_in(out: object) -> set[str]:
    """Return the names of complete runs in a folder of runs."""
    from bionic_core.runs.files import RESULT

    return {found.parent.name for found in Path(str(out)).glob(f"*/{RESULT}")}


def warn_of_earlier(plugins: Plugins, runs: Iterable[Path], before: set[str]) -> None:
    """Warn where runs with a class of this program were there before: its code may have changed."""
    names = [cls.name for cls in plugins]
    again = sum(run.name in before for run in runs)
    if names and again:
        runs_ = f"{again} runs were" if again > 1 else "a run was"
        warn(
            f"{runs_} there already, and not trained again: a run is known by the keys and the "
            f"'numerics' of its mechanisms, not by their code. After a change of what "
            f"{listing(names)} computes, raise the class's numerics"
        )
