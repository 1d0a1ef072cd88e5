"""Two classifiers on the same images: McNemar's paired test."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

EXACT_BELOW = 25
"""Discordant images below which the binomial distribution is used itself."""


@attrs.frozen
class McNemar:
    """Two classifiers on the same images.

    Attributes:
        both_right, only_this_right, only_other_right, both_wrong: counts of images.
        difference: accuracy of the first less that of the other, a fraction.
        test: which of the two tests.
        statistic: the smaller of the two counts that tell them apart, or χ².
    """

    both_right: int
    only_this_right: int
    only_other_right: int
    both_wrong: int
    difference: float
    test: str
    statistic: float
    p: float


def mcnemar(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> McNemar:
    """Return McNemar's test of whether two classifiers are right equally often.

    Only discordant images tell them apart: b that only the first gets right, c that only the
    other does. With b + c < 25 the exact binomial test of b against ½, two-sided; else
    χ² = (|b − c| − 1)²/(b + c) with one degree of freedom, continuity-corrected (McNemar 1947,
    doi:10.1007/BF02295996; Edwards 1948, doi:10.1007/BF02289261).

    The images are the sample: the test says whether these two networks differ, not whether
    their designs do, which needs several seeds of each.

    Args:
        one, other: which of the same N images each classifies rightly, (N,).
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    table = np.array(
        [[(one & other).sum(), (one & ~other).sum()], [(~one & other).sum(), (~one & ~other).sum()]]
    )
    only_one, only_other = int(table[0, 1]), int(table[1, 0])
    exact = only_one + only_other < EXACT_BELOW
    found = test(table, exact=exact, correction=True)
    return McNemar(
        both_right=int(table[0, 0]),
        only_this_right=only_one,
        only_other_right=only_other,
        both_wrong=int(table[1, 1]),
        difference=(only_one - only_other) / len(one),
        test="exact binomial" if exact else "chi-square with continuity correction",
        statistic=float(found.statistic),
        p=float(found.pvalue),
    )
