"""A plugin's fields as options of a command: ``--cell-types BC,MC`` sets ``cell_types``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

import attrs

from bionic_core.base.strict import structure
from bionic_core.base.toml import toml_value
from bionic_core.errors import RequestError, nearest
from bionic_core.plugin import Plugin

P = TypeVar("P", bound=Plugin)


def from_options(cls: type[P], words: Sequence[str]) -> P:
    """Return a plugin from what follows its name on the command line.

    Raises:
        RequestError: with all that is wrong: an option that is none of its fields, a missing or
            forbidden value, a word that belongs to no option.
    """
    fields = _fields(cls)
    table: dict[str, Any] = {}
    problems: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, text = word.partition("=")
        if option not in fields:
            problems.append(_unknown(word, option, cls.name, fields))
            if option.startswith("--") and not equals and rest and not rest[0].startswith("--"):
                rest.pop(0)  # its value, or else it would be a second problem
            continue
        field = fields[option]
        if field.type is bool and not equals:
            text = "true"
        elif not equals:
            # A value may begin with one dash: it is a negative number.
            if not rest or rest[0].startswith("--"):
                problems.append(f"{option}: needs a value")
                continue
            text = rest.pop(0)
        table[str(field.alias)] = _value(text, field.type)
    plugin, found = structure(table, cls, "")
    problems += [_as_option(problem) for problem in found]
    if problems or plugin is None:
        raise RequestError(problems, where=cls.name)
    return plugin


def option_names(cls: type[Plugin]) -> set[str]:
    """Return the options that a plugin's fields are."""
    return {*_fields(cls)}


def split(cls: type[Plugin], words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return those words that are a plugin's options, with their values, and all others."""
    fields = _fields(cls)
    theirs: list[str] = []
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, _ = word.partition("=")
        if option not in fields:
            others.append(word)
            continue
        theirs.append(word)
        valued = not equals and fields[option].type is not bool
        if valued and rest and not rest[0].startswith("--"):
            theirs.append(rest.pop(0))
    return theirs, others


def described(cls: type[Plugin]) -> str:
    """Return a plugin's docstring, and a line for each option with its default as written."""
    lines = [
        f"  {option}"
        + ("" if f.default is attrs.NOTHING else f"   [{_written(f.default) or 'none'}]")
        for option, f in _fields(cls).items()
    ]
    title = f"Options of {cls.name} [default]:" if lines else f"{cls.name} has no options."
    return "\n".join([f"{cls.name}: {inspect.getdoc(cls)}", "", title, *lines])


def _fields(cls: Any) -> dict[str, attrs.Attribute[Any]]:
    """Return the fields by their options."""
    found = attrs.fields(attrs.resolve_types(cls))
    return {f"--{str(f.alias).replace('_', '-')}": f for f in found if f.init}


def _value(text: str, kind: Any) -> Any:
    """Return the text as the field's kind reads it: lists by comma, text as it stands."""
    if get_origin(kind) is tuple:
        return [_value(item.strip(), get_args(kind)[0]) for item in text.split(",") if item.strip()]
    return text if kind is str else toml_value(text)


def _written(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _unknown(word: str, option: str, name: str, options: Any) -> str:
    if not word.startswith("--"):
        return f"{word}: belongs to no option; what is chosen for '{name}' is said by options"
    return f"{option}: there is no such option of '{name}'.{nearest(option, options)}"


def _as_option(problem: str) -> str:
    """Return a problem of a field as one of its option."""
    if problem.startswith(": "):
        return problem[2:]
    name = problem[: len(problem) - len(problem.lstrip("abcdefghijklmnopqrstuvwxyz0123456789_"))]
    return f"--{name.replace('_', '-')}{problem[len(name) :]}"
