"""Commands that say in words what something is: explain, and plugins NAME."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core.base.strict_json import json_text
from bionic_core.cli.command import Command
from bionic_core.cli.common import Json, Set, SpecName, With, Without, load, show
from bionic_core.markers import COMMAND, DISTRIBUTION
from bionic_core.plugin import Mechanism
from bionic_core.registry.about import unmarked

if TYPE_CHECKING:
    from bionic_core.registry.about import About
    from bionic_core.registry.catalogue import Listing
    from bionic_core.spec.spec import Spec


FIRST = Mechanism.role


@attrs.frozen
class Part:
    """A mechanism, source or table of a spec, in words; ``keys`` as the spec has them.

    ``changed`` are keys that are not as by default; ``units`` those of keys that are quantities.
    """

    name: str
    role: str
    summary: str
    acts: tuple[str, ...]
    requires: tuple[str, ...]
    source: str
    keys: Mapping[str, Any]
    changed: Mapping[str, Any]
    units: Mapping[str, str]


@attrs.frozen
class Explained:
    """A spec in words: its parts, mechanisms in the order of the forward pass."""

    name: str
    layers: Mapping[str, Any]
    projections: tuple[str, ...]
    parts: tuple[Part, ...]


def explain_command(
    spec: SpecName,
    with_: With = "",
    without: Without = "",
    set_: Set = None,
    json: Json = False,
) -> None:
    """Carry out :class:`Explain`."""
    from rich.text import Text

    found = explained(load(spec, with_=with_, without=without, set_=set_))
    show(found, json, lambda _: Text("\n".join(_in_words(found))))


def explained(spec: Spec) -> Explained:
    """Return what a spec's parts are."""
    from bionic_core import hookspecs
    from bionic_core.base.strict import plain
    from bionic_core.registry.about import about, keys_of

    def valued(table: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
        keys, known = plain(table), keys_of(type(table))
        changed = {k.name: keys[k.name] for k in known if keys.get(k.name) != k.default}
        return keys, changed, {k.name: k.unit for k in known if k.unit and k.name in keys}

    def part(plugin: Any) -> Part:
        told = about(type(plugin), None)
        acts = tuple(f"{hook}: {words}" for hook, words in told.acts.items())
        return Part(
            told.name, told.role, told.summary, acts, told.requires, told.source, *valued(plugin)
        )

    order = [*hookspecs.COMBINATION]
    mechanisms = [part(mechanism) for mechanism in spec.mechanisms.values()]
    mechanisms.sort(key=lambda p: order.index(p.acts[0].partition(":")[0]) if p.acts else 99)
    sources = [part(source) for source in (spec.data, spec.connectome) if source is not None]
    doc = unmarked(str(type(spec.training).__doc__)).partition("\n")[0]
    training = Part("training", "table", doc, (), (), "", *valued(spec.training))
    parts = (*sources, *mechanisms, training)
    return Explained(spec.name, plain(spec.model.layers), spec.model.projections, parts)


def _with_unit(part: Part, key: str, value: Any) -> str:
    unit = part.units.get(key, "1")
    return f"{key} = {_toml(value)}" + ("" if unit == "1" else f" {unit}")


def _in_words(found: Explained) -> Iterator[str]:
    layers = ", ".join(
        f"{name} ({cells if isinstance(cells, int) else ', '.join(cells)})"
        for name, cells in found.layers.items()
    )
    yield found.name
    yield from folded(f"layers: {layers}", 2)
    yield from folded(f"projections: {', '.join(found.projections) or 'none'}", 2)
    for part in found.parts:
        yield ""
        yield f"{part.name}, {part.role}"
        yield from folded(part.summary, 2)
        for words in part.acts:
            yield from folded(f"acts on {words}", 2)
        if part.keys:
            yield from folded(", ".join(_with_unit(part, k, v) for k, v in part.keys.items()), 2)
        if part.changed:
            yield from folded(f"not as by default: {', '.join(part.changed)}", 2)
        if part.requires:
            yield from folded(f"requires {', '.join(part.requires)}", 2)
        if part.source:
            yield from folded(f"source: {part.source}", 2)


def described(told: About) -> Iterator[str]:
    """Yield the lines that say of a plugin what it does, where it acts, its keys and source."""
    yield f"{told.name}, {told.kind or ''} {told.role}".replace(",  ", ", ")
    yield from folded(told.summary, 2)
    for paragraph in filter(None, told.text.split("\n\n")):
        yield ""
        lines = paragraph.split("\n") if paragraph.startswith("  ") else [paragraph]
        yield from (words for line in lines for words in folded(line.strip(), 2, hang=0))
    for hook, words in told.acts.items():
        yield from folded(f"acts on {hook}: {words}", 2, before=True)
    if told.requires:
        yield from folded(f"requires {', '.join(told.requires)}", 2, before=True)
    if told.source:
        yield from folded(f"source: {told.source}", 2, before=True)
    yield from folded(f"from {told.distribution}, {told.target}", 2, before=True)
    if told.keys:
        yield from ("", "keys")
    for key in told.keys:
        default = "must be given" if key.required else f"default {_toml(key.default)}"
        allowed = f"; {key.allowed}" if key.allowed else ""
        yield from folded(f"{key.name}: {key.measured}, {default}{allowed}", 2)
        yield from folded(key.about, 6, hang=0)


def listed(listing: Listing) -> Iterator[str]:
    """Yield the lines that list what is installed by role, then why some failed."""
    lines = [line for line in listing.plugins if not line.error]
    width = max((len(line.name) for line in lines), default=0)
    # What a model is made of first, and commands last: --help lists those.
    for role in sorted({line.role for line in lines}, key=lambda r: (r == COMMAND, r != FIRST, r)):
        yield from (f"{role}s", "")
        for line in lines:
            if line.role == role:
                whose = f" ({line.distribution} {line.version})".replace(" )", ")")
                ours = line.distribution == DISTRIBUTION
                words = unmarked(line.summary) + ("" if ours else whose)
                name = line.name.replace(".", " ") if role == COMMAND else line.name
                yield from folded(f"{name:{width}}  {words}", 2, hang=width + 2)
        yield ""
    for line in listing.plugins:
        if line.error:
            yield from folded(f"{line.name}: {line.error}", 0)
    yield "bionic plugins NAME says what one of them does, with its keys and their defaults"


def folded(text: str, indent: int, *, hang: int = 2, before: bool = False) -> list[str]:
    """Return a paragraph's lines of 80 letters at most, those after the first hanging."""
    first, later = " " * indent, " " * (indent + hang)
    lines = wrap(text, 80, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)
    return ["", *lines] if before else lines


def _toml(value: Any) -> str:
    if value is None:
        return "none"
    return json_text(value, ensure_ascii=False, default=str)


@attrs.frozen(eq=False)
class Explain(Command):
    """Say in words what each part of a spec does, in the order of the forward pass."""

    name = "explain"
    group = "run"
    example = "bionic explain full"
    run = staticmethod(explain_command)
