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
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import attrs
from markupsafe import Markup, escape

from bionic_core.base.files import write_atomically
from bionic_core.errors import RequestError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#111111", "#5f6368", "#d9dce0", "#fefefe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe & Ito (https://jfly.uni-koeln.de/color/), told apart by colour-blind readers."""

MARKERS = ("o", "s", "^", "D", "v", "P")
STYLES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1, 1.2)), (0, (5, 1.4, 1, 1.4)))

VARIABLES: Mapping[str, str] = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--rule",
    PAPER: "--paper",
    **{colour: f"--s{number}" for number, colour in enumerate(SERIES)},
    "#000000": "--ink",  # these are black, white and greys that matplotlib is asked for by name
    "#999999": "--muted",
    "#ebebeb": "--rule",
    "#e6e6e6": "--rule",
    "#ffffff": "--paper",
}
"""Style sheet's variables by the colours that stand for them."""

ABOVE: Mapping[str, Any] = {"loc": "outside upper left"}
BELOW: Mapping[str, Any] = {"loc": "outside lower center", "ncols": 1, "handlelength": 2.6}
"""Where legends are."""

FORMATS, DPI = ("png", "svg"), 200
"""Of files."""

TITLE = 64
"""Letters of a line of a file's title."""

LETTERS = 46
"""As many letters of a name fit above a line."""

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
    "svg.hashsalt": "page",  # the same figure is the same file
}

_COLOUR = re.compile("|".join(VARIABLES), re.IGNORECASE)
_FONT = re.compile(r"font: (?:(\w+) )?([\d.]+)px [^;]+|font-family: [^;]+")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#|^#")


@contextmanager
def canvas(width: float, height: float, title: str = "") -> Iterator[Figure]:
    """Open a figure of inches; the style is in force only until it is drawn."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = dict(STYLE)  # matplotlib's type lists every key there is
    with mpl.rc_context(style), warnings.catch_warnings():
        # a letter that matplotlib's font lacks is there in the reader's
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
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


@attrs.frozen(eq=False)
class Plot:
    """A figure, for a page and for files.

    Attributes:
        draw: draws into axes, in the style that is in force.
        alt: what it shows, for those who cannot see it.
        height: inches.
        title: of the file; a page has its own.
        legend: where the names of its lines stand, as matplotlib takes it; none if empty.
    """

    draw: Callable[[Axes], None]
    alt: str
    height: float
    title: str = ""
    legend: Mapping[str, Any] = attrs.field(factory=dict)

    def svg(self) -> Markup:
        """Return it as an element of a page."""
        return drawn(self._into, self.alt, self.height)

    def files(self) -> dict[str, bytes]:
        """Return the content of its files, by format."""
        title = "\n".join(textwrap.wrap(self.title, TITLE))
        height = self.height + 0.2 * (1 + title.count("\n"))
        with canvas(WIDTH, height, title) as figure:
            self._into(figure)
            return rendered(figure)

    def _into(self, figure: Figure) -> None:
        axes = figure.subplots()
        self.draw(axes)
        handles, labels = axes.get_legend_handles_labels()
        if self.legend and handles:
            figure.legend(handles, list(map(shortened, labels)), **self.legend)


def drawn(draw: Callable[[Figure], None], alt: str, height: float, width: float = WIDTH) -> Markup:
    """Return a drawing as inline SVG.

    Args:
        draw: draws into the figure that it is given.
        alt: what it shows, for those who cannot see it.
        height, width: inches.
    """
    with canvas(width, height) as figure:
        draw(figure)
        return inline(saved(figure, "svg"), alt)


def percent() -> Any:
    """Return what writes a share on an axis as per cent."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda share, _: f"{100 * share:.4g}%")


def check_folder(folder: Path, option: str = "--figures") -> None:
    """Check that figures can be put into a folder, before the work of making them.

    Raises:
        RequestError: there is a file in its place.
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise RequestError(
                f"is a file; {option} names the folder that figures are written into",
                where=str(place),
            )


def write(folder: Path, drawn: Mapping[str, Mapping[str, bytes]]) -> list[str]:
    """Write figures, ``{name: {format: content}}``, into a folder; return their paths.

    Raises:
        RequestError: a file cannot be written there.
    """
    files = {
        folder / f"{name}.{form}": content
        for name, forms in drawn.items()
        for form, content in forms.items()
    }
    for path, content in files.items():
        try:
            with write_atomically(path) as file:
                file.write(content)
        except OSError as error:
            raise RequestError(
                f"cannot be written ({error.strerror}); give --figures another folder",
                where=str(path),
            ) from error
    return list(map(str, files))


def inline(svg: bytes, alt: str) -> Markup:
    """Return matplotlib's SVG as an element of a page, in its colours and letters.

    Names, metadata and style sheets are left out; what is referred to by an identifier keeps one
    that no other drawing has.
    """
    root = ElementTree.fromstring(svg)
    prefix = f"d{sha256(svg).hexdigest()[:8]}-"
    view = root.attrib["viewBox"]
    marks = "".join(_marks(child, prefix) for child in root)
    return Markup('<svg viewBox="{}" role="img" aria-label="{}">{}</svg>').format(
        view, alt, Markup(marks)
    )


def _marks(element: ElementTree.Element, prefix: str) -> str:
    """Return an element and what is in it as markup; a group that says nothing is left out."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("metadata", "style"):
        return ""
    attributes = {
        name.rpartition("}")[2]: _themed(value, prefix) for name, value in element.items()
    }
    if "id" in attributes:
        attributes["id"] = prefix + attributes["id"]
    if tag == "g":
        attributes.pop("id", None)
    inside = "".join(_marks(child, prefix) for child in element)
    text = escape((element.text or "").strip("\n") if tag == "text" else "")
    if tag in ("g", "defs") and not inside:
        return ""
    if tag == "g" and not attributes:
        return inside
    named = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{named}>{text}{inside}</{tag}>"


def _themed(value: str, prefix: str) -> str:
    value = _COLOUR.sub(lambda found: f"var({VARIABLES[found[0].lower()]})", value)
    value = _FONT.sub(_font, value)
    value = _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", value)
    return _REFERENCE.sub(lambda found: found[0] + prefix, value)


def _font(found: re.Match[str]) -> str:
    """Return size and weight; the family is the page's."""
    weight, size = found.groups()
    if size is None:
        return ""
    return (f"font-weight: {weight}; " if weight else "") + f"font-size: {size}px"
