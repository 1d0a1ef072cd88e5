"""What Python's callers are told: warnings, and the command line's words as arguments of calls.

Rooms below speak of options (``--seeds 3``), as the command line has them; a call has arguments of
the same names (``seeds=3``), and advice in a message must work where it is read.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bionic_core.errors import BionicError, RequestError

if TYPE_CHECKING:
    from bionic_core.plugin import Plugin

PACKAGE = str(Path(__file__).parents[1])

ARGUMENTS = {"factor": "factors", "set": "set", "probe": "seconds"}
"""Arguments that have another name than their option, or another form."""

VALUED = ("error", "over", "split", "device", "track", "engine", "protocol", "resolution")
"""Options whose value is a word, which follows them in sentences."""

ORDINARY = {"is", "of", "out", "and", "or", "to", "for", "they", "that", "which", "in", "takes"}

COMMAND = re.compile(r"bionic [a-z]+(?: (?:--)?[\w./…|,=-]+)*")
OPTION = re.compile(r"--([a-z][a-z-]*)(?:[ =](?!-)([^\s;:)(]+))?")

KEPT = "finished epochs are kept, and the same call goes on after them"


class BionicWarning(UserWarning):
    """Something that a reader of a result must know; the result is right all the same."""


def as_arguments(words: str) -> str:
    """Return words about options of a command as words about arguments of a call.

    >>> as_arguments("give --seeds 2 or more; leave --over out")
    'give seeds=2 or more; leave over out'
    """
    parts, end = [], 0
    for command in COMMAND.finditer(words):  # a command that is named has options, as it stands
        parts += [OPTION.sub(_argument, words[end : command.start()]), command[0]]
        end = command.end()
    text = "".join([*parts, OPTION.sub(_argument, words[end:])])
    return text.replace("the same command", "the same call")


def _argument(found: re.Match[str]) -> str:
    option, value = found[1], found[2] or ""
    name = ARGUMENTS.get(option, option.replace("-", "_"))
    word, end = value.rstrip(",."), value[len(value.rstrip(",.")) :]
    gap = found[0][len(option) + 2 : len(option) + 3]
    if option == "factor" and "=" in word:
        key, _, levels = word.partition("=")
        return f'factors={{"{key}": [{levels.replace(",", ", ")}]}}{end}'
    if option == "set" and "=" in word:
        key, _, level = word.partition("=")
        return f'set={{"{key}": {level}}}{end}'
    if re.fullmatch(r"[\d.]+", word):
        return f"{name}={word}{end}"
    if word and (word.isupper() or (option in VALUED and word not in ORDINARY)):
        return f"{name}={word if word.isupper() else repr(word)}{end}"
    return f"{name}{gap}{value}"


def warn(words: str) -> None:
    """Warn whoever called bionic, at the line of his that did."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(as_arguments(words), BionicWarning, stacklevel=level)


@contextmanager
def called(*, trains: bool = False, plugins: Sequence[type[Plugin]] = ()) -> Iterator[None]:
    """Raise what the command line would say in a paragraph, in words about a call's arguments.

    Args:
        trains: whether what is interrupted goes on when it is called again.
        plugins: classes that are known meanwhile, beside those that are installed.

    Raises:
        BionicError: something failed that the command line has words for.
    """
    from bionic_core.base.failures import explained, of_the_machine, reason
    from bionic_core.registry import HERE

    known = HERE.set(tuple(dict.fromkeys((*HERE.get(), *plugins))))
    try:
        yield
    except BionicError as error:
        if isinstance(error, RequestError):
            error.problems = tuple(map(as_arguments, error.problems))
            error.where = error.where.removeprefix("--")
            error.args = (str(error),)
        elif type(error) is BionicError:
            error.args = (as_arguments(str(error)),)
        raise
    except KeyboardInterrupt as stop:
        if trains:
            stop.add_note(f"bionic: {KEPT}")
        raise
    except Exception as error:
        if trains and of_the_machine(error):
            raise BionicError(f"{as_arguments(reason(error))}. {KEPT.capitalize()}") from error
        if (found := explained(error)) is None:
            raise
        words, code = found
        kind = RequestError if code == RequestError.exit_code else BionicError
        raise kind(as_arguments(words)) from error
    finally:
        HERE.reset(known)
