"""What Python's callers get: runs, studies and plans, with tables, figures and pages.

Each is opened from what is in its folder, and computes a thing when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import attrs

from bionic_core.actions.arguments import PathLike, path
from bionic_core.actions.figures import AblationFigures, FactorialFigures, RunFigures
from bionic_core.actions.notices import as_arguments, called
from bionic_core.actions.own_plugins import Plugins
from bionic_core.runs.folder import Run as RunFolder
from bionic_core.studies.results import AblationResults, FactorialResults

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bionic_core.model.network import Network
    from bionic_core.runs.capacity import Capacities
    from bionic_core.runs.lesions import Lesions
    from bionic_core.runs.recorded import Compared
    from bionic_core.runs.result import Result
    from bionic_core.spec.spec import Spec
    from bionic_core.studies.ablation_plan import AblationPlan
    from bionic_core.studies.plan import FactorialPlan
    from bionic_core.training.figures import PlainFigures


@attrs.frozen(eq=False, slots=False)
class Run:
    """A finished run.

    Attributes:
        folder: its own, with all that it left behind.
        reused: whether it was complete when it was asked for.
        plugins: classes of this program that its spec may name, and nobody announces.
    """

    folder: Path
    reused: bool = False
    plugins: Plugins = ()

    @property
    def files(self) -> RunFolder:
        """What is in its folder, checked before it is used."""
        return RunFolder(self.folder, self.reused)

    @property
    def hash(self) -> str:
        """What decides its numbers, as 16 hexadecimal digits."""
        return self.folder.name

    @cached_property
    def result(self) -> Result:
        """What it reached: epochs, seconds, and the figures of each split."""
        with called():
            return self.files.result

    @property
    def test(self) -> PlainFigures:
        """Figures of the test images: ``accuracy`` (a fraction), ``loss`` (nats), ``macro_f1`` …"""
        return self.result.test

    @property
    def validation(self) -> PlainFigures:
        """The same of the validation images, which chose the epoch unless the test images did."""
        return self.result.validation

    @property
    def seed(self) -> int:
        """The seed of all that was drawn."""
        return int(self.files.manifest["seed"])

    @property
    def name(self) -> str:
        """Its spec's name."""
        return str(self.files.manifest["name"])

    @cached_property
    def spec(self) -> Spec:
        """The spec that it was trained with.

        Raises:
            RequestError: a plugin is not installed, or computes other numbers by now.
        """
        with called(plugins=self.plugins):
            return self.files.spec()

    @cached_property
    def history(self) -> pd.DataFrame:
        """A row for each epoch: figures by dotted names, such as ``validation.accuracy``."""
        from bionic_core.actions import frames

        with called():
            return frames.history(self.files.history)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """A row for each validation and test image.

        Columns: ``split``, ``image`` (its number there), ``label``, ``predicted``, and each class's
        probability.
        """
        from bionic_core.actions import frames

        with called():
            return frames.predictions(self.files.predictions)

    @cached_property
    def model(self) -> Network:
        """The trained network, in evaluation mode: images BCHW in [0, 1] to logits.

        Raises:
            RequestError: the wiring is not the one that it was trained with, or a file is damaged.
        """
        with called(plugins=self.plugins):
            spec = self.spec
            return self.files.network(spec, spec.connectome.read() if spec.connectome else None)

    @overload
    def activity(
        self, images: Any, *, part: str = "out", frame: Literal[False] = False
    ) -> xr.DataArray: ...

    @overload
    def activity(self, images: Any, *, part: str = "out", frame: Literal[True]) -> pd.DataFrame: ...

    def activity(
        self, images: Any, *, part: str = "out", frame: bool = False
    ) -> xr.DataArray | pd.DataFrame:
        """Return what every neuron does when it is shown images, in evaluation mode.

        Args:
            images: a split (``test``), paths of pictures, or an array NCHW or NHW: uint8, or floats
                in [0, 1].
            part: of a layer's pass: ``projections``, ``gain``, ``rate`` or ``out``.
            frame: return a data frame, which needs no xarray.

        Returns:
            An array (image, neuron), in time (image, step, neuron), labelled by ``layer``,
            ``index`` and of cells by ``cell_id``, ``cell_type``, ``broad_type``, soma in nm.

        Raises:
            RequestError: there are no such images or no such part, their shape is not the model's,
                or xarray is missing (``bionic-connectome[xarray]``).
        """
        from bionic_core.actions.activity import Activity
        from bionic_core.runs.activity import recording

        with called(plugins=self.plugins):
            found = Activity.of(recording(self.files, images, part))
            return found.to_frame() if frame else found.to_xarray()

    def lesion(
        self,
        by: str = "cell_type",
        *,
        beside: Sequence[Run] = (),
        split: str = "test",
        data: PathLike | None = None,
    ) -> Lesions:
        """Silence each group of neurons in turn, and return what that does to accuracy, ranked.

        Args:
            by: ``cell_type``, ``layer`` or ``cell``.
            beside: runs like this one with other seeds, so that effects are over seeds.
            split: ``train``, ``validation`` or ``test``.
            data: a data source or a path, instead of the run's own.

        Raises:
            RequestError: see :func:`bionic_core.runs.lesions.lesion`.
        """
        from bionic_core.runs.lesions import lesion

        with called(plugins=self.plugins):
            runs = [self.files, *(one.files for one in beside)]
            return lesion(runs, by, split, data=None if data is None else str(data))

    def compare(self, recorded: PathLike, images: Any = None, *, part: str = "out") -> Compared:
        """Return how like recorded responses each layer responds: RSA and debiased CKA.

        Args:
            recorded: an ``.npz`` or ``.nc`` of responses (images, neurons), or with repeats.
            images: what the network is shown, as :meth:`activity` takes it; None for the images
                in the file, or where it has none for the test split.
            part: of a layer's pass: ``projections``, ``gain``, ``rate`` or ``out``.

        Raises:
            RequestError: the responses are to other images, or of other cells.
        """
        from bionic_core.runs.recorded import compare_with, read_recorded

        with called(plugins=self.plugins):
            return compare_with(self.files, read_recorded(path("recorded", recorded)), images, part)

    def capacity(self, data: PathLike | None = None) -> Capacities:
        """See :func:`bionic_core.runs.capacity.capacities`; ``data`` is a source or a path."""
        from bionic_core.runs.capacity import capacities

        with called():
            return capacities(self.files, None if data is None else str(data))

    @property
    def plot(self) -> RunFigures:
        """Its figures: ``learning``, ``confusion``."""
        return RunFigures(self.files)

    def report(self, file: PathLike | None = None) -> Path:
        """Write a self-contained page about it, ``report.html`` in its folder if None."""
        return _report(self.folder, file, self.plugins)

    def __repr__(self) -> str:
        return f"Run({self.name}, seed {self.seed}, test accuracy {self.test.accuracy:.4f})"

    def _repr_html_(self) -> str:
        from bionic_core.actions.html import of_run

        return of_run(self.files)


