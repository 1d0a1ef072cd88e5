"""A plugin by its name, judged by the laws of its role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core.base.strict import structure
from bionic_core.base.toml import toml_value
from bionic_core.errors import RequestError
from bionic_core.plugin import Mechanism, Plugin
from bionic_core.registry import Registry

if TYPE_CHECKING:
    from bionic_core.conformance.cost import Cost
    from bionic_core.conformance.laws import Judged, Verdict


@attrs.frozen
class Judgement:
    """A plugin, judged.

    Attributes:
        passed: whether no law is broken.
        cost: of a mechanism that has been judged by all laws and breaks none.
    """

    name: str
    role: str
    distribution: str | None
    passed: bool
    laws: tuple[Verdict, ...]
    cost: Cost | None


@attrs.frozen(eq=False)
class Subject:
    """An installed plugin with its keys."""

    plugin: Plugin
    registry: Registry

    @classmethod
    def named(
        cls, name: str, assignments: Sequence[str] = (), registry: Registry | None = None
    ) -> Subject:
        """Return the plugin of a name, its keys set by ``KEY=VALUE``.

        Raises:
            RequestError: there is none, it is broken, or a key is missing, unknown or wrong.
        """
        registry = registry or Registry.installed()
        kind = registry.get(name, Plugin)
        table: dict[str, Any] = {}
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            key = key.strip().removeprefix(f"{name}.")
            if not equals or not key:
                raise RequestError(f"--set {assignment}: must be of the form key=value")
            table[key] = toml_value(text)
        plugin, problems = structure(table, kind, name)
        if plugin is None:
            raise RequestError(
                [
                    f"{problem}. Give it with --set {name}.KEY=VALUE"
                    if problem.endswith(": is missing")
                    else problem
                    for problem in problems
                ]
            )
        return cls(plugin, registry)

    def judged(
        self,
        laws: Sequence[str] = (),
        step: Callable[[int, int], None] | None = None,
        further: Sequence[Judged] = (),
    ) -> Judgement:
        """Return the verdicts, and what a mechanism costs.

        Args:
            laws: names of laws; all of its role, and its cost, if there is none.
            step: told how many laws have been judged, and of how many.
            further: roles that rooms above have laws for.

        Raises:
            RequestError: its role has no laws, or there is no such law.
        """
        from bionic_core.conformance.cost import cost
        from bionic_core.conformance.judge import ROLES, judge, laws_of

        roles = (*ROLES, *further)
        total = len(laws) or len(laws_of(self.plugin, roles))
        found = []
        for verdict in judge(self.plugin, *laws, registry=self.registry, roles=roles):
            found.append(verdict)
            if step is not None:
                step(len(found), total)
        broken = any(verdict.broken for verdict in found)
        priced = isinstance(self.plugin, Mechanism) and not laws and not broken
        name = self.plugin.name
        return Judgement(
            name=name,
            role=self.plugin.role,
            distribution=self.registry.distribution(name, type(self.plugin)),
            passed=not broken,
            laws=tuple(found),
            cost=cost(self.plugin, self.registry) if priced else None,  # type: ignore[arg-type]
        )
