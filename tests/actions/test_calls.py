"""Python's calls: what they return, what they refuse in words that name the argument, warnings."""

from __future__ import annotations

import sys
import types
import warnings
from pathlib import Path
from typing import Any

import attrs
import matplotlib as mpl
import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core.actions import watch
from bionic_core.actions.notices import as_arguments
from bionic_core.runs.engine import Work
from bionic_core.runs.task import Task
from bionic_core.studies.results import save_factorial
from bionic_plugins.engines.local.workers import check_sendable
from tests.runs.test_runs import small
from tests.support import toys

mpl.use("agg")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> bionic.FactorialStudy:
    """A study whose layers are cells of a connectome."""
    folder = tmp_path_factory.mktemp("study")
    toys.column().save(folder / "toy.npz")
    path = folder / "toy.toml"
    path.write_text(
        'model = { layers = { A = ["a"], B = ["b", "c"] }, projections = ["A->B"] }\n'
        f"connectome = {{ source = '{folder / 'toy.npz'}' }}\n"
        'data = { source = "schematic", train = 140, test = 70 }\n'
        "training = { max_epochs = 2, lr = 3e-3, patience = 0 }\n"
        "[mechanisms.convolution]\nfilters = [2, 2]\n[mechanisms.masks]\n[mechanisms.noise]\n"
    )
    return bionic.factorial(
        path, mechanisms=["masks", "noise"], seeds=2, device="cpu", out=folder / "runs"
    )


@pytest.fixture(scope="module")
def run(study: bionic.FactorialStudy) -> bionic.Run:
    return study.runs[3]  # everything on


def test_a_run_has_tables_and_its_network(run: bionic.Run) -> None:
    assert list(run.history.index) == [1, 2]
    best = run.history["validation.accuracy"].max()
    assert best == run.validation.accuracy
    test = run.predictions[run.predictions["split"] == "test"]
    assert len(test) == run.test.images == 70
    assert (test["predicted"] == test["label"]).mean() == run.test.accuracy
    shares = test[["angry", "happy"]]
    assert ((shares > 0) & (shares < 1)).all(axis=None)
    assert not run.model.training
    assert run.spec.mechanisms.keys() == {"convolution", "masks", "noise"}
    assert repr(run).startswith("Run(toy, seed 0, test accuracy 0.")


def test_activity_is_labelled_by_cells(run: bionic.Run) -> None:
    found = run.activity("test")
    assert found.dims == ("image", "neuron")
    assert found.shape == (70, 15)
    column, layers = toys.column(), ["A"] * 5 + ["B"] * 10
    assert found["layer"].values.tolist() == layers
    assert found["cell_id"].values.tolist() == column.cell_id[:15].tolist()
    assert found["label"].values.tolist() == run.predictions["label"][-70:].tolist()
    image = torch.rand(2, 1, 48, 48)
    with torch.no_grad():
        trace = run.model.trace(image)
    rates = run.activity(image.numpy(), part="rate", frame=True)
    expected = torch.cat([trace["A.rate"], trace["B.rate"]], dim=1).numpy()
    np.testing.assert_allclose(rates.to_numpy(), expected, rtol=0, atol=1e-6)
    assert rates.columns.names == ["layer", "index", "cell_id", "cell_type", "broad_type"]
    bytes_ = run.activity((image[:, 0] * 255).to(torch.uint8).numpy())
    assert bytes_.shape == (2, 15)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 3, 48, 48)), r"images: an array of shape \(2, 3, 48, 48\).*\(N, 1, 48, 48\)"),
        (np.full((1, 1, 48, 48), 2.0), r"images: floats must lie in \[0, 1\]"),
        ("tset", "tset: no such file"),
        (3, "images: must be a split"),
    ],
)
def test_images_that_are_none_are_refused(run: bionic.Run, images: Any, words: str) -> None:
    with pytest.raises(bionic.RequestError, match=words):
        run.activity(images)


