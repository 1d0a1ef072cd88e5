"""Figures of results on matplotlib axes: the caller's, or new ones."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import attrs

from bionic_core.errors import RequestError, listing, nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bionic_core.reports.drawing.svg import Plot
    from bionic_core.runs.folder import Run as RunFolder
    from bionic_core.statistics.designs import FactorLayout
    from bionic_core.studies.results import AblationResults, FactorialResults


def on_axes(plot: Plot, ax: Axes | None) -> Axes:
    """Draw a figure on axes, new ones of its own size if None, and return them."""
    return drawn(
        plot.draw, ax, (plot.width, plot.height + 0.3), plot.title, legend=bool(plot.legend)
    )


def drawn(
    draw: Callable[[Axes], None],
    ax: Axes | None,
    inches: tuple[float, float],
    title: str = "",
    *,
    legend: bool = False,
) -> Axes:
    """Have a function draw on axes, new ones of so many inches if None, and return them."""
    import matplotlib as mpl

    if ax is None:  # first: importing pyplot sets what a notebook shows figures by
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=inches, layout="constrained")
    with mpl.rc_context({"text.parse_math": False}):  # a "$" in somebody's name is a dollar sign
        draw(ax)
        if title:
            ax.set_title(textwrap.fill(title, 60), fontsize="small", loc="left")
        if legend and ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False, fontsize="small")
    return ax


def _named(argument: str, name: str, factors: Sequence[FactorLayout]) -> FactorLayout:
    known = {factor.name: factor for factor in factors}
    if name not in known:
        raise RequestError(
            f"{argument}: '{name}' is no factor of this study.{nearest(str(name), known)} It has "
            f"{listing(known)}"
        )
    return known[name]


@attrs.frozen(eq=False)
class FactorialFigures:
    """Figures of a factorial study; each draws on ``ax``, or on axes of its own, and returns them.

    Attributes:
        study: what they show.
    """

    study: FactorialResults

    def effects(self, ax: Axes | None = None) -> Axes:
        """Draw each effect with its interval; filled where p is below 5 % after Holm."""
        from bionic_core.reports.drawing import effects

        return on_axes(effects.effects(self.study), ax)

    def half_normal(self, ax: Axes | None = None) -> Axes:
        """Draw absolute effects against half-normal quantiles (Daniel 1959).

        Raises:
            RequestError: the effects are not independent and equally certain.
        """
        from bionic_core.reports.drawing import effects

        if not self.study.half_normal:
            raise RequestError(
                "there is no half-normal plot of this study: its effects are not independent and "
                "equally certain. plot.effects() shows them with their intervals"
            )
        return on_axes(effects.half_normal(self.study), ax)

    def interaction(self, first: str, second: str, ax: Axes | None = None) -> Axes:
        """Draw mean responses by the first factor's level, a line for each level of the second.

        Raises:
            RequestError: one of them is no factor of the study.
        """
        from bionic_core.reports.drawing import effects
        from bionic_core.reports.factorial import crossing
        from bionic_core.reports.measure import Measure

        one, other = (
            _named(argument, name, self.study.design.factors)
            for argument, name in (("first", first), ("second", second))
        )
        if one is other:
            raise RequestError(f"second: '{second}' is the first factor too; name another")
        axis = Measure.of(self.study.response).mean
        return on_axes(effects.interaction(crossing(self.study, one, other), axis), ax)

    def dose(self, factor: str, ax: Axes | None = None) -> Axes:
        """Draw the mean response at each level of a factor with three numbers or more.

        Raises:
            RequestError: it is no such factor.
        """
        from bionic_core.reports.drawing import effects

        found = {trend.factor: trend for trend in self.study.trends}
        if factor not in found:
            raise RequestError(
                f"factor: '{factor}' has no three numbers as levels, so that nothing follows them; "
                f"those that have are {listing(found)}"
            )
        return on_axes(effects.dose(self.study.response, found[factor]), ax)


@attrs.frozen(eq=False)
class AblationFigures:
    """Figures of a leave-one-out study.

    Attributes:
        study: what they show.
    """

    study: AblationResults

    def effects(self, ax: Axes | None = None) -> Axes:
        """Draw what each mechanism changes, with its interval, the largest first.

        Raises:
            RequestError: no difference could be estimated.
        """
        from bionic_core.reports.ablation import changes

        plot = changes(self.study)
        if plot is None:
            raise RequestError("there is no pair of runs to compare, and so nothing to draw")
        return on_axes(plot, ax)


@attrs.frozen(eq=False)
class RunFigures:
    """Figures of a run; each draws on ``ax``, or on axes of its own, and returns them.

    Attributes:
        run: its folder.
    """

    run: RunFolder

    def learning(self, ax: Axes | None = None, *, figure: str = "accuracy") -> Axes:
        """Draw loss (nats) or accuracy by epoch, of training as seen and of the selecting split.

        Raises:
            RequestError: ``figure`` is neither ``loss`` nor ``accuracy``.
        """
        from bionic_core.reports.drawing.run import draw_learning

        if figure not in ("loss", "accuracy"):
            raise RequestError(f"figure: '{figure}' must be 'loss' or 'accuracy'")
        result, history = self.run.result, self.run.history

        def draw(axes: Axes) -> None:
            draw_learning(axes, figure, history, result.best_epoch, result.selected_on)

        return drawn(draw, ax, (5.0, 3.4), legend=True)

    def confusion(self, ax: Axes | None = None) -> Axes:
        """Draw which class of the test images is taken for which, a row for each true class."""
        from bionic_core.reports.drawing.run import draw_confusion
        from bionic_core.runs.evaluate import class_figures

        figures = class_figures(self.run)

        def draw(axes: Axes) -> None:
            draw_confusion(axes, list(figures.classes), figures.confusion)

        return drawn(draw, ax, (5.0, 4.6))
