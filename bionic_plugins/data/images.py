"""Any folder of class folders."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
from attrs import field
from attrs.validators import ge, gt, in_, lt

from bionic_core import NEUTRAL, UNIT, Dataset, DataSource, RequestError


@attrs.frozen(eq=False)
class Images(DataSource):
    """Pictures in class folders, ``<class>/*.png``, or these within ``train/`` and ``test/``.

    ``validation/`` (or ``val/``, ``valid/``) may stand beside them. Class names are the folders',
    sorted; folders within a class's belong to it, and a test or validation folder may lack classes.
    Pictures have any size and colour, see :func:`bionic_core.pictures.read_picture`. Hidden files
    are passed over; anything else in a class folder that is not a picture is an error, so that no
    image is lost unnoticed.

    Attributes:
        path: the folder.
        test_share: share of each class set apart for testing where there is no ``test/``;
            identical pictures stay on one side.
        test_seed: of the choice of those.
        persons: ``apart`` keeps all pictures of a person on one side wherever a split is drawn and
            names tell who it is (:mod:`bionic_plugins.data.persons`), validation included;
            ``mixed`` draws from all pictures alike. The data's name says which, and where the
            folder's own ``test/`` has persons of ``train/``.
    """

    name = "images"
    source = "a folder"

    path: str
    test_share: float = field(default=0.2, validator=[gt(0), lt(1)], metadata={UNIT: "1"})
    test_seed: int = field(default=0, validator=ge(0), metadata={UNIT: "1"})
    persons: Literal["apart", "mixed"] = field(
        default="apart", validator=in_(("apart", "mixed")), metadata={NEUTRAL: True}
    )

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim any folder, but weakly."""
        return 1 if path.is_dir() else 0

    def size(self) -> tuple[int, int, int]:
        """Return the size that all pictures have; 1 channel where all are grey.

        Raises:
            RequestError: there are no pictures, or they differ in size.
        """
        from bionic_plugins.data.folders import common_size

        return common_size(Path(self.path))

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the pictures, resized to ``image`` = (1 or 3, height, width).

        Raises:
            RequestError: there is no such folder, it has no class folders, a class folder is
                empty or unknown to ``train/``, or files in it are not pictures.
        """
        # Reading is imported by who reads: a spec that names the source needs none of it.
        from bionic_plugins.data.folders import (
            class_files,
            class_folders,
            divide,
            read_labelled,
            split_folders,
        )
        from bionic_plugins.data.persons import apart, of_parts

        root = Path(self.path)
        if not self.path or not root.is_dir():
            raise RequestError(
                "no such folder; images needs one with a folder of pictures for each class, or "
                "with these in train/ and test/",
                where=self.path or "path",
            )
        found = split_folders(root) or {"train": root}
        names = class_folders(found["train"])
        label = {name: index for index, name in enumerate(names)}
        files = {
            split: class_files(folder, label, whole=split == "train")
            for split, folder in found.items()
        }
        parts = {split: read_labelled(files[split], found[split], image) for split in found}
        said, who = of_parts(files, found)
        if who and self.persons == "apart":
            parts, more = apart(parts, who, self.test_share, self.test_seed)
            said += more
        if "test" not in parts:
            parts["train"], parts["test"] = divide(
                parts["train"], names, self.test_share, self.test_seed, self.path
            )
            said += "; persons may be in train and test" if who else ""
        title = f"images ({root.resolve().name}{said})"
        return Dataset(title, tuple(names), parts["train"], parts["test"], parts.get("validation"))
