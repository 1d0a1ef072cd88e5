"""Sequences of random inputs: which was there some steps ago?"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
from attrs import field
from attrs.validators import ge, in_, le

from bionic_core import UNIT, Dataset, DataSource, RequestError, Split


@attrs.frozen(eq=False)
class Sequences(DataSource):
    """Random sequences, each an image whose rows are its steps; the class is that of a past step.

    For networks in time with ``model.input = "rows"``, which are given a row a step: a height of
    H is a sequence of H steps, the last row the present. Each step is drawn anew, alike and
    independently of all others, so that only memory tells what was there ``delay`` steps ago.
    Guessing is right on 1 in ``symbols``.

    Attributes:
        delay: steps from the one that is asked for to the present; 0 asks for the present one.
        form: ``values``, uniform grey levels u(t) ∈ {0 … 255}, one for a whole row, whose class
            is ⌊u · symbols / 256⌋ (memory capacity is measured on these); ``symbols``, each
            white in its own share of the columns and black in the others.
        symbols: number of classes.
        train, test: number of sequences.
        seed: of everything drawn.
    """

    name = "sequences"
    source = (
        "drawn; memory of random inputs, Jaeger 2001, GMD report 152; in connectomes, Damicelli et "
        "al. 2022, doi:10.1371/journal.pcbi.1010639"
    )

    delay: int = field(default=3, validator=ge(0), metadata={UNIT: "steps"})
    form: Literal["values", "symbols"] = field(
        default="values", validator=in_(("values", "symbols"))
    )
    symbols: int = field(default=7, validator=[ge(2), le(256)], metadata={UNIT: "symbols"})
    train: int = field(default=2000, validator=ge(2), metadata={UNIT: "images"})
    test: int = field(default=1000, validator=ge(1), metadata={UNIT: "images"})
    seed: int = field(default=0, validator=ge(0), metadata={UNIT: "1"})

    def __attrs_post_init__(self) -> None:
        if self.train < self.symbols:
            raise ValueError(f"train = {self.train}: must be at least symbols = {self.symbols}")

    def size(self) -> tuple[int, int, int]:
        """Return the size of 24 steps."""
        return 1, 24, 8

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return sequences of as many steps as ``image`` has rows.

        Raises:
            RequestError: what is asked for lies before the first step, or a row has too few
                columns for the symbols.
        """
        _, height, width = image
        if self.delay >= height:
            raise RequestError(
                f"delay = {self.delay}: a sequence has model.image[1] = {height} steps, so that "
                f"the past ends at delay {height - 1}; set data.delay to it or less, or "
                f"model.image = [{image[0]}, {self.delay + 1}, {width}] with as many more steps"
            )
        if self.form == "symbols" and self.symbols > width:
            raise RequestError(
                f"symbols = {self.symbols}: a row has model.image[2] = {width} columns, and each "
                f"symbol takes one at least; set data.symbols to {width} or less, model.image = "
                f'[{image[0]}, {height}, {self.symbols}], or data.form = "values"'
            )
        train, test = (self._drawn(n, which, image) for which, n in enumerate(self._numbers))
        names = tuple(str(number) for number in range(self.symbols))
        title = f"sequences ({self.form}, {self.delay} steps ago, seed {self.seed})"
        return Dataset(title, names, train, test)

    @property
    def _numbers(self) -> tuple[int, int]:
        return self.train, self.test

    def _drawn(self, number: int, which: int, image: tuple[int, int, int]) -> Split:
        channels, height, width = image
        rng = np.random.default_rng((self.seed, which))
        if self.form == "values":
            rows = rng.integers(0, 256, (number, height), dtype=np.uint8)
            classes = rows.astype(np.int64) * self.symbols // 256
        else:
            classes = rng.integers(0, self.symbols, (number, height))
        now = height - 1 - self.delay
        if which == 0:  # in training each class is there, however few sequences there are
            missing = np.setdiff1d(np.arange(self.symbols), classes[:, now])
            if len(missing):
                raise RequestError(
                    f"train = {number}: none of the drawn sequences has class {missing[0]}; draw "
                    f"more, such as data.train = {20 * self.symbols}"
                )
        if self.form == "values":
            drawn = np.broadcast_to(rows[:, None, :, None], (number, channels, height, width))
        else:
            own = np.arange(width) * self.symbols // width
            white = (classes[:, :, None] == own) * np.uint8(255)
            drawn = np.broadcast_to(white[:, None], (number, channels, height, width))
        return Split(np.array(drawn), classes[:, now])
