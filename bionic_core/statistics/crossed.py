"""Errors over new images too: runs are crossed with the images that all of them were tested on.

A figure of a run (accuracy, say) is a mean over its test images. Runs with other seeds move it,
and so would other images: a contrast of runs, such as an effect, has both errors. Seeds and images
are both random and crossed, as each network is tested on each image, so that with n seeds and I
images the variance of the contrast is, by the mean squares of its seed × image table,

    (MS_seeds + MS_images − MS_seeds×images) / (n I)

(Searle, Casella & McCulloch, Variance Components, 1992, ch. 4; with runs missing, clustering by
two ways: Cameron, Gelbach & Miller 2011, doi:10.1198/jbes.2010.07136). The first part is the error
over seeds on these images, by whatever tells it (:mod:`bionic_core.statistics.errors`), the rest is
what images add, taken as zero where it comes out negative.

**No image needs to be kept.** Both image parts are quadratic forms in the outcomes, so the runs'
covariance over images C = L L′ holds all that is needed: MS_images/(n I) is the sum of the squared
estimates of L's columns, taken as responses, and MS_seeds×images/(n I) that of their squared
errors. This holds for any design, with runs missing, and for any error that is a quadratic form.
Figures that are no means (macro F1) have C by the jackknife over images (Efron & Stein 1981,
doi:10.1214/aos/1176345462).

**Degrees of freedom** are Satterthwaite's (1946, doi:10.2307/3002019). Few seeds make them too many
where images add about as much as seeds (92 % for 95 at three seeds), so that an interval over both
is never narrower than that over seeds alone, and p never smaller; that covers 94.3 to 95.5 % from
three seeds on, and up to 97.7 % at two (docs/results/images.md).
"""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.statistics.looks import Look

Matrix = npt.NDArray[np.float64]

FEWEST_IMAGES = 30
"""With fewer, what images add is not told well enough to be said."""


@attrs.frozen(eq=False)
class Images:
    """How runs (R) vary together over the images that all of them were tested on.

    Attributes:
        covariance: of the runs' figures, (R, R), in the figures' units squared: what drawing as
            many images anew would do to them.
        count: of images, or of groups of images that belong together.
    """

    covariance: Matrix
    count: int

    @classmethod
    def of(cls, outcomes: npt.ArrayLike, groups: npt.ArrayLike | None = None) -> Images:
        """Return the covariance of the runs' mean outcomes.

        Args:
            outcomes: (R, I) of each run on each image, such as whether it was right; of a figure
                that is no mean, its jackknife pseudo-values.
            groups: (I,) of images that are no independent draws, such as copies of one; each
                image by itself if None.
        """
        table = np.asarray(outcomes, np.float64)
        runs, images = table.shape
        apart = table - table.mean(1, keepdims=True)
        count = images
        if groups is not None:
            _, which = np.unique(np.asarray(groups), return_inverse=True)
            count = int(which.max()) + 1
            sums = np.zeros((count, runs))
            np.add.at(sums, which, apart.T)
            apart = sums.T
        scale = count / max(count - 1, 1) / images**2
        return cls(scale * apart @ apart.T, count)

    def scaled(self, scale: float) -> Images:
        """Return the same in other units: outcomes times ``scale``."""
        return attrs.evolve(self, covariance=scale**2 * self.covariance)

    def some(self, runs: npt.ArrayLike) -> Images:
        """Return the same of some runs, given by their places."""
        places = np.asarray(runs, np.int64)
        return attrs.evolve(self, covariance=self.covariance[np.ix_(places, places)])

    @property
    def columns(self) -> Matrix:
        """L of covariance = L L′, (R, K): K studies that hold all that images do."""
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > 1e-13 * max(float(values.max(initial=0.0)), 1e-300)
        return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


