"""A plugin of what follows its name on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from bionic_core.cli.connectomes import FetchCommand
from bionic_core.cli.plugins import Named, chosen
from bionic_core.plugin import Plugin

P = TypeVar("P", bound=Plugin)


def from_options(cls: type[P], words: Sequence[str]) -> P:
    """Return the plugin that a command makes of the options for it.

    Raises:
        RequestError: what is wrong with them.
    """

    class Command(FetchCommand):
        def named(self, ctx: Any, args: Sequence[str]) -> list[Named]:
            return [Named.of(cls.name, cls, Plugin)]

    context: Any = Command(cls.name).make_context(cls.name, [*words])
    (plugin,) = chosen(context, cls)
    return plugin