def test_without_xarray_a_frame_is_offered(
    run: bionic.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(bionic.RequestError, match=r"\[xarray\]'.*frame=True"):
        run.activity("test")
    assert run.activity("test", frame=True).shape == (70, 15)


def test_a_study_has_tables_figures_and_a_page(
    study: bionic.FactorialStudy, tmp_path: Path
) -> None:
    assert list(study.effects.index) == ["masks", "noise", "masks:noise"]
    assert list(study.cells.columns) == ["masks", "noise", "seed", "accuracy", "run", "error"]
    assert len(study.cells) == 8
    on = study.cells.groupby("masks")["accuracy"].mean()
    assert study.effects.loc["masks", "estimate"] == pytest.approx(100 * (on[True] - on[False]))
    assert study.anova.loc["total", "degrees"] == 7
    from matplotlib import pyplot

    _, axes = pyplot.subplots()
    assert study.plot.effects(axes) is axes
    assert study.plot.interaction("masks", "noise").get_xlabel() == "masks"
    assert study.runs[0].plot.learning().get_ylabel() == "accuracy"
    assert len(study.runs[0].plot.confusion().images) == 1
    pyplot.close("all")
    with pytest.raises(bionic.RequestError, match=r"second: .nose. is no factor"):
        study.plot.interaction("masks", "nose")
    page = study.report(tmp_path / "page.html")
    assert page.read_text().startswith("<!doctype html>")
    shown = study._repr_html_()
    assert "Do masks and noise change the test accuracy of toy" in shown
    assert "<svg" in shown
    named = attrs.evolve(study.results, name="<b>toy</b>")
    assert "<b>toy" not in attrs.evolve(study, results=named)._repr_html_()


def test_what_a_path_holds_is_opened(
    study: bionic.FactorialStudy, run: bionic.Run, tmp_path: Path
) -> None:
    opened = bionic.open(run.folder)
    assert isinstance(opened, bionic.Run)
    assert opened.test == run.test
    for path in (study.folder, study.file):
        again = bionic.open(path)
        assert isinstance(again, bionic.FactorialStudy)
        assert again.effects.equals(study.effects)
    with pytest.raises(bionic.RequestError, match="no such file or folder"):
        bionic.open(tmp_path / "none")
    older = tmp_path / "older"
    older.mkdir()
    for name in ("spec.toml", "manifest.json"):
        text = (run.folder / name).read_text()
        (older / name).write_text(text.replace('"core":', '"core": 9, "was":'))
    with pytest.raises(bionic.RequestError, match="not finished"):
        bionic.open(older)
    with pytest.raises(bionic.RequestError, match="older"):
        _ = bionic.Run(older).spec


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"mechanisms": "masks,noise"}, r"mechanisms: 'masks,noise' is one text.*\['masks', 'no"),
        ({"mechanisms": ["nose"]}, "nose"),
        ({"mechanisms": [1]}, r"mechanisms\[0\]: must be a name; it is 1 \(int\)"),
        ({"mechanisms": []}, r"mechanisms: name at least one.*factors=\{\"training.lr\": \[1e-4"),
        ({"seeds": 0}, "seeds: must be a whole number, 1 or more; it is 0"),
        ({"seeds": True}, "seeds: must be a whole number"),
        ({"jobs": 1.5}, "jobs: must be a whole number"),
        ({"factors": ["training.lr"]}, "factors: must be keys and their values"),
        ({"factors": {"noise": [0, 1]}}, "factors: 'noise' is no key"),
        ({"factors": {"noise.sigma": "0,1"}}, r"factors\['noise.sigma'\]: must be a list"),
        ({"data": "nowhere.csv"}, "nowhere.csv: no such file or folder"),
        ({"data": 3}, "data: must be a path"),
        ({"set": {"noise": 1}}, "set: must be keys of the spec"),
        ({"set": "noise.sigma=1"}, "set: must be keys of the spec"),
        ({"set": {"noise.sigma": object()}}, r"set\['noise.sigma'\]: must be a number"),
        ({"epochs": 0}, "epochs: must be a whole number"),
        ({"over": "images"}, "over: 'images'|over='images'"),
        ({"error": "anova"}, "error|anova"),
        ({"response": "test.f2", "set": {"data.train": 140}}, "^response: "),
        ({"engine": "locl"}, "engine: .*locl"),
        ({"track": "mlflow"}, "track: must be a list"),
        ({"spec": 3}, "spec: must be a spec's name"),
        ({"design": "none.csv", "mechanisms": ["masks"]}, "leave mechanisms, factors and resolut"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, asked: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"spec": "demo", "mechanisms": ["masks"], "out": tmp_path / "runs"}
    with pytest.raises(bionic.RequestError, match=words) as error:
        bionic.factorial(**given | asked)
    told = str(error.value).partition("bionic evaluate RUN")[0]  # a command has options
    assert "--" not in told
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("option", "argument"),
    [
        ("--margin is of two designs: by --beside", "margin is of two designs: by beside"),
        ("give --seeds 3, or --error pooled.", "give seeds=3, or error='pooled'."),
        ("say where with --data PATH", "say where with data=PATH"),
        ("--track-to names it", "track_to names it"),
        ("'bionic evaluate RUN --against RUN' does", "'bionic evaluate RUN --against RUN' does"),
        ("fewer --jobs, or a smaller size", "fewer jobs, or a smaller size"),
        ("the same command goes on", "the same call goes on"),
        ("--set noise.sigma=0.1 does", 'set={"noise.sigma": 0.1} does'),
    ],
)
def test_options_are_told_as_arguments(option: str, argument: str) -> None:
    assert as_arguments(option) == argument


