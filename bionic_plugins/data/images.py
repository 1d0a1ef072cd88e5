"""Any folder of class folders."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs import field
from attrs.validators import ge, gt, lt

from bionic_core import Dataset, DataSource, RequestError


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
    """

    name = "images"
    source = "a folder"

    path: str
    test_share: float = field(default=0.2, validator=[gt(0), lt(1)])
    test_seed: int = field(default=0, validator=ge(0))

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
        from bionic_plugins.data.folders import class_folders, divide, read_classes, split_folders

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
        parts = {
            split: read_classes(folder, label, image, whole=split == "train")
            for split, folder in found.items()
        }
        if "test" not in parts:
            parts["train"], parts["test"] = divide(
                parts["train"], names, self.test_share, self.test_seed, self.path
            )
        title = f"images ({root.resolve().name})"
        return Dataset(title, tuple(names), parts["train"], parts["test"], parts.get("validation"))
