"""What an analysis found, as it is shown, written to files and read from them."""

from __future__ import annotations

import attrs

from bionic_core.base.records import OMITTED
from bionic_core.base.strict import KEY
from bionic_core.statistics.adjusted import Slope
from bionic_core.statistics.crossed import Over
from bionic_core.statistics.designs import Level
from bionic_core.statistics.effect import Effect
from bionic_core.statistics.ensemble import Ensemble, Ladder
from bionic_core.statistics.lenth import Lenth, Point
from bionic_core.statistics.mixed import RandomEffect
from bionic_core.statistics.verdicts import Verdict, sentences


@attrs.frozen
class Response:
    """What is analysed.

    Attributes:
        name: as in outputs.
        unit: of the effects, in words; empty where it is the response's own.
        scale: from the response to the effects: 100 for percentage points.
    """

    name: str
    unit: str = ""
    scale: float = 1.0


@attrs.frozen
class Residual:
    """The error of a single run, and what tells how sure estimates are.

    Attributes:
        sd, degrees: of a run.
        robust: whether intervals hold where combinations spread unequally.
        method: what they are by, ``seeds``, ``pooled`` or ``cells``; empty in older files.
        assumption: of that, in words.
    """

    sd: float | None
    degrees: int
    robust: bool
    method: str = ""
    assumption: str = ""

    @property
    def by(self) -> str:
        """What intervals are by, also in files that do not name it; empty where there are none."""
        return self.method or ("HC3" if self.robust else "pooled" if self.sd else "")


@attrs.frozen
class Source:
    """A row of the analysis of variance; ``f`` and ``p`` are None where nothing tells the error.

    Attributes:
        numerator, denominator: degrees of freedom on which F is judged, perhaps corrected.
        method: what F is by, in words.
    """

    source: str
    degrees: int
    sum_of_squares: float
    mean_square: float | None = None
    f: float | None = None
    p: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    method: str = ""

    @property
    def judged_on(self) -> tuple[float, ...]:
        """Both degrees of freedom of F; none where it is not judged."""
        return tuple(n for n in (self.numerator, self.denominator) if n is not None)


@attrs.frozen
class LevelMean:
    """The mean response at a level of a factor, with its interval, where there is error."""

    level: Level
    estimate: float
    low: float | None
    high: float | None
    p: float | None


@attrs.frozen
class Component:
    """A polynomial component of a trend, such as the linear one, of degree 1."""

    degree: int
    name: str
    estimate: float
    low: float | None
    high: float | None
    p: float | None


@attrs.frozen
class Trend:
    """How a response follows a factor of ordered numbers."""

    factor: str
    levels: tuple[Level, ...]
    means: tuple[LevelMean, ...]
    components: tuple[Component, ...]


@attrs.frozen
class LeftOut:
    """What leaving a factor out of everything on changes.

    Attributes:
        along: factors that go out with it.
        runs: numbers of runs with everything on, and without it.
        predicted: whether either was not run, so that the model's terms say it.
        verdict: of the difference against the margin; None without one, or without an interval.
    """

    term: str
    along: tuple[str, ...] = attrs.field(metadata={KEY: "with"})
    runs: tuple[int, ...]
    predicted: bool
    estimate: float
    low: float | None
    high: float | None
    p: float | None
    verdict: Verdict | None = None


@attrs.frozen(kw_only=True)
class Findings:
    """Everything that the runs say, as it is shown and written.

    Attributes:
        response: what is analysed.
        effects: with intervals, in standard order: main effects, pairs, triples …
        residual: the error of a run.
        covariates: slopes of measured columns that the effects are adjusted for.
        random: components of variance of random effects, the residual's last.
        anova: a row for each source of variation.
        half_normal: points of the plot, where effects are independent and equally certain.
        lenth: where there is no replication, and effects are such.
        trends: of each factor with three numbers or more as levels.
        leave_one_out: of each factor, what leaving it out of "everything on" changes.
        over: what intervals generalise over; None in older files.
        margin: of the verdicts, in the effects' units; None without verdicts.
        ensembles: of a factor's levels that were drawn many times, what draws say.
        ladders: of each factor whose levels keep more and more, what each step changes.
        notes: what a reader must know, a sentence each.
    """

    response: Response = Response("test.accuracy", "percentage points", 100)
    effects: tuple[Effect, ...]
    residual: Residual = Residual(None, 0, robust=False)
    covariates: tuple[Slope, ...] = attrs.field(default=(), metadata={OMITTED: True})
    random: tuple[RandomEffect, ...] = attrs.field(default=(), metadata={OMITTED: True})
    anova: tuple[Source, ...] = ()
    half_normal: tuple[Point, ...] = ()
    lenth: Lenth | None = None
    trends: tuple[Trend, ...] = ()
    leave_one_out: tuple[LeftOut, ...] = ()
    over: Over | None = None
    margin: float | None = None
    ensembles: tuple[Ensemble, ...] = attrs.field(default=(), metadata={OMITTED: True})
    ladders: tuple[Ladder, ...] = attrs.field(default=(), metadata={OMITTED: True})
    notes: tuple[str, ...]

    @property
    def margins(self) -> tuple[tuple[str, float], ...]:
        """Lenth's margins: names and sizes; none where there are none."""
        lenth = self.lenth
        if lenth is None or lenth.margin is None or lenth.simultaneous_margin is None:
            return ()
        return ("margin", lenth.margin), ("margin of all together", lenth.simultaneous_margin)

    @property
    def by(self) -> str:
        """What intervals are by, and over what they generalise; empty where nothing tells."""
        told = "" if self.lenth else self.residual.by
        return f"{told}, {self.over.words}" if told and self.over else told

    @property
    def named(self) -> dict[str, Effect]:
        """The judged effects by what they are called."""
        return {effect.term.replace(":", " × "): effect for effect in self.judged}

    @property
    def decided(self) -> tuple[str, ...]:
        """What verdicts say, in sentences."""
        judged = {name: one.verdict for name, one in self.named.items()}
        return sentences(judged, self.margin, self.unit)

    @property
    def unit(self) -> str:
        """Of the effects, in words."""
        return self.response.unit

    @property
    def judged(self) -> tuple[Effect, ...]:
        """The effects, with Lenth's judgements where there are such."""
        of_lenth = {one.term: one for one in self.lenth.effects} if self.lenth else {}
        return tuple(
            attrs.evolve(
                effect,
                low=one.low,
                high=one.high,
                p=one.p,
                p_adjusted=one.p_adjusted,
                verdict=one.verdict,
            )
            if (one := of_lenth.get(effect.term))
            else effect
            for effect in self.effects
        )

    @property
    def certain_points(self) -> tuple[bool, ...]:
        """Of each point of the half-normal plot, whether its effect is certain."""
        sure = {effect.term for effect in self.judged if effect.certain}
        return tuple(point.term in sure for point in self.half_normal)
