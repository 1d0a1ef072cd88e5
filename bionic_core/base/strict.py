"""Tables of TOML or JSON to attrs objects, strictly: nothing is coerced, and all wrongs are found.

cattrs dispatches on the types; its own leaves and classes are replaced, because they turn
``"abc"`` into ``True`` and ``1.9`` into ``1``, and stop at a class's first failing validator.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote, BaseValidationError, IterableValidationNote

from bionic_core.errors import listing, nearest

T = TypeVar("T")

KEY = "key"  # metadata of a field whose key in the table is not its name


class MismatchError(Exception):
    """A value is not of the kind that is wanted; ``path`` is relative to the table."""

    def __init__(self, text: str, path: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.path = path


class MismatchesError(Exception):
    """Everything that is wrong with a table."""

    def __init__(self, found: list[MismatchError]) -> None:
        super().__init__("; ".join(mismatch.text for mismatch in found))
        self.found = found


def structure(
    table: object, cls: type[T], path: str, *, others: bool = False
) -> tuple[T | None, list[str]]:
    """Return the object and no problems, or None and each problem with its path.

    Args:
        table: what was read.
        cls: what it should be.
        path: of the table, put before each problem's own.
        others: whether keys that the class does not have are passed over, as in what another
            version wrote; else each is a problem.
    """
    try:
        return (_TOLERANT if others else _STRICT).structure(table, cls), []
    except Exception as error:
        found = _flatten(error, "")
        return None, [f"{_join(path, item.path)}{item.text}" for item in found]


def plain(value: Any) -> Any:
    """Return an attrs object as TOML-ready data: dicts, lists and scalars, no None."""
    if attrs.has(type(value)):
        fields = {f.alias: getattr(value, f.name) for f in attrs.fields(type(value)) if f.init}
        return {key: plain(item) for key, item in fields.items() if item is not None}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def shown(value: object) -> str:
    """Return a value as TOML would write it, cut where it is long."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text.replace("'", '"') if len(text) <= 60 else text[:57] + "…"


def _join(path: str, rest: str) -> str:
    joiner = "." if path and rest and not rest.startswith("[") else ""
    return f"{path}{joiner}{rest}"


def _wants(name: str, test: Callable[[object], bool]) -> Callable[[object, type], Any]:
    def hook(value: object, _: type) -> object:
        if not test(value):
            raise MismatchError(f" = {shown(value)}: must be {name}")
        return value

    return hook


