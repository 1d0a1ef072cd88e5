"""What a law is, and what becomes of it: kept, broken, or not judged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import attrs
import tomli_w
from torch import Tensor

from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import Plugin
from bionic_core.registry import Registry

SHOWN = 16
"""Numbers of an input that are written out."""


class Broken(Exception):  # noqa: N818
    """A law is broken: why, and the smallest input found that shows it."""

    def __init__(self, why: str, example: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.example = example


class NotJudged(Exception):  # noqa: N818
    """The law says nothing about this plugin; the text says why."""


@attrs.frozen
class Law:
    """A law.

    Attributes:
        name: a word, for choosing it.
        says: the law in a sentence.
        judge: raises :class:`Broken` or :class:`NotJudged`; it is given the test bed.
        after: laws without which this one cannot be judged.
    """

    name: str
    says: str
    judge: Callable[[Any], None]
    after: tuple[str, ...] = ()


@attrs.frozen
class Judged:
    """A role that has laws.

    Attributes:
        bed: returns what the laws are given, of a plugin by class or with its keys.
    """

    role: type[Plugin]
    laws: tuple[Law, ...]
    bed: Callable[[Any, Registry | None], Any]


@attrs.frozen
class Verdict:
    """What became of a law.

    Attributes:
        why: it is broken, or was not judged.
        example: the smallest input found that shows it.
    """

    law: str
    says: str
    state: Literal["kept", "broken", "not judged"]
    why: str = ""
    example: str = ""

    @property
    def broken(self) -> bool:
        """Whether the plugin breaks the law."""
        return self.state == "broken"

    def __str__(self) -> str:
        """The law, what is wrong, and what shows it."""
        text = f"{self.law}: {self.state}. The law: {self.says}. {self.why}".strip()
        return f"{text}\n{_indented(self.example)}" if self.example else text


def verdicts(bed: Any, laws: Sequence[Law], chosen: Collection[str] = ()) -> Iterator[Verdict]:
    """Judge each law, or those that are chosen, one after another.

    Raises:
        RequestError: there is no such law.
    """
    known = [law.name for law in laws]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise RequestError(
            [
                f"there is no law '{n}'.{nearest(n, known)} Laws are {listing(known)}"
                for n in unknown
            ]
        )
    failed: set[str] = set()
    for law in laws:
        if chosen and law.name not in chosen:
            continue
        verdict = _verdict(law, bed, failed)
        if verdict.broken:
            failed.add(law.name)
        yield verdict


def _verdict(law: Law, bed: Any, failed: Collection[str]) -> Verdict:
    missing = [name for name in law.after if name in failed]
    if missing:
        return Verdict(law.name, law.says, "not judged", f"the law '{missing[0]}' is broken")
    try:
        law.judge(bed)
    except NotJudged as reason:
        return Verdict(law.name, law.says, "not judged", str(reason))
    except Broken as broken:
        return Verdict(law.name, law.says, "broken", broken.why, broken.example)
    except Exception as error:
        return Verdict(law.name, law.says, "broken", raised(error))
    return Verdict(law.name, law.says, "kept")


def raised(error: BaseException) -> str:
    """Return in a sentence that something was raised."""
    text = str(error).strip().partition("\n\n")[0]
    return f"It raises {type(error).__name__}: {text}"


def as_toml(table: Mapping[str, Any]) -> str:
    """Return a table as TOML, or, where it holds what TOML does not know, as Python writes it."""
    try:
        return tomli_w.dumps(table).strip()
    except (TypeError, ValueError):
        return repr(dict(table))


def shown(value: Tensor) -> str:
    """Return an input as text: shape, and its numbers where they are few or all the same."""
    shape = " × ".join(map(str, value.shape)) or "scalar"
    if value.numel() and bool((value == value.flatten()[0]).all()):
        return f"{shape}, all {value.flatten()[0].item():g}"
    if value.numel() <= SHOWN:
        return f"{shape}, {_rounded(value.tolist())}"
    return f"{shape}, from {value.min().item():.3g} to {value.max().item():.3g}"


def _rounded(value: Any) -> Any:
    return [_rounded(item) for item in value] if isinstance(value, list) else round(value, 4)


def smallest(x: Tensor, fails: Callable[[Tensor], bool]) -> Tensor:
    """Return a simpler input that fails as ``x`` (B …) does: one row, zeros, ones, round numbers.

    Greedy, as property-based testing shrinks: each simplification is kept if it still fails.
    """
    row = next((x[at : at + 1] for at in range(len(x)) if fails(x[at : at + 1])), x)
    for value in (0.0, 1.0):
        if fails(row.new_full(row.shape, value)):
            return row.new_full(row.shape, value)
    kept = row.clone()
    for place in range(min(kept.numel(), 4 * SHOWN)):
        for value in (0.0, 1.0, round(kept.flatten()[place].item(), 1)):
            tried = kept.clone()
            tried.view(-1)[place] = value
            if fails(tried):
                kept = tried
                break
    return kept


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
