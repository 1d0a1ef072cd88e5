"""The commands that are announced, by their words; each is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from typer.core import TyperCommand, TyperGroup

from bionic_core.base.words import printable
from bionic_core.cli.command import Command, command_of
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.markers import COMMAND, DISTRIBUTION
from bionic_core.registry import Registry
from bionic_core.registry.announced import Entry
from bionic_core.registry.outline import Outline, outline

HEADINGS: Mapping[str, str] = {
    "study": "Studies",
    "run": "Models and runs",
    "wiring": "Images and wiring",
    "plugins": "Plugins",
    "other": "Others",
}
"""The groups that there are from the start, in the order in which help has them."""


@attrs.frozen
class Offered:
    """A command or family as help lists it, and completion; ``type`` is what completion asks."""

    value: str
    group: str
    help: str
    type: str = "plain"


class Family(TyperGroup):
    """Commands whose names begin alike: all of them, or those of ``bionic connectome``."""

    prefix = ""
    example = ""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the words that may come next."""
        return sorted(self._next())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command or the family of a word; it alone is imported.

        Raises:
            RequestError: it is announced twice, or cannot be loaded.
        """
        name = f"{self.prefix}{cmd_name}"
        entries = self._next().get(cmd_name, [])
        own = [entry for entry in entries if entry.name == name]
        if len(own) > 1:
            from bionic_core.registry.catalogue import ambiguous

            raise RequestError(ambiguous(own))
        if not entries:
            return None
        # What has something to do of its own is no family, whatever others announce below it.
        if own and (own == entries or getattr(own[0].load(), "run", None) is not None):
            return command_of(own[0])
        return self._family(name, own)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command of the first word.

        Raises:
            RequestError: there is none.
        """
        word = args[0]
        if not word.startswith("-") and not ctx.resilient_parsing and word not in self._next():
            known = self.list_commands(ctx)
            raise RequestError(
                f"there is no command '{self.prefix.replace('.', ' ')}{word}'."
                f"{nearest(word, known)} There are: {listing(known)}"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, by their groups."""
        offered = list(self._offered())
        groups = [*HEADINGS, *sorted({one.group for one in offered} - {*HEADINGS})]
        width = max((len(one.value) for one in offered), default=0)
        for group in groups:
            rows = [(f"{one.value:{width}}", one.help) for one in offered if one.group == group]
            if rows:
                title = "Commands" if self.prefix else HEADINGS.get(group, group.capitalize())
                with formatter.section(printable(title)):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the example."""
        if self.example:
            with formatter.section("Example"):
                formatter.write(f"{'':{formatter.current_indent}}{self.example}\n")

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the words that may stand here; options only where one is begun."""
        if incomplete.startswith("-"):
            return [o for o in super().shell_complete(ctx, incomplete) if o.value.startswith("-")]
        return [one for one in self._offered() if one.value.startswith(incomplete)]

    def _next(self) -> dict[str, list[Entry]]:
        """Return what is announced, by the word that comes next."""
        found: dict[str, list[Entry]] = {}
        for entry in Registry.installed().announced(COMMAND):
            if entry.name.startswith(self.prefix):
                word = entry.name.removeprefix(self.prefix).partition(".")[0]
                found.setdefault(word, []).append(entry)
        return found

    def _offered(self) -> Iterator[Offered]:
        for word, entries in sorted(self._next().items()):
            heads = [entry for entry in entries if entry.name == f"{self.prefix}{word}"]
            # A family without a head is in the group of its first command.
            said = outline((heads or entries)[0].target)
            group, help_ = str(said.says.get("group", Command.group)), said.summary
            if not heads:
                help_ = f"Commands about {word}."
            elif len(heads) > 1:
                help_ = f"Announced {len(heads)} times: {listing([o.distribution for o in heads])}."
            elif heads[0].distribution != DISTRIBUTION:
                help_ = f"{help_} ({heads[0].distribution})".lstrip()
            yield Offered(word, group, printable(help_))

    def _family(self, name: str, heads: list[Entry]) -> Family:
        said = outline(heads[0].target) if heads else Outline()
        family = Family(
            name=name.rpartition(".")[2],
            help=said.doc or f"Commands about {name}.",
            rich_markup_mode=None,
            no_args_is_help=True,
        )
        family.prefix, family.example = f"{name}.", str(said.says.get("example", ""))
        return family


def command_named(name: str) -> TyperCommand:
    """Return the command of a name such as ``connectome.info``."""
    root, words = Family(), name.split(".")
    for word in words[:-1]:
        root = root.get_command(None, word)
    command = root.get_command(None, words[-1])
    assert isinstance(command, TyperCommand)
    return command