@attrs.frozen(eq=False)
class Certainty:
    """How sure estimates (T,) are; arrays are (T,), NaN where nothing tells.

    Attributes:
        runs, degrees: standard error over seeds (or runs), and its degrees of freedom.
        images: standard error that new images add; None where they are not asked about.
        both, both_degrees: of the two together; the same as of runs where images are None.
        look: of a study that may have ended earlier or later, so that p and intervals hold over
            all its looks; None where it could not.
    """

    runs: Matrix
    degrees: Matrix
    images: Matrix | None
    both: Matrix
    both_degrees: Matrix
    look: Look | None = None

    @classmethod
    def over_runs(cls, errors: Matrix, degrees: Matrix, look: Look | None = None) -> Certainty:
        """Return how sure estimates are on these images."""
        return cls(errors, degrees, None, errors, degrees, look)

    @classmethod
    def over_images(
        cls, errors: Matrix, degrees: Matrix, estimates: Matrix, within: Matrix, count: int
    ) -> Certainty:
        """Return how sure estimates are over new images too.

        Args:
            errors, degrees: over runs, (T,).
            estimates, within: of :attr:`Images.columns` taken as responses, the estimates and the
                standard errors over runs, (T, K).
            count: of images.
        """
        of_images, mixed = (estimates**2).sum(1), (np.nan_to_num(within) ** 2).sum(1)
        added = np.maximum(of_images - mixed, 0.0)
        total = errors**2 + added
        with np.errstate(invalid="ignore", divide="ignore"):
            spent = errors**4 / degrees
            spent = spent + np.where(
                added > 0, (of_images**2 + mixed**2 / degrees) / (count - 1), 0.0
            )
            # Less than by seeds alone they are not: differences of mean squares would have it so.
            both = np.maximum(total**2 / spent, degrees)
        return cls(errors, degrees, np.sqrt(added), np.sqrt(total), both)

    def half(self, confidence: float) -> Matrix:
        """Return half the width of each interval."""
        from scipy import special

        level: float | Matrix = (1 + confidence) / 2
        if self.look is not None:
            level = 1 - self.look.nominal((1 - confidence) / 2)
        alone = special.stdtrit(self.degrees, level) * self.runs
        if self.images is None:
            return np.asarray(alone)
        together = special.stdtrit(self.both_degrees, level) * self.both
        return np.asarray(np.maximum(alone, together))

    def p(self, sizes: Matrix) -> Matrix:
        """Return two-sided p of estimates that lie this far from what is tested."""
        from scipy import special

        away = -np.abs(sizes)
        with np.errstate(invalid="ignore", divide="ignore"):
            alone = 2 * special.stdtr(self.degrees, away / self.runs)
            if self.look is not None:
                return self.look.adjusted(alone)
            if self.images is None:
                return np.asarray(alone)
            together = 2 * special.stdtr(self.both_degrees, away / self.both)
            return np.asarray(np.maximum(alone, together))


GENERALISE = "intervals generalise"
NOTHING = "to no other run, as none is repeated"


@attrs.frozen
class Over:
    """Over what intervals generalise.

    Attributes:
        words: in words, such as "over seeds, on these 3,589 images".
        new_images: whether over new images too.
        runs: how many seeds (or other blocks) there are.
        images: how many test images all runs share; None where that is not known.
    """

    words: str
    new_images: bool = False
    runs: int | None = None
    images: int | None = None

    @property
    def said(self) -> str:
        """The sentence of it."""
        return f"{GENERALISE} {self.words}"

    @classmethod
    def of(
        cls,
        blocks: int,
        images: int | None = None,
        *,
        new: bool = False,
        block: str = "seed",
        repeated: bool = True,
    ) -> Over:
        """Return over what intervals generalise.

        Args:
            blocks: seeds, or other blocks.
            images: that all runs were tested on, where they are known.
            new: whether over new images too.
            block: what a block is called.
            repeated: whether runs tell an error at all.
        """
        words = f"over {block}s" if blocks > 1 else "over runs" if repeated else NOTHING
        if new:
            return cls(f"{words} and over new images like these {images:,}", True, blocks, images)
        words += ", "
        if images is None:
            words += "on what all rows share (the test images, if they are networks)"
        else:
            words += f"on these {images:,} images"
        return cls(words, False, blocks, images)
