"""Commands that name plugins, and those plugins' fields as options beside the command's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs
import typer
from typer.core import TyperCommand

from bionic_core.errors import RequestError, listing

if TYPE_CHECKING:
    from bionic_core.plugin import Plugin

P = TypeVar("P", bound="Plugin")

_ADDED = "bionic.options"
"""Where a command's context keeps what the plugins that are named add to it."""

_CHOSEN = "bionic.plugins"
"""Where a command's context keeps the plugins that were chosen."""


@attrs.frozen(eq=False)
class Named:
    """A plugin that the command line names.

    Attributes:
        said: how it was named, such as ``--engine stacked``.
        cls: the plugin.
        fields: those that it adds to the command's options, by their option.
        shared: names of fields that its role has, so that they are the command's own options.
        options: typer's, of the fields.
    """

    said: str
    cls: type[Plugin]
    fields: Mapping[str, attrs.Attribute[Any]]
    shared: frozenset[str]
    options: Sequence[Any]

    @classmethod
    def of(cls, said: str, plugin: type[Plugin], role: type[Plugin]) -> Named:
        """Return a plugin that was named for its role."""
        from bionic_core.cli.options import fields_of, options_of

        shared = frozenset(inspect.get_annotations(role))
        fields = {o: f for o, f in fields_of(plugin).items() if str(f.alias) not in shared}
        return cls(said, plugin, fields, shared, options_of(fields))

    def plugin(self, values: dict[str, Any], problems: Sequence[str]) -> Plugin:
        """Return the plugin of a command's values, and take out those that are only its own."""
        from bionic_core.cli.options import plugin_of

        given = {name: values.get(name) for name in self.shared}
        given |= {option.name: values.pop(option.name) for option in self.options}
        return plugin_of(self.cls, {k: v for k, v in given.items() if v is not None}, problems)


class PluginCommand(TyperCommand):
    """A command that takes the options of the plugins that are named, beside its own.

    Attributes:
        alone: options of the command that may stand without a value, and the value that is meant.
    """

    alone: ClassVar[Mapping[str, str]] = {}

    def roles(self) -> Mapping[str, type[Plugin]]:
        """Return the parameters that name plugins, and the role of what they name."""
        return {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Look which plugins are named, and parse with their options as well; make them."""
        from bionic_core.cli.options import unknown

        try:
            found = self.named(ctx, self._completed(args, ())[0])
            self._check(found)
        except RequestError:
            if not ctx.resilient_parsing:  # of a line that is being typed, nothing is wrong yet
                raise
            found = []
        ctx.meta[_ADDED] = found
        words, missing = self._completed(args, found)
        rest = super().parse_args(ctx, words)
        ctx.meta[_CHOSEN] = []
        if ctx.resilient_parsing:
            return rest
        for one in found:
            problems = [f"{option}: needs a value" for option in missing if option in one.fields]
            # Only a command of a single plugin takes words that are unknown to it.
            problems += unknown(rest, one.cls)
            ctx.meta[_CHOSEN].append(one.plugin(ctx.params, problems))
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the command's parameters and the options of the plugins that are named."""
        added = [option for one in ctx.meta.get(_ADDED, ()) for option in one.options]
        return [*super().get_params(ctx), *added]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what the plugins that are named say of themselves and of their options."""
        from bionic_core.cli.options import described

        super().format_epilog(ctx, formatter)
        for one in ctx.meta.get(_ADDED, ()):
            formatter.write(f"\n{described(one.cls)}\n")

    def named(self, ctx: Any, args: Sequence[str]) -> list[Named]:
        """Return the plugins that are named, or are meant where none is.

        Raises:
            RequestError: there is none of a name and its role.
        """
        from bionic_core.registry import Registry

        roles, registry, found = self.roles(), Registry.installed(), []
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        given, _, _ = parser.parse_args([*args])
        helps = bool({"--help", "-h"} & {*args})
        for parameter in self.params:
            name = str(parameter.name)
            if name not in roles:
                continue
            value = given.get(name, None if helps else parameter.default)
            for word in dict.fromkeys(value if isinstance(value, list) else [value]):
                # An option in the place of a name: the command says what it wants there.
                if isinstance(word, str) and word and not word.startswith("-"):
                    option = parameter.param_type_name == "option"
                    said = f"{parameter.opts[0]} {word}" if option else word
                    found.append(Named.of(said, registry.get(word, roles[name]), roles[name]))
        return found

    def _check(self, found: Sequence[Named]) -> None:
        """Refuse plugins with an option that is the command's too, or another plugin's."""
        own = {option for parameter in self.params for option in parameter.opts}
        for one in found:
            if twice := own & {*one.fields}:
                raise RequestError(
                    f"{one.said}: its option {listing(twice)} is one of '{self.name}' itself, "
                    f"so it cannot be given; whoever makes {one.cls.name} must name the field "
                    "otherwise"
                )
        for other, one in combinations(found, 2):
            if twice := {*other.fields} & {*one.fields}:
                raise RequestError(
                    f"{one.said}: its option {listing(twice)} is one of {other.cls.name} too, "
                    "so they cannot be chosen together"
                )

    def _completed(
        self, args: Sequence[str], found: Sequence[Named]
    ) -> tuple[list[str], list[str]]:
        """Give options that stand alone their value; return the words, and options without one.

        A value may begin with one dash, since it may be a negative number.
        """
        fields = {option: field for one in found for option, field in one.fields.items()}
        words: list[str] = []
        missing: list[str] = []
        for word, after in pairwise([*args, "--"]):
            if word in self.alone and after.startswith("-"):
                words.append(f"{word}={self.alone[word]}")
            elif word in fields and fields[word].type is bool:
                words.append(f"{word}=true")
            elif word in fields and after.startswith("--"):
                missing.append(word)
            else:
                words.append(word)
        return words, missing


class StudyCommand(PluginCommand):
    """A command whose runs an engine trains, and trackers are told of."""

    def roles(self) -> Mapping[str, type[Plugin]]:
        """Return the parameters that name an engine and trackers."""
        from bionic_core.runs.engine import Engine
        from bionic_core.studies.journal import Tracker

        return {"engine": Engine, "track": Tracker}


def chosen(context: typer.Context, role: type[P]) -> list[P]:
    """Return the plugins of a role that the command line names, with their options."""
    return [plugin for plugin in context.meta[_CHOSEN] if isinstance(plugin, role)]
