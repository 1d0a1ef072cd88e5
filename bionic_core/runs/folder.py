"""A run's folder, opened: whatever is in it is checked before it is used, and nothing is executed.

::

    <hash>/spec.toml          the resolved spec
           manifest.json      identity, versions, machine, threads, git
           metrics.jsonl      a line for each epoch
           state.safetensors  where training stands; gone when it is done
           model.safetensors  the weights of the selected epoch
           predictions.npz    logits and labels of what was selected and tested on
           result.json        the figures; its presence says that the run is complete
           SHA256SUMS         of the files of a complete run; those of older versions have none
           failure.json       why the run failed, until it is tried again
           .lock              held by the process that trains; gone when it is done

A folder may come from anybody. Files are read as data (TOML, JSON, safetensors, arrays without
pickle), by these names only, never through links, and up to a size; their checksums and their
shapes are compared before anything is made of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.base.arrays import read_arrays
from bionic_core.base.exact import Wanted, fitted
from bionic_core.base.files import kind_of, present
from bionic_core.base.strict_json import in_numbers, replaced
from bionic_core.errors import DamagedError, RequestError, listing
from bionic_core.registry import Registry
from bionic_core.runs.files import (
    ANEW,
    FAILURE,
    MANIFEST,
    METRICS,
    PREDICTIONS,
    SPEC,
    RunFiles,
)
from bionic_core.runs.result import Result
from bionic_core.spec.spec import Spec, digest

if TYPE_CHECKING:
    from bionic_core.connectome import Connectome
    from bionic_core.model.network import Network


@attrs.frozen(eq=False)
class Run:
    """A run's folder.

    Attributes:
        reused: whether it was complete when it was asked for.
    """

    folder: Path
    reused: bool = False

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Return the run in a folder.

        Raises:
            RequestError: the folder is not one of a run.
        """
        if not folder.is_dir():
            kind = kind_of(folder)
            words = f"is a {kind} and no run's folder" if kind else "no such run folder"
            raise RequestError(words, where=str(folder))
        missing = [name for name in (SPEC, MANIFEST) if not present(folder / name)]
        if missing:
            raise RequestError(
                f"not a run folder: it lacks {listing(missing)}. Give a folder that "
                "'bionic train' made, named by 16 hexadecimal digits",
                where=str(folder),
            )
        return cls(folder)

    @classmethod
    def whole(cls, folder: Path) -> Run:
        """Return the run in a folder, in which no file of a complete run is another's.

        Raises:
            RequestError: the folder is not one of a run.
            DamagedError: files are missing, or not what was written.
        """
        run = cls.open(folder)
        if run.done:
            run.verify()
        return run

    @property
    def files(self) -> RunFiles:
        """What is in the folder, by name."""
        return RunFiles(self.folder)

    @property
    def hash(self) -> str:
        """The run's identity, 16 hexadecimal digits."""
        return self.folder.name

    @property
    def manifest(self) -> dict[str, Any]:
        """What was written before training began."""
        return self.files.document(MANIFEST)

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return self.files.done

    @property
    def result(self) -> Result:
        """What a complete run reached.

        Raises:
            RequestError: the run is not complete.
        """
        if not self.done:
            raise RequestError(
                "this run is not finished; 'bionic train' with the same spec, seed and data "
                "goes on where it stopped",
                where=str(self.folder),
            )
        return self.files.result()

    @property
    def history(self) -> list[dict[str, Any]]:
        """The record of each epoch so far."""
        files = self.files
        lines = files.text(METRICS).splitlines()
        return [replaced(files.parse(line, METRICS), in_numbers) for line in lines]

    @property
    def failure(self) -> str | None:
        """Why the run failed when it was last tried; None where it did not."""
        if not present(self.folder / FAILURE):
            return None
        return str(self.files.document(FAILURE)["reason"])

    @property
    def predictions(self) -> dict[str, npt.NDArray[Any]]:
        """The logits and labels that a complete run left behind, and the names of its classes.

        ``validation_logits``, ``test_logits`` (N, C) and their ``…_labels`` (N,).
        """
        path = self.folder / PREDICTIONS
        try:
            arrays = read_arrays(self.read(PREDICTIONS), path)
            return fitted(arrays, _WANTED_PREDICTIONS, str(path))
        except DamagedError:
            raise
        except RequestError as error:
            problems = [f"damaged: {problem}. {ANEW}" for problem in error.problems]
            raise DamagedError(problems, where=str(path)) from error

    def spec(self, registry: Registry | None = None) -> Spec:
        """Return the spec that the run was trained with.

        Raises:
            RequestError: a plugin that it was trained with is not installed, or computes
                other numbers by now, or so does the core.
        """
        from bionic_core.runs.restore import restored_spec

        return restored_spec(self.files, registry)

    def network(self, spec: Spec, connectome: Connectome | None) -> Network:
        """Return the trained network, in evaluation mode.

        Args:
            spec: the run's own.
            connectome: what the spec's ``[connectome]`` gives; None without one.

        Raises:
            RequestError: the run is not complete, its weights are damaged, or the connectome
                is not the one that it was trained with.
        """
        from bionic_core.runs.restore import restored_network

        _ = self.result
        return restored_network(self.files, spec, connectome)

    def read(self, name: str) -> bytes:
        """Return what one of the run's files holds, checked against its sum if it is complete.

        Raises:
            DamagedError: it is missing, no file of its own, too large, or not what was written.
        """
        return self.files.read(name)

    def text(self, name: str) -> str:
        """Return what one of the run's text files says, checked as :meth:`read` does.

        Raises:
            DamagedError: as :meth:`read`, or it is no UTF-8 text.
        """
        return self.files.text(name)

    def sums(self) -> dict[str, str] | None:
        """Return the SHA-256 of each file of a complete run; None if it was made before them."""
        return self.files.sums()

    def verify(self) -> bool:
        """Check every file of a complete run; return whether there were sums to check against.

        Raises:
            DamagedError: files are missing, or not what was written; it names them all.
        """
        return self.files.verify()

    def check_identity(self) -> None:
        """Check that what was written before training is of the run that the folder is named after.

        Raises:
            DamagedError: it is missing, or of another one, with its files put here or its folder
                renamed.
        """
        if not present(self.folder / MANIFEST):
            raise DamagedError(
                "damaged: it is missing, so that nothing tells what run the other files here are "
                f"of. Nothing of them has been used. {ANEW}",
                where=str(self.folder / MANIFEST),
            )
        found = self.manifest.get("identity")
        if (other := digest(found)) != self.hash:
            raise DamagedError(
                f"damaged: it is of another run, {other}. Nothing of it has been used. {ANEW}",
                where=str(self.folder / MANIFEST),
            )


_WANTED_PREDICTIONS = {
    "class_names": Wanted(np.str_, ("classes",)),
    **{
        f"{split}_{what}": wanted
        for split in ("validation", "test")
        for what, wanted in {
            "logits": Wanted(np.floating, (f"{split} images", "classes"), filled=True),
            "labels": Wanted(np.int64, (f"{split} images",), low=0, below="classes"),
        }.items()
    },
}
"""What a complete run leaves behind."""
