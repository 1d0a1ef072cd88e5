"""The folder that a command's figures go into: looked at before the work, written after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bionic_core.base.files import kind_of
from bionic_core.errors import RequestError


def check_folder(
    folder: Path | None, option: str = "--figures", holds: str = "figures are written into"
) -> None:
    """Refuse a folder where something else stands in its place, before the work for it."""
    for place in (folder, *folder.parents) if folder else ():
        if (kind := kind_of(place)) not in ("", "folder"):
            raise RequestError(
                f"is a {kind}; {option} names the folder that {holds}", where=str(place)
            )


def write(
    folder: Path, drawn: Mapping[str, Mapping[str, bytes]], option: str = "--figures"
) -> list[str]:
    """Write figures, ``{name: {format: content}}``, into a folder; return their paths.

    Raises:
        RequestError: the system refuses such a place.
        WriteError: the disk is full or broken.
    """
    from bionic_core.base.files import write_atomically
    from bionic_core.base.unfinished import refused

    paths = []
    for name, forms in drawn.items():
        for form, content in forms.items():
            paths.append(str(path := folder / f"{name}.{form}"))
            try:
                with write_atomically(path) as file:
                    file.write(content)
            except OSError as error:
                raise refused(error, path, option, "another folder") from error
    return paths
