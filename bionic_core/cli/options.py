"""An attrs class's fields as options of a command: ``--cell-types BC,MC`` sets ``cell_types``.

A command's own options may be such a class, whose annotations are typer's; the fields of a plugin
are read as the values of a spec are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

import attrs
import typer

from bionic_core.errors import RequestError, nearest
from bionic_core.markers import SPEC_ONLY
from bionic_core.plugin import Plugin

P = TypeVar("P", bound=Plugin)
C = TypeVar("C", bound=Callable[..., Any])

Fields = Mapping[str, "attrs.Attribute[Any]"]


@attrs.frozen
class Less:
    """Says beside a class of options which of its fields a command does not take."""

    names: tuple[str, ...]


def taking_fields(command: C) -> C:
    """Return a command whose parameters that are attrs classes are given as their fields.

    A field's annotation is typer's: ``out: Annotated[Path, typer.Option(help="…")] = Path()``.
    """
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        cls, left_out = _group(parameter.annotation)
        if cls is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        fields = [f for f in attrs.fields(attrs.resolve_types(cls)) if f.name not in left_out]
        groups[name] = (cls, [f.name for f in fields])
        parameters += [_parameter(f.name, f.type, f.default) for f in fields]

    @functools.wraps(command)
    def taking(**values: Any) -> Any:
        for name, (cls, names) in groups.items():
            values[name] = cls(**{field: values.pop(field) for field in names})
        return command(**values)

    given = cast(Any, taking)
    given.__signature__ = inspect.Signature(parameters)
    given.__annotations__ = {p.name: p.annotation for p in parameters}
    return cast(C, taking)


def fields_of(cls: Any) -> dict[str, attrs.Attribute[Any]]:
    """Return the fields of a plugin by their options; those that only specs have are none."""
    found = attrs.fields(attrs.resolve_types(cls))
    shown = [f for f in found if f.init and not f.metadata.get(SPEC_ONLY)]
    return {f"--{str(f.alias).replace('_', '-')}": f for f in shown}


def options_of(fields: Fields) -> list[Any]:
    """Return fields as typer's options, each with its text as value, or None if not given.

    They are hidden: :func:`described` shows them, since a plugin's docstring says what they mean.
    """

    def given(**_: str | None) -> None:
        """Have the fields as parameters."""

    kind = {
        option: Annotated[str | None, typer.Option(option, hidden=True, show_default=False)]
        for option in fields
    }
    parameters = [_parameter(str(f.alias), kind[option], None) for option, f in fields.items()]
    named = cast(Any, given)
    named.__signature__ = inspect.Signature(parameters)
    named.__annotations__ = {p.name: p.annotation for p in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(given)
    return [p for p in typer.main.get_command(app).params if {*p.opts} <= {*fields}]


def plugin_of(cls: type[P], given: Mapping[str, Any], problems: Iterable[str] = ()) -> P:
    """Return a plugin of what options gave its fields: text, or a value that has been read.

    Raises:
        RequestError: with these problems, and all that is wrong with the values.
    """
    from bionic_core.base.strict import structure

    kinds = {str(f.alias): f.type for f in fields_of(cls).values()}
    table = {
        name: _value(value, kinds[name]) if isinstance(value, str) else value
        for name, value in given.items()
    }
    plugin, found = structure(table, cls, "")
    problems = [*problems, *map(_as_option, found)]
    if problems or plugin is None:
        raise RequestError(problems, where=cls.name)
    return plugin


def unknown(words: Sequence[str], cls: type[Plugin]) -> list[str]:
    """Say of words that are no option of a plugin, nor the value of one, what is wrong."""
    problems = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, _ = word.partition("=")
        if not word.startswith("--"):
            problems.append(
                f"{word}: belongs to no option; what is chosen for '{cls.name}' is said by options"
            )
            continue
        near = nearest(option, fields_of(cls))
        problems.append(f"{option}: there is no such option of '{cls.name}'.{near}")
        if not equals and rest and not rest[0].startswith("--"):
            rest.pop(0)  # its value, or else it would be a second problem
    return problems


def described(cls: type[Plugin]) -> str:
    """Return a plugin's docstring, and a line for each option with its default as written."""
    lines = [
        f"  {option}"
        + ("" if f.default is attrs.NOTHING else f"   [{_written(f.default) or 'none'}]")
        for option, f in fields_of(cls).items()
    ]
    title = f"Options of {cls.name} [default]:" if lines else f"{cls.name} has no options."
    return "\n".join([f"{cls.name}: {inspect.getdoc(cls)}", "", title, *lines])


def _group(annotation: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the class of options that a parameter is, or None, and the fields it leaves out."""
    cls, *notes = get_args(annotation) if get_origin(annotation) is Annotated else [annotation]
    if not (inspect.isclass(cls) and attrs.has(cls)):
        return None, ()
    return cls, tuple(name for note in notes if isinstance(note, Less) for name in note.names)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=annotation,
        default=inspect.Parameter.empty if default is attrs.NOTHING else default,
    )


def _value(text: str, kind: Any) -> Any:
    """Return the text as the field's kind reads it: lists by comma, text as it stands."""
    from bionic_core.base.toml import toml_value

    if get_origin(kind) is tuple:
        return [_value(item.strip(), get_args(kind)[0]) for item in text.split(",") if item.strip()]
    return text if kind is str else toml_value(text)


def _written(default: Any) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _as_option(problem: str) -> str:
    """Return a problem of a field as one of its option."""
    if problem.startswith(": "):
        return problem[2:]
    name = problem[: len(problem) - len(problem.lstrip("abcdefghijklmnopqrstuvwxyz0123456789_"))]
    return f"--{name.replace('_', '-')}{problem[len(name) :]}"
