"""What a plugin is, for who asks by name: its equation, its keys, where it acts and its source."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import attrs

from bionic_core import hookspecs
from bionic_core.base.strict import plain
from bionic_core.markers import PROJECT, SOURCE, SPEC_ONLY, UNIT
from bionic_core.plugin import Plugin


@attrs.frozen
class KeyOf:
    """A key of a plugin's table, or an option of the command that it is chosen for.

    Attributes:
        kind: of value, as TOML has it.
        default: None where the key must be given.
        allowed: the range or the values; empty where the kind says all.
        unit: of a quantity, as the field's ``metadata={UNIT: "steps"}`` has it; ``1`` where it has
            none, and empty for what is no quantity, or where a stranger's class does not say.
        source: where the key comes from: ``metadata={SOURCE: "doi:…"}``, else the plugin's own.
        about: what it is, from the class's docstring.
    """

    name: str
    kind: str
    default: Any
    required: bool
    allowed: str
    unit: str
    source: str
    about: str

    @property
    def measured(self) -> str:
        """The kind, and the unit in brackets: ``number [steps]``."""
        return f"{self.kind} [{self.unit}]" if self.unit else self.kind


@attrs.frozen
class About:
    """A plugin, described.

    Attributes:
        summary: the docstring's first line; a mechanism's has its equation.
        text: the rest of the docstring, less what it says of keys.
        acts: hooks that a mechanism answers, and what each is.
    """

    name: str
    role: str
    kind: str | None
    summary: str
    text: str
    source: str
    requires: tuple[str, ...]
    acts: dict[str, str]
    keys: tuple[KeyOf, ...]
    numerics: int
    distribution: str | None
    target: str


def about(cls: type[Plugin], distribution: str | None) -> About:
    """Return what is known of a plugin."""
    doc = inspect.getdoc(cls) or ""
    text = doc.partition(_ATTRIBUTES)[0]
    summary, _, rest = text.partition("\n")
    return About(
        name=cls.name,
        role=cls.role,
        kind=getattr(cls, "kind", None),
        summary=unmarked(summary),
        text=unmarked("\n\n".join(map(_untabled, rest.strip().split("\n\n")))),
        source=cls.source,
        requires=tuple(getattr(cls, "requires", ())),
        acts=acts_of(cls),
        keys=keys_of(cls),
        numerics=cls.numerics,
        distribution=distribution,
        target=f"{cls.__module__}:{cls.__name__}",
    )


_ATTRIBUTES = "\nAttributes:\n"


def keys_of(cls: type) -> tuple[KeyOf, ...]:
    """Return the keys of an attrs class's table, as its fields and its docstring have them."""
    return tuple(_keys(cls, _told((inspect.getdoc(cls) or "").partition(_ATTRIBUTES)[2])))


def acts_of(cls: type[Plugin]) -> dict[str, str]:
    """Return the hooks that a plugin answers, in the order of the forward pass."""
    marked = {
        (getattr(member, f"{PROJECT}_impl").get("specname") or name)
        for name, member in inspect.getmembers(cls, callable)
        if isinstance(getattr(member, f"{PROJECT}_impl", None), dict)
    }
    return {
        hook: unmarked((inspect.getdoc(getattr(hookspecs, hook)) or "").partition("\n")[0])
        for hook in hookspecs.COMBINATION
        if hook in marked
    }


def unmarked(text: str) -> str:
    """Return a docstring's words without the marks of code and of roles."""
    return re.sub(r":\w+:`~?\.?([^`]+)`", r"\1", text).replace("``", "")


def _untabled(paragraph: str) -> str:
    """Return a paragraph; of a table's a line for each row, indented, that names its columns."""
    first, *lines = paragraph.split("\n")
    if not first or {*first} != {"=", " "}:
        return paragraph
    begins = [match.start() for match in re.finditer("=+", first)]
    cut = list(zip(begins, [*begins[1:], None], strict=True))
    rows = [[line[a:b].strip() for a, b in cut] for line in lines if {*line} != {"=", " "}]
    (_, *heads), *body = rows
    return "\n".join(
        f"  {name}: " + "; ".join(f"{h}: {c}" for h, c in zip(heads, row, strict=True) if c)
        for name, *row in body
    )


def _told(text: str) -> dict[str, str]:
    """Return what a docstring's list of attributes says of each."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        if match := re.match(r"    ([a-z]\w*(?:, [a-z]\w*)*): (.*)", line):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif line.startswith("        ") and names:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        elif line.strip():
            break
    return {name: unmarked(words) for name, words in found.items()}


def _keys(cls: Any, told: dict[str, str]) -> Iterator[KeyOf]:
    for field in attrs.fields(attrs.resolve_types(cls)):
        if not field.init:
            continue
        default = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            default = None if default.takes_self else default.factory()
        needed = field.default is attrs.NOTHING
        yield KeyOf(
            name=str(field.alias),
            kind=_kind(field.type),
            default=None if needed else _plain(default),
            required=needed,
            allowed=" and ".join(_allowed(field.validator)) or _choices(field.type),
            unit=str(field.metadata.get(UNIT, "")),
            source=str(field.metadata.get(SOURCE, getattr(cls, "source", ""))),
            about=told.get(str(field.alias), told.get(field.name, ""))
            + (" (in specs only)" if field.metadata.get(SPEC_ONLY) else ""),
        )


def _plain(value: Any) -> Any:
    return plain(value) if attrs.has(type(value)) or isinstance(value, dict | tuple) else value


_KINDS = {float: "number", int: "whole number", bool: "true or false", str: "text"}


def _kind(type_: Any) -> str:
    """Return a type as a reader of TOML calls it."""
    if type_ in _KINDS:
        return _KINDS[type_]
    if get_origin(type_) is Literal:
        return _KINDS.get(type(get_args(type_)[0]), "value")
    parts = [part for part in get_args(type_) if part not in (type(None), ...)]
    if get_origin(type_) is tuple and parts:
        return f"list of {_kind(parts[0])}s".replace("true or falses", "true or false")
    if "dict" in str(get_origin(type_)) or "Mapping" in str(type_):
        return "table"
    return " or ".join(dict.fromkeys(_kind(part) for part in parts)) or "text"


def _choices(type_: Any) -> str:
    return ", ".join(map(str, get_args(type_))) if get_origin(type_) is Literal else ""


def _allowed(validator: Any) -> Iterator[str]:
    """Yield what validators allow: attrs' own in words, a function by its docstring."""
    if validator is None:
        return
    if inspect.isfunction(validator) and validator.__doc__:
        words = validator.__doc__.partition("\n")[0].rstrip(".")
        yield words[:1].lower() + words[1:]
    yield from _allowed(getattr(validator, "validator", None))  # of optional
    for part in getattr(validator, "_validators", ()):  # of and_, which a list becomes
        yield from _allowed(part)
    bound, compared = getattr(validator, "bound", None), getattr(validator, "compare_op", None)
    if compared:
        yield f"{compared} {bound:g}" if isinstance(bound, int | float) else f"{compared} {bound}"
    if options := getattr(validator, "options", None):
        yield ", ".join(map(str, options))
    member = getattr(validator, "member_validator", None)
    if member is not None:
        yield from (f"each {words}" for words in _allowed(member))
    if (least := getattr(validator, "min_length", None)) is not None:
        yield f"at least {least}"
