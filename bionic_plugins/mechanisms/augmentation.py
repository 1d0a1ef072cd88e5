"""Data augmentation: crops, rotations, flips and light, drawn for each image (§3.4.2 (6))."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import field
from attrs.validators import and_, ge, le, lt

from bionic_core import UNIT, Mechanism, hookimpl

Range = tuple[float, float]


def _range(low: float, high: float) -> Callable[[object, object, Range], None]:
    def check(_: object, attribute: object, value: Range) -> None:
        if not low < value[0] <= value[1] <= high:
            raise ValueError(f"must be [least, most] with {low} < least <= most <= {high}")

    check.__doc__ = f"{low} < least <= most <= {high}"
    return check


@attrs.frozen(eq=False)
class Augmentation(Mechanism):
    """Training images are varied anew in each epoch; others stay as they are.

    Attributes:
        scale: range of the crop's area as a share of the image, resized back (§3.3).
        ratio: range of the crop's aspect ratio; the paper names none, so torchvision's default.
        rotation: largest angle in degrees, either way.
        flip: probability of a left-right flip.
        brightness, contrast: largest relative change, either way.
    """

    name = "augmentation"
    kind = "functional"
    source = "BioNIC §3.3 and §3.4.2 (6)"

    scale: Range = field(default=(0.8, 1.0), validator=_range(0, 1), metadata={UNIT: "1"})
    ratio: Range = field(default=(3 / 4, 4 / 3), validator=_range(0, 10), metadata={UNIT: "1"})
    rotation: float = field(default=15.0, validator=and_(ge(0), le(180)), metadata={UNIT: "°"})
    flip: float = field(default=0.5, validator=and_(ge(0), le(1)), metadata={UNIT: "1"})
    brightness: float = field(default=0.15, validator=and_(ge(0), lt(1)), metadata={UNIT: "1"})
    contrast: float = field(default=0.15, validator=and_(ge(0), lt(1)), metadata={UNIT: "1"})

    @hookimpl
    def recipe(self) -> dict[str, object]:
        """Set the recipe's views."""
        return {
            f"views.{f.name}": getattr(self, f.name) for f in attrs.fields(type(self)) if f.init
        }
