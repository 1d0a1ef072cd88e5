"""Figures for pages, as inline SVG, and for files, as PNG and SVG: one style for both.

matplotlib draws with a few colours that stand for roles; in a page's SVG each becomes a CSS
variable, which the style sheet sets for a light, a dark and a printed page. Series are told apart
by marker and line style too, so that no reader needs their colours. Drawn without pyplot, so
nothing global is set and no display is needed.
"""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import attrs
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#111111", "#5f6368", "#d9dce0", "#fefefe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe & Ito (https://jfly.uni-koeln.de/color/), told apart by colour-blind readers."""

MARKERS = ("o", "s", "^", "D", "v", "P")
STYLES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1, 1.2)), (0, (5, 1.4, 1, 1.4)))
CENTRED: Mapping[str, Any] = {"ha": "center", "va": "center"}

REWRITTEN: Mapping[str, str] = {
    **{colour: f"var(--s{number})" for number, colour in enumerate(SERIES)},
    f"{INK}|#000000": "var(--ink)",  # matplotlib is asked for black, white and greys by name
    f"{MUTED}|#999999": "var(--muted)",
    f"{GRID}|#ebebeb|#e6e6e6": "var(--rule)",
    f"{PAPER}|#ffffff": "var(--paper)",
    r"(\.\d\d)\d+": r"\1",
    "('[^']+', )+sans-serif": "sans-serif",  # the style sheet sets the page's own
}
"""What becomes of colours, numbers and letters in a page, whose style sheet has the variables."""

ABOVE: Mapping[str, Any] = {"loc": "outside upper left"}
BELOW: Mapping[str, Any] = {"loc": "outside lower center", "ncols": 1, "handlelength": 2.6}
"""Where legends are."""

FORMATS, DPI = ("png", "svg"), 200
"""Of files."""

TITLE, LETTERS = 64, 46
"""Letters of a line of a file's title, and of a name above a line."""

WIDTH = 4.0
"""Inches of most drawings: on a phone's page their letters are as large as the text's."""

STYLE: Mapping[str, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in somebody's name is a dollar sign
    "text.usetex": False,
    **dict.fromkeys(("xtick.color", "ytick.color"), MUTED),
    **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9),
    "legend.frameon": False,
    "lines.linewidth": 1.7,
    "svg.fonttype": "none",  # words stay words: searchable, and in the page's own letters
}


@contextmanager
def canvas(width: float, height: float, title: str = "", salt: str = "page") -> Iterator[Figure]:
    """Open a figure of inches; the style is in force only until it is drawn.

    A figure with the same salt is the same file; drawings on a page have no identifier in common.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {**STYLE, "svg.hashsalt": salt}  # matplotlib's type lists every key there is
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # else a folder's or a user's matplotlibrc would be in force
        mpl.rcParams.update(style)
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the reader's font has it
        figure = Figure(figsize=(width, height), layout="constrained")
        if title:
            figure.suptitle(title, fontsize=9, x=0.02, ha="left")
        yield figure


def saved(figure: Figure, form: str, **options: Any) -> bytes:
    """Return the figure as a file that says neither when nor with what it was made."""
    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    figure.savefig(file, format=form, metadata=metadata, **options)
    return file.getvalue()


def rendered(figure: Figure) -> dict[str, bytes]:
    """Return the figure in each format, on white; called while the style is in force."""
    return {form: saved(figure, form, dpi=DPI, facecolor="white") for form in FORMATS}


def shortened(name: str, letters: int = LETTERS) -> str:
    """Return a name that fits, its end cut off where it does not."""
    return name if len(name) <= letters else name[: letters - 1] + "…"


def percent(share: float, _: object = None) -> str:
    """Return a share on an axis as per cent."""
    return f"{100 * share:.4g}%"


@attrs.frozen(eq=False)
class Plot:
    """A figure, for a page and for files.

    Attributes:
        draw: draws into axes, in the style that is in force.
        alt: what it shows, for those who cannot see it.
        height, width: inches.
        title: of the file; a page has its own.
        legend: where the names of its lines stand, as matplotlib takes it; none if empty.
    """

    draw: Callable[[Axes], None]
    alt: str
    height: float
    title: str = ""
    legend: Mapping[str, Any] = attrs.field(factory=dict)
    width: float = WIDTH

    def svg(self) -> Markup:
        """Return it as an element of a page."""
        with canvas(self.width, self.height, salt=self.alt) as figure:
            self._into(figure)
            return inline(saved(figure, "svg"), self.alt)

    def files(self) -> dict[str, bytes]:
        """Return the content of its files, by format; names stand below, the title above."""
        title = textwrap.fill(self.title, TITLE)
        height = self.height + 0.2 * (1 + title.count("\n"))
        with canvas(self.width, height, title) as figure:
            self._into(figure, loc="outside lower left")
            return rendered(figure)

    def _into(self, figure: Figure, **where: str) -> None:
        axes = figure.subplots()
        self.draw(axes)
        handles, labels = axes.get_legend_handles_labels()
        if self.legend and handles:
            figure.legend(handles, list(map(shortened, labels)), **{**self.legend, **where})


def inline(svg: bytes, alt: str) -> Markup:
    """Return matplotlib's SVG as an element of a page, in its colours and letters."""
    root = ElementTree.fromstring(svg)
    size = root.attrib["viewBox"]
    for element in root.iter():
        for child in list(element):
            if child.tag.endswith(("}metadata", "}style")):
                element.remove(child)
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {k.rpartition("}")[2]: _themed(v) for k, v in element.items()}
        if element.tag == "g":
            element.attrib.pop("id", None)
        element.tail, element.text = None, element.text if element.tag == "text" else None
    root.attrib = {"viewBox": size, "role": "img", "aria-label": alt}
    return Markup(ElementTree.tostring(root, "unicode", short_empty_elements=False))


def _themed(value: str) -> str:
    for found, new in REWRITTEN.items():
        value = re.sub(found, new, value)
    return value
