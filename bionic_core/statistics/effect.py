"""One term's effect, and the run that effects are estimated from."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from bionic_core.statistics.designs import Level
from bionic_core.statistics.lenth import LEVEL
from bionic_core.statistics.verdicts import Verdict

Row = tuple[Mapping[str, Level], Level, float]
"""A run: its levels, its seed (or other block), its response."""


@attrs.frozen
class Effect:
    """One term's effect, in the response's units times ``scale``.

    Attributes:
        term: ``a``, or ``a:b``.
        estimate: None where the runs cannot tell it from the terms in ``aliases``.
        low, high: confidence interval; None, as the two below, where there is no estimate or
            nothing to judge it by.
        p: of the hypothesis that the effect is zero (t test).
        p_adjusted: the same after Holm's correction over all estimated terms (Scandinavian
            Journal of Statistics 6, 65, 1979).
        aliases: of a term without an estimate, the earlier terms that it is a combination of;
            of a term with one, the later terms that are mixed into it.
        degrees: of freedom of its standard error.
        seed_sd: SD of the effect over seeds, beyond what the error of runs explains; None, as
            seed_p, where the runs cannot tell.
        seed_p: of the hypothesis that all seeds have the same effect (F test), uncorrected.
        image_error: what new images add to its standard error, in quadrature; None where the
            interval is of these images.
        verdict: of the effect against a margin; None without one, or without an interval.
    """

    term: str
    estimate: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    aliases: tuple[str, ...] = ()
    degrees: float | None = None
    seed_sd: float | None = None
    seed_p: float | None = None
    image_error: float | None = None
    verdict: Verdict | None = None

    @property
    def image_half(self) -> float | None:
        """What new images alone add to a 95 % interval's half-width, in quadrature."""
        return None if self.image_error is None else 1.96 * self.image_error

    @property
    def certain(self) -> bool:
        """Whether p, corrected for all terms, is below 5 %."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL

    @property
    def order(self) -> int:
        """Of how many factors it is: 1 for a main effect, 2 for a pair."""
        return self.term.count(":") + 1