@attrs.frozen(eq=False, slots=False)
class _Study:
    """A study's results, and the file that they are in.

    Attributes:
        file: JSON, beside the runs.
        plugins: as those of :class:`Run`.
    """

    file: Path
    results: FactorialResults | AblationResults
    plugins: Plugins = attrs.field(default=(), kw_only=True)

    @property
    def folder(self) -> Path:
        """In which the runs have their folders."""
        return self.file.parent

    @cached_property
    def cells(self) -> pd.DataFrame:
        """A row for each run: its levels or variant, seed, accuracy (a fraction), folder, error."""
        from bionic_core.actions import frames

        return frames.cells(self.results)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The finished runs, in the order of the cells."""
        found = (self.folder / Path(cell.run).name for cell in self.results.cells if cell.run)
        return tuple(Run(folder, True, self.plugins) for folder in found)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        return tuple(map(as_arguments, self.results.notes))

    def report(self, file: PathLike | None = None) -> Path:
        """Write a self-contained page about it, beside its file if None; return where it is."""
        return _report(self.file, file, self.plugins)


@attrs.frozen(eq=False, slots=False)
class FactorialStudy(_Study):
    """A factorial study: what each factor changes, alone and together with others.

    Attributes:
        results: all that it found, as its file holds it.
    """

    results: FactorialResults

    @cached_property
    def effects(self) -> pd.DataFrame:
        """A row for each term: estimate, 95 % interval, p, p after Holm, verdict, aliases.

        In percentage points where the response is a fraction, else in its own units.
        """
        from bionic_core.actions import frames

        return frames.effects(self.results)

    @cached_property
    def anova(self) -> pd.DataFrame:
        """The analysis of variance, a row for each source."""
        from bionic_core.actions import frames

        return frames.anova(self.results)

    @property
    def plot(self) -> FactorialFigures:
        """Its figures: ``effects``, ``half_normal``, ``interaction``, ``dose``."""
        return FactorialFigures(self.results)

    def __repr__(self) -> str:
        names = ", ".join(factor.name for factor in self.results.design.factors)
        return f"FactorialStudy({names}; {self.results.design.runs} runs in {self.folder})"

    def _repr_html_(self) -> str:
        from bionic_core.actions.html import of_factorial

        return of_factorial(self.results)


@attrs.frozen(eq=False, slots=False)
class AblationStudy(_Study):
    """A leave-one-out study: what each mechanism changes.

    Attributes:
        results: all that it found, as its file holds it.
    """

    results: AblationResults

    @cached_property
    def effects(self) -> pd.DataFrame:
        """A row for each mechanism: the full model's accuracy less that without it, in points."""
        from bionic_core.actions import frames

        return frames.differences(self.results)

    @cached_property
    def variants(self) -> pd.DataFrame:
        """A row for each variant, the full model first: mean and SD of each figure."""
        from bionic_core.actions import frames

        return frames.variants(self.results)

    @property
    def plot(self) -> AblationFigures:
        """Its figure: ``effects``."""
        return AblationFigures(self.results)

    def __repr__(self) -> str:
        names = ", ".join(factor.name for factor in self.results.design.factors)
        return f"AblationStudy({names}; {self.results.design.runs} runs in {self.folder})"

    def _repr_html_(self) -> str:
        from bionic_core.actions.html import of_ablation

        return of_ablation(self.results)


@attrs.frozen(eq=False, slots=False)
class Plan:
    """A study before it is trained: what it will be able to see, and how long it takes.

    Attributes:
        found: all of it, as ``--plan --json`` has it.
    """

    found: FactorialPlan | AblationPlan

    @property
    def runs(self) -> int:
        """How many there will be, seeds counted."""
        return self.found.design.runs

    @property
    def seconds(self) -> float | None:
        """How long what is missing will take; None where nothing tells."""
        return None if self.found.estimate is None else self.found.estimate.seconds

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        return tuple(map(as_arguments, self.found.notes))

    @cached_property
    def effects(self) -> pd.DataFrame:
        """What each term's interval can be expected to be; of a leave-one-out study, one row."""
        from bionic_core.actions import frames

        return frames.sights(self.found)

    def __repr__(self) -> str:
        return f"Plan({self.runs} runs)"

    def _repr_html_(self) -> str:
        from bionic_core.actions.html import of_plan

        return of_plan(self.found)


def _report(found: Path, file: PathLike | None, plugins: Plugins) -> Path:
    from bionic_core.reports.pages import write_report

    with called(plugins=plugins):
        out = None if file is None else path("file", file)
        return Path(write_report(found, out).file)
