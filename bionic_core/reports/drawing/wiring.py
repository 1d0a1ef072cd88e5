"""The drawing of a wiring: which pairs of neurons are wired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from bionic_core.reports.drawing.svg import GRID, WIDTH, drawn, shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 360
"""Pixels of a wiring's picture, at most, on a side."""


def wiring(
    pre: npt.NDArray[np.int64],
    post: npt.NDArray[np.int64],
    shape: tuple[int, int],
    names: tuple[str, str],
    alt: str,
) -> Markup:
    """Draw which pairs of neurons are wired: post down, pre across, a dot for each pair.

    Where there are more neurons than pixels, a pixel's darkness is the share of its pairs, on a
    scale that ends at the densest.

    Args:
        pre, post: of each pair.
        shape: numbers of post and pre neurons.
        names: of the post and the pre layer.
        alt: what it shows.
    """
    bins = tuple(min(size, MOST) for size in shape)
    counts, _, _ = np.histogram2d(post, pre, bins, ((0, shape[0]), (0, shape[1])))
    dark = counts / max(counts.max(initial=0.0), 1.0)
    picture = np.zeros((*bins, 4))
    picture[..., 3] = np.sqrt(dark)
    ratio = min(max(shape[0] / shape[1], 0.35), 1.8)
    width = 2.6

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(
            picture,
            interpolation="none",
            aspect="auto",
            extent=(0, shape[1], shape[0], 0),
        )
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color(GRID)
        axes.set_xlabel(f"pre: {shortened(names[1], 20)}")
        axes.set_ylabel(f"post: {shortened(names[0], 20)}")
        axes.tick_params(length=2)
        axes.locator_params(nbins=4, integer=True)

    return drawn(draw, alt, min(width * ratio + 0.45, WIDTH), width)
