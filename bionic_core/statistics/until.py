"""Studies that go on, seed by seed, until each effect is larger than a margin or within it.

At each look (:mod:`bionic_core.statistics.looks`) every effect that is not decided gets its
verdict by p that hold over all looks, corrected over all effects (:func:`~.verdicts.together`); the
smallest p so far counts, and a verdict stands once it is given. So the chance that any verdict of a
study is wrong is at most 5 %, whenever it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.records import OMITTED
from bionic_core.errors import RequestError
from bionic_core.statistics.crossed import Certainty, Matrix
from bionic_core.statistics.looks import FEWEST, MOST, Look, Looks
from bionic_core.statistics.verdicts import LEVEL, WORDS, Verdict, Word, against, together

DEFAULT_MOST = 20
"""Seeds at the last look, if nobody says."""

UNDECIDED = WORDS.index("undecided")


@attrs.frozen
class Planned:
    """A look.

    Attributes:
        seeds: after which it is; runs: that there are by then, at most.
        spent: share of 5 % that is spent by then.
        larger, within: what p of this look alone must be below, if no effect is decided yet:
            one-sided, of the hypothesis that the effect is not beyond the margin, or not within.
        decided: effects that this look decided; None where it was not reached.
    """

    seeds: int
    runs: int
    spent: float
    larger: float
    within: float
    decided: tuple[str, ...] | None = None


@attrs.frozen
class Decided:
    """A verdict that a look gave.

    Attributes:
        seeds: of that look.
        p: of that look alone, one-sided, which crossed the boundary.
        boundary: that it was below.
    """

    term: str
    word: Word
    seeds: int
    p: float
    boundary: float


@attrs.frozen
class Expected:
    """How studies end if all effects are alike, by simulation.

    Attributes:
        effect: of all terms, in the effects' units.
        seeds, runs: means over studies; a factorial's runs end together.
        decided: mean share of effects that are decided.
    """

    effect: float
    seeds: float
    runs: float
    decided: float


@attrs.frozen(kw_only=True)
class Until:
    """The rule of a study that goes on until its effects are decided, and how far it came.

    Attributes:
        margin, unit: that effects are decided against.
        effects: how many.
        level: the chance of any wrong verdict, at most.
        looks: in their order.
        decided: verdicts, in the order in which they were given.
        ended: ``decided`` or ``maximum``; empty of a plan.
        expected: of a plan, where the SD of a run is known.
    """

    margin: float
    unit: str
    effects: int
    level: float = LEVEL
    looks: tuple[Planned, ...]
    decided: tuple[Decided, ...] = ()
    ended: str = ""
    expected: tuple[Expected, ...] = attrs.field(default=(), metadata={OMITTED: True})


@attrs.frozen
class Rule:
    """When a study is looked at, and what its effects are decided against.

    Attributes:
        first, most: seeds at the first and at the last look; there is one after each seed.
        margin, unit: of effects.
        effects: how many terms are decided, all together.
        cells: runs of each seed.
    """

    first: int
    most: int
    margin: float
    unit: str
    effects: int
    cells: int

    @cached_property
    def looks(self) -> Looks:
        """When it is looked at."""
        return Looks(tuple(range(self.first, self.most + 1)))

    @property
    def planned(self) -> Until:
        """The rule before anything is known, as it is shown."""
        larger, within = LEVEL / (2 * self.effects), LEVEL / self.effects
        looks = tuple(
            Planned(
                seeds,
                seeds * self.cells,
                self.looks.spent(1.0, number),
                float(self.looks.nominal(larger, number)),
                float(self.looks.nominal(within, number)),
            )
            for number, seeds in enumerate(self.looks.seeds)
        )
        return Until(margin=self.margin, unit=self.unit, effects=self.effects, looks=looks)


def looks_of(until: str | None, first: int, most: int | None) -> Looks | None:
    """Return the looks that are asked for; None of a fixed number of seeds.

    Args:
        until: ``decided``, or None for a fixed number of seeds.
        first: seeds at the first look, or that fixed number.
        most: seeds at the last look; :data:`DEFAULT_MOST` if None.

    Raises:
        RequestError: the three do not fit each other, or there are too few seeds, or too many.
    """
    if until is None:
        if most is not None:
            raise RequestError(
                "--max-seeds: it is of studies that go on until their effects are decided; give "
                "--until decided, or --seeds for a fixed number"
            )
        return None
    if until != "decided":
        raise RequestError(f"--until {until}: give decided")
    last = DEFAULT_MOST if most is None else most
    problems = []
    if first < FEWEST:
        problems.append(
            f"--seeds {first}: the first look is after so many seeds, and fewer than {FEWEST} tell "
            f"no spread to decide by; give --seeds {FEWEST} or more"
        )
    if last <= first:
        problems.append(
            f"--max-seeds {last}: the first look is after {first} seeds (--seeds), so there is no "
            f"second one; give --max-seeds {first + 1} or more, or leave --until out"
        )
    if last > MOST:
        problems.append(f"--max-seeds {last}: give at most {MOST}")
    if problems:
        raise RequestError(problems)
    return Looks(tuple(range(first, last + 1)))


class Deciding:
    """Verdicts of effects, look by look; arrays are (T,), or (T, S) of S studies.

    Attributes:
        words: verdicts so far, as places in :data:`~.verdicts.WORDS`.
        looks: at which they were given; the last one where none is.
    """

    def __init__(self, rule: Rule, shape: tuple[int, ...]) -> None:
        self.rule = rule
        self.words = np.full(shape, UNDECIDED)
        self.looks = np.full(shape, len(rule.looks.seeds) - 1)
        self._both, self._within = np.ones(shape), np.ones(shape)

    def look(self, number: int, both: Matrix, within: Matrix) -> npt.NDArray[np.bool_]:
        """Take in p of a look, adjusted for all looks, and return which effects it decides.

        Args:
            number: of the look, from 0.
            both: of |θ| ≤ m, as :func:`~.verdicts.against` gives them; NaN where nothing tells.
            within: of |θ| ≥ m.
        """
        open_ = self.words == UNDECIDED
        self._both = np.where(open_, np.fmin(self._both, both), self._both)
        self._within = np.where(open_, np.fmin(self._within, within), self._within)
        found = together(self._both, self._within, self.rule.effects)
        new = open_ & (found != UNDECIDED)
        self.words[new], self.looks[new] = found[new], number
        # What is decided stays so: neither p falls any more.
        self._within[self.words == WORDS.index("larger than")] = 1.0
        self._both[self.words == WORDS.index("within")] = 1.0
        return np.asarray(new)


def decide(
    deciding: Deciding, number: int, verdicts: Mapping[str, Verdict | None]
) -> tuple[Decided, ...]:
    """Return what a look of one study decides.

    Args:
        deciding: of effects (T,), in the order of the verdicts.
        number: of the look, from 0.
        verdicts: of all effects, whose p hold over all looks; None where nothing tells.
    """
    told = list(verdicts.values())
    both = np.array([one.p_beyond if one else np.nan for one in told], np.float64)
    within = np.array([one.p_within if one else np.nan for one in told], np.float64)
    before = int((deciding.words == WORDS.index("within")).sum())
    new = deciding.look(number, both, within)
    looks, count = deciding.rule.looks, deciding.rule.effects
    found, step = [], before
    order = np.argsort(within)
    for place in order[new[order]].tolist():
        word = WORDS[deciding.words[place]]
        level, p = LEVEL / (2 * count), both[place]
        if word == "within":
            level, p = LEVEL * (1 - step / (2 * count)) / (count - step), within[place]
            step += 1
        one, bound = (float(looks.nominal(value, number)) for value in (p, level))
        found.append(Decided(list(verdicts)[place], word, looks.seeds[number], one, bound))
    return tuple(found)


def followed(rule: Rule, contrasts: Matrix) -> Deciding:
    """Return the verdicts of simulated studies.

    Args:
        rule: of all.
        contrasts: each effect's value in each seed, (T, seeds, S).
    """
    deciding = Deciding(rule, (len(contrasts), contrasts.shape[2]))
    sums, squares = contrasts.cumsum(1), (contrasts**2).cumsum(1)
    for number, n in enumerate(rule.looks.seeds):
        means = sums[:, n - 1] / n
        spread = np.maximum(squares[:, n - 1] - n * means**2, 0) / (n - 1)
        degrees = np.full_like(means, n - 1)
        look = Look(rule.looks, number)
        sure = Certainty.over_runs(np.sqrt(spread / n), degrees, look)
        _, within, both = against(means, sure, rule.margin)
        deciding.look(number, both, within)
        if not (deciding.words == UNDECIDED).any():
            break
    return deciding


STUDIES = 20_000
"""Effects of simulated studies that tell how a plan will end."""


def expected(rule: Rule, sds: Sequence[float]) -> tuple[Expected, ...]:
    """Return how a study will end if no effect is there, and if all are twice the margin.

    Args:
        rule: of the study.
        sds: of each effect from seed to seed, in its units; effects are taken as independent.
    """
    rng = np.random.default_rng(21)
    shape = len(sds), rule.most, max(STUDIES // len(sds) // 4, 200)
    apart = rng.standard_normal(shape) * np.array(sds)[:, None, None]
    found = []
    for effect in (0.0, 2 * rule.margin):
        end = followed(rule, apart + effect)
        seeds = rule.first + float(end.looks.max(0).mean())
        share = float((end.words != UNDECIDED).mean())
        found.append(Expected(effect, seeds, seeds * rule.cells, share))
    return tuple(found)