def test_what_a_reader_must_know_is_a_warning_where_he_called(tmp_path: Path) -> None:
    void = small(epochs=1, mechanisms={"noise": {"sigma": 0.0}})
    with pytest.warns(bionic.BionicWarning, match="mechanism 'noise' does nothing") as told:
        bionic.train(void, device="cpu", out=tmp_path)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bionic.train(void, device="cpu", out=tmp_path, without=["noise"], progress=False)


def test_a_stop_says_that_finished_epochs_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bionic_core.runs.train.train_task", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        bionic.train(small(), out=tmp_path)
    assert "the same call goes on" in stopped.value.__notes__[0]


def test_processes_that_cannot_be_started_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small()
    work = Work([Task(0, spec, 0)], tmp_path, jobs=2)
    check_sendable(work)
    monkeypatch.setattr(type(spec.mechanisms["noise"]), "__module__", "__main__")
    with pytest.raises(bionic.RequestError, match="Noise is defined in this script or notebook"):
        check_sendable(work)
    monkeypatch.undo()
    here = types.SimpleNamespace(daemon=True)
    monkeypatch.setattr("multiprocessing.current_process", lambda: here)
    with pytest.raises(bionic.RequestError, match="--jobs 1 here"):
        check_sendable(work)


class Handle:
    """What IPython's display returns, which remembers what was shown."""

    def __init__(self, shown: dict[str, str]) -> None:
        self.shown = [shown]

    def update(self, shown: dict[str, str], raw: bool) -> None:
        assert raw
        self.shown.append(shown)


def test_a_notebook_shows_bars_and_keeps_how_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handles: list[Handle] = []

    def display(shown: dict[str, str], **_: object) -> Handle:
        handles.append(Handle(shown))
        return handles[-1]

    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    shows: Any = types.ModuleType("IPython.display")
    shows.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shows)
    monkeypatch.setattr(watch, "EVERY", 0.0)
    bionic.factorial(small(epochs=1), mechanisms=["noise"], seeds=1, device="cpu", out=tmp_path)
    (handle,) = handles
    texts = [shown["text/plain"] for shown in handle.shown]
    assert any("run 1/2  noise off, seed 0: accuracy" in text for text in texts)
    assert any("epoch 1 of 1" in text for text in texts)
    assert handle.shown[-1]["text/plain"] == "2 of 2 done, 0 running, 0 failed"
    assert "━" in handle.shown[3]["text/html"]
    assert capsys.readouterr() == ("", "")


def test_where_nothing_is_shown_nothing_is_printed(
    study: bionic.FactorialStudy, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {"mechanisms": ["masks"], "seeds": 1, "out": study.folder}
    path = study.folder.parent / "toy.toml"
    bionic.factorial(path, device="cpu", **asked)
    assert capsys.readouterr() == ("", "")
    bionic.factorial(path, device="cpu", progress=True, **asked)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 of 2 runs were done before" in err


def test_runs_that_failed_are_warned_of(
    study: bionic.FactorialStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bionic_core.actions import studies

    cells = study.results.cells
    broken = attrs.evolve(
        study.results, cells=(attrs.evolve(cells[0], run=None, error="diverged"), *cells[1:])
    )
    save_factorial(tmp_path / "factorial-x.json", broken)
    monkeypatch.setattr(
        studies, "factorial", lambda *_: attrs.evolve(broken, file=str(tmp_path / "f.json"))
    )
    with pytest.warns(bionic.BionicWarning, match="1 of 8 runs failed"):
        found = bionic.factorial(
            study.folder.parent / "toy.toml", mechanisms=["masks", "noise"], seeds=2
        )
    assert found.cells["error"][0] == "diverged"
    assert len(found.runs) == 7