def _float(value: object, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MismatchError(f" = {shown(value)}: must be a number")
    return float(value)


def _written(value: object, cls: type) -> float:
    """Take a number of a document, in which those that JSON lacks are words."""
    return float(str(value)) if value in ("NaN", "Infinity", "-Infinity") else _float(value, cls)


def _literal(value: object, cls: Any) -> object:
    allowed = get_args(cls)
    if not any(value == option and type(value) is type(option) for option in allowed):
        near = nearest(value, [str(a) for a in allowed]) if isinstance(value, str) else ""
        options = ", ".join(shown(option) for option in allowed)
        raise MismatchError(f" = {shown(value)}: must be one of {options}.{near}")
    return value


class _Kinds:
    """How generic kinds and classes are made, part by part, by one converter."""

    def __init__(self, *, others: bool) -> None:
        self.others = others
        self.converter = cattrs.Converter(detailed_validation=True)
        hook = self.converter.register_structure_hook
        hook_if = self.converter.register_structure_hook_func
        # By exact type: True is an int, and 1 would pass for a bool.
        hook(bool, _wants("true or false", lambda v: type(v) is bool))
        hook(int, _wants("a whole number below 2^63", lambda v: type(v) is int and abs(v) < 2**63))
        hook(str, _wants("a string", lambda v: type(v) is str))
        hook(float, _written if others else _float)
        hook_if(_is(Literal), _literal)
        hook_if(_is(tuple), self._sequence)
        hook_if(_is(Mapping, dict), self._mapping)
        hook_if(_is(Union, types.UnionType), self._union)
        hook_if(attrs.has, self._class)

    def _sequence(self, value: object, cls: Any) -> object:
        args = get_args(cls)
        if not isinstance(value, (list, tuple)):
            raise MismatchError(f" = {shown(value)}: must be a list")
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) != len(value):
            raise MismatchError(f" = {shown(value)}: must have {len(kinds)} items")
        places = (f"[{place}]" for place in range(len(value)))
        return tuple(self._each(zip(places, value, kinds, strict=True)))

    def _mapping(self, value: object, cls: Any) -> object:
        if not isinstance(value, Mapping):
            raise MismatchError(f" = {shown(value)}: must be a table")
        kind = get_args(cls)[1]
        results = self._each((key, item, kind) for key, item in value.items())
        return dict(zip(value, results, strict=True))

    def _union(self, value: object, cls: Any) -> object:
        """Take the first alternative that fits: list kinds for lists, scalars for scalars."""
        problems: list[str] = []
        for kind in get_args(cls):
            if kind is type(None):
                if value is None:
                    return None
                continue
            try:
                return self.converter.structure(value, kind)
            except Exception as error:
                found = _flatten(error, "")
                if (get_origin(kind) is tuple and isinstance(value, list)) or (
                    attrs.has(kind) and isinstance(value, Mapping)
                ):
                    raise  # of the right kind and wrong inside: say what, not "must be …"
                problems += [item.text.partition("must be ")[2] for item in found]
        raise MismatchError(f" = {shown(value)}: must be {' or '.join(problems)}")

    def _each(self, items: Any) -> list[Any]:
        results, found = [], []
        for place, item, kind in items:
            try:
                results.append(self.converter.structure(item, kind))
            except Exception as error:
                found += _flatten(error, place)
        if found:
            raise MismatchesError(found)
        return results

    def _class(self, value: object, cls: Any) -> Any:
        if not isinstance(value, Mapping):
            raise MismatchError(f" = {shown(value)}: must be a table")
        attrs.resolve_types(cls)  # annotations are text until somebody asks
        fields = {f.metadata.get(KEY, f.alias): f for f in attrs.fields(cls) if f.init}
        found = [
            MismatchError(
                f": there is no such key.{nearest(key, fields)} Allowed are {listing(fields)}",
                str(key),
            )
            for key in value
            if key not in fields and not self.others
        ]
        arguments: dict[str, Any] = {}
        for name, field in fields.items():
            if name not in value:
                if field.default is attrs.NOTHING:
                    found.append(MismatchError(": is missing", name))
                continue
            try:
                made = self.converter.structure(value[name], field.type or Any)
            except Exception as error:
                found += _flatten(error, name)
                continue
            if field.validator is not None:
                try:
                    field.validator(None, field, made)
                except Exception as error:
                    found.append(MismatchError(f" = {shown(value[name])}: {_words(error)}", name))
            arguments[field.alias] = made
        if found:
            raise MismatchesError(found)
        try:
            return cls(**arguments)
        except Exception as error:
            raise MismatchError(f": {error}") from error


def _words(error: Exception) -> str:
    """Return a validator's words, less the name and the value that attrs puts around them."""
    text = str(error.args[0] if error.args else error)
    attrs_own = re.fullmatch(r"'\w+' (must be .*?): .*", text)
    return attrs_own[1] if attrs_own else text


def _flatten(error: BaseException, path: str) -> list[MismatchError]:
    """Return the mismatches of an exception, with their paths from here."""
    if isinstance(error, MismatchesError):
        return [MismatchError(item.text, _join(path, item.path)) for item in error.found]
    if isinstance(error, MismatchError):
        return [MismatchError(error.text, _join(path, error.path))]
    if isinstance(error, BaseValidationError):
        found = []
        for inner in error.exceptions:
            place = path
            for note in getattr(inner, "__notes__", []):
                if isinstance(note, AttributeValidationNote):
                    place = _join(path, note.name)
                elif isinstance(note, IterableValidationNote):
                    place = _join(path, f"[{note.index}]")
            found += _flatten(inner, place)
        return found
    return [MismatchError(f": {error}", path)]


def _is(*origins: object) -> Callable[[Any], bool]:
    """Return a test for generic types of these origins."""
    return lambda cls: get_origin(cls) in origins


_STRICT = _Kinds(others=False).converter
_TOLERANT = _Kinds(others=True).converter
