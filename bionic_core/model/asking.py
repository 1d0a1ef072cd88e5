"""The mechanisms of a spec, asked one hook at a time; their answers in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pluggy
from torch import nn

from bionic_core import hookspecs
from bionic_core.errors import BionicError, RequestError, listing
from bionic_core.markers import PROJECT
from bionic_core.model.answers import Watched, try_module
from bionic_core.plugin import Mechanism
from bionic_core.seeds import derive, seeded
from bionic_core.spec.spec import Spec


class Asking:
    """The mechanisms of a spec, registered, and asked one hook at a time."""

    def __init__(self, spec: Spec, seed: int, tried: bool = False) -> None:
        self.spec = spec
        self.tried = tried
        self.seed = seed
        self.asked = ("", "")  # the mechanism and the hook that are being asked
        self.answered: set[str] = set()
        self.manager = pluggy.PluginManager(PROJECT)
        self.manager.add_hookspecs(hookspecs)
        for name, mechanism in spec.mechanisms.items():
            try:
                self.manager.register(mechanism, name)
                self.manager.check_pending()
            except pluggy.PluginValidationError as error:
                raise RequestError(
                    f"mechanism '{name}' does not fit the hooks: {error}. "
                    f"Hooks are {listing(hookspecs.COMBINATION)}"
                ) from error

    def implementers(self, hook: str) -> list[str]:
        """Return the mechanisms that implement a hook, wherever they then answer."""
        found = getattr(self.manager.hook, hook).get_hookimpls()
        return sorted(implementation.plugin_name for implementation in found)

    def answers(
        self,
        hook: str,
        site: str,
        /,
        *,
        kind: type = nn.Module,
        keeps: tuple[int, ...] | None = None,
        **arguments: Any,
    ) -> list[tuple[str, Any]]:
        """Return (mechanism, answer) of those who answer, in the order in which they apply.

        ``keeps`` is the shape, less the batch, that a module must give back.
        """
        found: dict[str, Any] = {}
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            name = implementation.plugin_name
            outer, self.asked = self.asked, (name, hook)  # an answer may ask in its turn
            try:
                with seeded(derive(self.seed, name, hook, site)), Watched():
                    answer = implementation.function(
                        *(arguments[argument] for argument in implementation.argnames)
                    )
            except RequestError as error:
                raise RequestError(
                    [f"mechanisms.{name}: {problem}" for problem in error.problems],
                    where=error.where or self.spec.where,
                ) from error
            except Exception as error:
                from bionic_core.base.failures import of_the_machine, reason

                if isinstance(error, BionicError) or of_the_machine(error):
                    raise
                raise RequestError(
                    f"mechanisms.{name}: its hook '{hook}' fails at '{site}': {reason(error)}",
                    where=self.spec.where,
                ) from error
            finally:
                self.asked = outer
            if answer is None:
                continue
            if not isinstance(answer, kind):
                raise RequestError(
                    f"mechanisms.{name}: its hook '{hook}' answered with "
                    f"{type(answer).__name__} at '{site}'; expected {kind.__name__} or None",
                    where=self.spec.where,
                )
            if self.tried and keeps is not None and isinstance(answer, nn.Module):
                try_module(name, hook, site, answer, keeps)
            found[name] = answer
            self.answered.add(name)
        return [(name, found[name]) for name in self._order(hook, site, found)]

    def _order(self, hook: str, site: str, names: Iterable[str]) -> list[str]:
        """Return the names in order; a chain's must be settled by the classes or the spec."""
        names = sorted(names)
        if hookspecs.COMBINATION[hook] not in (hookspecs.CHAIN, hookspecs.FIRST):
            return names
        listed = self.spec.model.order.get(hook, ())
        earlier: dict[str, set[str]] = {name: set() for name in names}
        for one, other in itertools.permutations(names, 2):
            if one in listed and other in listed:
                if listed.index(one) < listed.index(other):
                    earlier[other].add(one)
            elif _precedes(self.spec.mechanisms[one], self.spec.mechanisms[other]):
                earlier[other].add(one)
        order: list[str] = []
        while len(order) < len(names):
            ready = [n for n in names if n not in order and earlier[n] <= set(order)]
            if len(ready) != 1:
                pair = ready[:2] or [n for n in names if n not in order][:2]
                why = "have no order between them" if ready else "each want to precede the other"
                raise RequestError(
                    f"mechanisms '{pair[0]}' and '{pair[1]}' both answer the hook '{hook}' at "
                    f"'{site}' and {why}. Set it in the spec: "
                    f'[model.order] {hook} = ["{pair[0]}", "{pair[1]}"]',
                    where=self.spec.where,
                )
            order += ready
        return order


def _precedes(one: Mechanism, other: Mechanism) -> bool:
    return other.name in one.before or one.name in other.after
