"""The images of the benchmarks: FER-2013 where it is, drawn faces in the same numbers elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bionic_core.base.files import write_atomically

REAL = Path(__file__).parents[3] / "shared" / "data" / "fer2013_train_public.npz"
TRAIN, TEST = 28_709, 3_589
QUICK = 1_500, 300


def image_file(*, quick: bool = False) -> Path:
    """Return the file, drawn at the first time where there is none; a small one if quick."""
    if REAL.exists() and not quick:
        return REAL
    train, test = QUICK if quick else (TRAIN, TEST)
    path = Path(tempfile.gettempdir()) / f"bionic-faces-{train}-{test}.npz"
    if not path.exists():
        from bionic_plugins.data.schematic import Schematic

        drawn = Schematic(train=train, test=test).read((1, 48, 48))
        with write_atomically(path) as file:
            np.savez(
                file,
                train_images=drawn.train.images[:, 0],
                train_labels=drawn.train.labels,
                test_images=drawn.test.images[:, 0],
                test_labels=drawn.test.labels,
                class_names=np.array(drawn.class_names),
            )
    return path
