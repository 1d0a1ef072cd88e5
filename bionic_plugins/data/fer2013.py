"""FER-2013, in all the forms in which people have it (doi:10.1007/978-3-642-42051-1_16)."""

from __future__ import annotations

from pathlib import Path

import attrs

from bionic_core import Dataset, DataSource


@attrs.frozen(eq=False)
class Fer2013(DataSource):
    """FER-2013: 48 × 48 grey faces of seven expressions.

    Class names travel with labels: the CSV codes 0 … 6 are angry, disgust, fear, happy, sad,
    surprise, neutral, folders and archives sort by name; all become the same seven classes in
    alphabetical order. PublicTest is the validation split and PrivateTest the test split where
    both are there; where only one is, it is the test split.

    Attributes:
        path: the file or folder.
    """

    name = "fer2013"
    source = "Goodfellow et al. 2013, doi:10.1007/978-3-642-42051-1_16"

    path: str = ""

    @classmethod
    def claims(cls, path: Path) -> int:
        """Claim files of its suffixes, and folders that hold its classes or such files."""
        from bionic_plugins.data import fer2013_files

        return fer2013_files.claims(path)

    def size(self) -> tuple[int, int, int]:
        """Return the size of all of them."""
        return 1, 48, 48

    def read(self, image: tuple[int, int, int]) -> Dataset:
        """Return the images, resized where ``image`` is not (1, 48, 48).

        Raises:
            RequestError: the path is missing or none of the forms; or the file or folder is
                damaged, lacks training or test images or a class, or holds labels, pixels,
                usages or folders that FER-2013 has not. Lines are counted as in the file.
        """
        # Reading is imported by who reads: a spec that names the source needs none of it.
        from bionic_plugins.data import fer2013_files

        return fer2013_files.read(self.path, image)
