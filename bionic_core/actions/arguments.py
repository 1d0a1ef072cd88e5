"""Arguments of calls, checked: each error names the argument, what it was, and what it may be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union

from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from bionic_core.plugin import Plugin
    from bionic_core.spec.spec import Spec
    from bionic_core.statistics.designs import Factor, Level

P = TypeVar("P", bound="Plugin")

PathLike = Union[str, "os.PathLike[str]"]
SpecLike = Union[str, "os.PathLike[str]", "Spec"]
Settings = Mapping[str, Any] | Sequence[str]


def wrong(argument: str, value: object, wanted: str) -> RequestError:
    """Return the error of an argument."""
    shown = repr(value)
    shown = f"{shown[:60]}…" if len(shown) > 60 else shown
    return RequestError(f"{argument}: must be {wanted}; it is {shown} ({type(value).__name__})")


def names(argument: str, value: object) -> list[str]:
    """Return a list of names.

    Raises:
        RequestError: it is one text, or holds what is no name.
    """
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        raise RequestError(
            f"{argument}: '{value}' is one text; give a list of names: {argument}={parts!r}"
        )
    if not isinstance(value, Iterable):
        raise wrong(argument, value, "a list of names")
    found = list(value)
    for one in found:
        if not isinstance(one, str):
            raise wrong(f"{argument}[{found.index(one)}]", one, "a name")
    return found


def count(argument: str, value: object, *, least: int = 1) -> int:
    """Return a whole number.

    Raises:
        RequestError: it is none, or smaller than ``least``.
    """
    if hasattr(value, "__index__") and not isinstance(value, bool):
        number: int = value.__index__()
        if number >= least:
            return number
    raise wrong(argument, value, f"a whole number, {least} or more")


def path(argument: str, value: object) -> Path:
    """Return a path.

    Raises:
        RequestError: it is none.
    """
    if not isinstance(value, str | os.PathLike):
        raise wrong(argument, value, "a path")
    return Path(value)


def spec_of(
    spec: SpecLike,
    data: PathLike | None = None,
    epochs: int | None = None,
    set: Settings = (),
    without: Sequence[str] = (),
    with_: Sequence[str] = (),
    switched: Sequence[str] = (),
) -> Spec:
    """Return a spec by name, by path or as it is, as the other arguments change it.

    ``switched`` are mechanisms that a study puts in and out itself, so that they may be set.

    Raises:
        RequestError: with everything that is wrong.
    """
    from bionic_core.registry import Registry
    from bionic_core.spec.find import load
    from bionic_core.spec.spec import Spec, compose

    out, more, assignments = names("without", without), names("with_", with_), _assignments(set)
    if epochs is not None:
        if "training.max_epochs" in assignments:
            raise RequestError("epochs and set's 'training.max_epochs' are one; give one of them")
        assignments["training.max_epochs"] = count("epochs", epochs)
    source = None if data is None else os.fspath(path("data", data))
    written = [f"{key}={_toml(key, value)}" for key, value in assignments.items()]
    if switched and written:
        from bionic_core.spec.assign import given_values

        more = [*more, *given_values(written, names("mechanisms", switched), out)]
    if not isinstance(spec, Spec):
        if not isinstance(spec, str | os.PathLike):
            raise wrong("spec", spec, "a spec's name, the path of a TOML file, or bionic.load's")
        return load(spec, set=written, without=out, with_=more, data=source)
    if not (written or more) and source is None:
        return spec.without(out)
    from bionic_core.spec.assign import change

    document, registry = spec.document(), Registry.installed()
    change(document, Path(spec.name), registry, set=written, with_=more, without=out, data=source)
    return compose(document, name=spec.name, where=spec.where, registry=registry).without(out)


def switched_by(mechanisms: Sequence[str], design: PathLike | None) -> Sequence[str]:
    """Return the mechanisms that a factorial study puts in and out itself.

    Raises:
        RequestError: its file cannot be read.
    """
    from bionic_core.studies.factors import switched_in

    if design is None or mechanisms:  # both are refused, where all is known of them
        return mechanisms
    return switched_in(path("design", design))


def _assignments(set: object) -> dict[str, Any]:
    """Return keys and values of ``{"training.lr": 1e-3}`` or ``["training.lr=1e-3"]``."""
    from bionic_core.base.toml import toml_value

    if isinstance(set, Mapping):
        for key in set:
            if not isinstance(key, str) or "." not in key:
                raise wrong("set", key, "keys of the spec, such as {'training.lr': 1e-3}")
        return dict(set)
    if isinstance(set, str) or not isinstance(set, Sequence):
        raise wrong("set", set, "keys of the spec and their values, such as {'training.lr': 1e-3}")
    found = {}
    for text in set:
        key, equals, value = str(text).partition("=")
        if not equals:
            raise wrong("set", text, "of the form 'training.lr=1e-3'")
        found[key.strip()] = toml_value(value)
    return found


def _toml(key: str, value: object) -> str:
    import tomli_w

    if hasattr(value, "tolist"):  # a number of numpy's
        value = value.tolist()
    try:
        return tomli_w.dumps({"value": value}).partition("=")[2].strip()
    except (TypeError, AttributeError) as error:
        raise wrong(f"set['{key}']", value, "a number, a text, true or false, or a list") from error


def factors_of(factors: object) -> list[Factor]:
    """Return the factors that ``{"training.lr": [1e-4, 1e-3]}`` says.

    Raises:
        RequestError: it is not of that form, or a value cannot be a level.
    """
    from bionic_core.studies.factors import with_numbers

    if not isinstance(factors, Mapping):
        raise wrong("factors", factors, "keys and their values: {'training.lr': [1e-4, 1e-3]}")
    found = []
    for key, values in factors.items():
        if not isinstance(key, str) or "." not in key:
            raise RequestError(
                f"factors: '{key}' is no key of a spec, such as training.lr; a mechanism on and "
                "off goes into mechanisms"
            )
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise wrong(f"factors['{key}']", values, "a list of values")
        levels = tuple(_level(key, value) for value in values)
        found.append(with_numbers(key.removeprefix("mechanisms."), levels))
    return found


def _level(key: str, value: object) -> Level:
    import json

    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)  # as lists of levels are written
    if isinstance(value, bool | int | float | str):
        return value
    raise wrong(f"factors['{key}']", value, "numbers, words, True and False, or lists")


def plugin(argument: str, value: object, role: type[P]) -> P:
    """Return a plugin of a role by its name, or as it is.

    Raises:
        RequestError: it is none.
    """
    from bionic_core.registry import Registry

    if isinstance(value, role):
        return value
    if not isinstance(value, str):
        raise wrong(argument, value, f"the name of an installed {role.role}, or one")
    try:
        return Registry.installed().get(value, role)()
    except RequestError as error:
        raise RequestError(
            [f"{argument}: {problem}" for problem in error.problems], where=error.where
        ) from error
