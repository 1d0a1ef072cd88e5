"""Runs on splits, paired with other runs, in figures; refused where plugins have changed."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import attrs
import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

import bionic_core as bionic
from bionic_core.base.records import to_document
from bionic_core.cli import evaluation as command
from bionic_core.cli import figures as folders
from bionic_core.reports import terminal
from bionic_core.reports.drawing import run as figures
from bionic_core.reports.tables import evaluation as report_evaluation
from bionic_core.reports.words import percent
from bionic_core.runs import identity as run_module
from bionic_core.runs.evaluate import (
    Evaluation,
    Predicted,
    compare,
    evaluate_run,
    evaluation_of,
    predict_split,
)
from bionic_core.runs.files import MANIFEST, PREDICTIONS
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.training.figures import Figures
from bionic_core.training.metrics import figure_of, full_metrics, probabilities
from tests.support.toys import without_sums

CACHE = InputCache()


def spec(**tables: Any) -> bionic.Spec:
    document: dict[str, Any] = {
        "model": {"layers": {"A": 12, "B": 8}, "projections": ["A->B"]},
        "data": {"source": "schematic", "train": 210, "test": 140},
        "training": {"max_epochs": 2, "lr": 3e-3, "patience": 0},
        "mechanisms": {"noise": {}, "layernorm": {}},
    }
    document |= {table: document[table] | keys for table, keys in tables.items()}
    return compose(document, name="small", registry=bionic.Registry.installed())


def trained(root: Path, seed: int = 0, **tables: Any) -> Run:
    return train(spec(**tables), seed=seed, root=root, device="cpu", cache=CACHE)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run(root: Path) -> Run:
    return trained(root)


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Run:
    """The same run, to be spoilt."""
    return Run.open(Path(shutil.copytree(run.folder, tmp_path / run.hash)))


def manifest(run: Run, **changes: Any) -> None:
    without_sums(run.folder)
    path = run.folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# --- what a run's result holds


def test_the_result_holds_all_figures_of_both_splits(run: Run) -> None:
    result = run.result
    with np.load(run.folder / PREDICTIONS, allow_pickle=False) as file:
        for split in ("validation", "test"):
            logits = torch.as_tensor(file[f"{split}_logits"])
            whole = full_metrics(logits, file[f"{split}_labels"], list(file["class_names"]))
            assert attrs.evolve(figures := getattr(result, split), kl=None) == whole
            assert figures.kl == pytest.approx(figures.loss, abs=1e-6)  # no label smoothing here
    assert isinstance(result.test, Figures)
    assert result.test.interval[0] < result.test.accuracy < result.test.interval[1]
    assert figure_of(result, "test.recall.disgusted") >= 0
    assert result.train_evaluated is not None
    assert figure_of(result, "train_evaluated.loss") == result.train_evaluated.loss
    assert run.manifest["plugins"]["noise"].startswith("bionic-connectome ")


def test_averaging_over_mirror_images_stands_apart(run: Run) -> None:
    found = evaluation_of(predict_split(run, "test", flip=True))
    assert (averaged := found.flip_averaged) is not None
    assert attrs.evolve(found, flip_averaged=None) == evaluate_run(run, "test")
    assert "flip_averaged" not in to_document(evaluate_run(run, "test"))
    assert list(to_document(found))[6:9] == ["selected_on", "flip_averaged", "accuracy"]
    images = predict_split(run, "test").part.images
    network = run.network(run.spec(), None)
    with torch.inference_mode():
        both = [
            network(torch.as_tensor(np.ascontiguousarray(x)).float() / 255).double().softmax(1)
            for x in (images, images[..., ::-1])
        ]
    mean = ((both[0] + both[1]) / 2).numpy()
    labels = predict_split(run, "test").labels
    assert averaged.accuracy == (mean.argmax(1) == labels).mean()
    assert averaged.loss == pytest.approx(-np.log(mean[range(len(labels)), labels]).mean())
    assert averaged.loss != found.figures.loss
    said = words(report_evaluation.evaluated(found))
    assert "accuracy, flip-averaged" in said
    assert percent(averaged.accuracy) in said


def test_evaluation_in_training_mode_is_apart_from_what_was_seen(run: Run) -> None:
    """The unvaried images, without noise: not the figure of the epoch in passing."""
    evaluated, seen = run.result.train_evaluated, run.result.train
    assert evaluated is not None
    assert evaluated.loss != seen.loss
    assert evaluate_run(run, "train").figures.loss == pytest.approx(evaluated.loss, abs=1e-6)


def test_other_data_is_said(run: Run) -> None:
    assert not evaluate_run(run, "test").other_data
    other = evaluate_run(run, "test", "schematic")
    assert other.other_data
    assert "trained on other data" in words(report_evaluation.evaluated(other))


def test_other_classes_are_refused(run: Run, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(6):
            path = tmp_path / "pets" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (9, 9), 20 * number + len(name)).save(path)
    with pytest.raises(bionic.RequestError, match=r"classes = 7, but images \(pets\) has 2"):
        evaluate_run(run, "test", str(tmp_path / "pets"))


# --- two runs


def test_two_runs_on_the_same_images_are_paired(root: Path, run: Run) -> None:
    other = trained(root, seed=1, mechanisms={"noise": {"sigma": 0.5}})
    one, two = (predict_split(r, "test", cache=CACHE) for r in (run, other))
    found = compare(one, two)
    discordant = found.outcome.only_this_right - found.outcome.only_other_right
    assert found.outcome.difference == pytest.approx(discordant / 140)
    assert found.outcome.difference == pytest.approx(
        run.result.test.accuracy - other.result.test.accuracy
    )
    told = to_document(found)
    counts = [told[k] for k in ("both_right", "only_this_right", "only_other_right", "both_wrong")]
    assert sum(counts) == 140
    assert found.hash == other.hash
    back = compare(two, one)
    assert (back.outcome.p, back.outcome.difference) == (found.outcome.p, -found.outcome.difference)
    said = words(report_evaluation.evaluated(attrs.evolve(evaluation_of(one), against=found)))
    assert other.hash in said
    assert "right only in the other" in said
    assert found.outcome.test in said


@pytest.mark.parametrize("data", [{"test": 147}, {"seed": 4}])
def test_two_runs_on_other_images_are_not(root: Path, run: Run, data: dict[str, int]) -> None:
    other = trained(root, data=data)
    pair = [predict_split(r, "test", cache=CACHE) for r in (run, other)]
    with pytest.raises(bionic.RequestError) as caught:
        compare(pair[0], pair[1])
    said = str(caught.value)
    assert "a paired test needs two runs on the same images, but test of" in said
    assert run.hash in said
    assert other.hash in said
    assert "name one set of images for both with --data" in said
    for r in (run, other):
        assert r.manifest["identity"]["data"]["fingerprint"][:16] in said
    same = [predict_split(r, "test", "schematic", CACHE) for r in (run, other)]
    assert compare(same[0], same[1]).hash == other.hash


# --- plugins that are missing, or compute other numbers


def test_a_mechanism_whose_numbers_have_changed_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(run.spec().mechanisms["noise"]), "numerics", 7)
    with pytest.raises(bionic.RequestError) as caught:
        evaluate_run(run, "test")
    version = bionic.__version__
    assert (
        "trained with numerics 1 of the mechanism 'noise', but numerics 7 is installed: it "
        f"computes other numbers by now. Install bionic-connectome {version}, which the run "
        "was trained with, or train anew"
    ) in str(caught.value)
    assert str(run.folder) in str(caught.value)


def test_a_core_whose_numbers_have_changed_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "CORE_NUMERICS", 99)
    with pytest.raises(bionic.RequestError, match=r"numerics \d+ of the core, but numerics 99 is"):
        run.spec()


def test_a_mechanism_that_is_not_installed_is_refused(
    copy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(copy, plugins={"noise": "noisy 3.1"})
    monkeypatch.setenv("BIONIC_PLUGINS", "-noise,-layernorm")
    with pytest.raises(bionic.RequestError) as caught:
        copy.spec()
    assert len(caught.value.problems) == 2
    assert (
        "trained with the mechanism 'noise' of noisy 3.1, which is not installed here. Install "
        "noisy 3.1, or, if it is left out on purpose, train anew without it"
    ) in str(caught.value)
    assert "'layernorm', which is not installed here. Install the package that has it" in str(
        caught.value
    )


def test_a_mechanism_that_is_broken_or_something_else_is_refused(copy: Run) -> None:
    identity = copy.manifest["identity"]
    identity["numerics"] = {"core": run_module.CORE_NUMERICS, "schematic": 1}
    manifest(copy, identity=identity)
    with pytest.raises(bionic.RequestError, match="'schematic' is a data source, not a mechanism"):
        copy.spec()


def test_a_manifest_without_versions_still_says_what_to_do(
    copy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest(copy, plugins=None, versions=None)
    monkeypatch.setattr(type(copy.spec().mechanisms["noise"]), "numerics", 7)
    with pytest.raises(bionic.RequestError, match=r"Install the version \(see manifest"):
        copy.spec()
    manifest(copy, identity={})
    with pytest.raises(bionic.RequestError, match=r"manifest.json has no identity.numerics"):
        copy.spec()


def test_another_connectome_is_refused(copy: Run) -> None:
    identity = copy.manifest["identity"]
    identity["connectome"] = "0123456789abcdef" * 4
    manifest(copy, identity=identity)
    with pytest.raises(
        bionic.RequestError,
        match=r"connectome of fingerprint 0123456789abcdef, but .* now gives none. Put",
    ):
        evaluate_run(copy, "test")


def test_damaged_records_are_refused(copy: Run) -> None:
    assert [record["epoch"] for record in copy.history] == [1, 2]
    (copy.folder / "metrics.jsonl").write_text("{")
    with pytest.raises(bionic.RequestError, match=r"metrics.jsonl: damaged"):
        _ = copy.history


# --- tables


def words(rendered: Any, width: int = 110) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width)
    console.print(terminal.render(rendered))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_the_tables_say_what_is_in_the_document(run: Run) -> None:
    evaluation = evaluate_run(run, "test")
    said = words(report_evaluation.evaluated(evaluation))
    figures = evaluation.figures
    low, high = figures.interval
    assert f"{100 * low:.2f} to {100 * high:.2f} %" in said
    assert percent(figures.calibration_error) in said
    for name, values in figures.classes.items():
        assert name in said
        assert f"{values.recall:.3f}" in said
    assert "macro average" in said
    assert "weighted average" in said
    assert "test-selected" not in said
    assert "–" not in said
    happy = attrs.evolve(figures.classes["happy"], auc=None)
    figures = attrs.evolve(figures, auc=None, classes={**figures.classes, "happy": happy})
    said = words(report_evaluation.evaluated(attrs.evolve(evaluation, figures=figures)))
    assert said.count("–") == 3  # of the class, and of the mean twice


def test_seven_classes_fit_into_eighty_columns(run: Run) -> None:
    said = words(report_evaluation.evaluated(evaluate_run(run, "test")), width=80)
    assert "…\n" not in said
    for name in run.manifest["class_names"]:
        assert said.count(name) >= 3, name


# --- figures


def drawn(run: Run) -> tuple[Predicted, Evaluation, dict[str, dict[str, bytes]]]:
    predicted = predict_split(run, "test", cache=CACHE)
    evaluation = evaluation_of(predicted)
    return predicted, evaluation, command._drawn(predicted, evaluation)


def svg_words(content: bytes) -> str:
    return " ".join(ElementTree.fromstring(content).itertext())


def test_figures_show_the_run_its_classes_and_its_areas(run: Run, tmp_path: Path) -> None:
    _, evaluation, files = drawn(run)
    paths = folders.write(tmp_path / "deep" / "er", files)
    assert sorted(Path(p).name for p in paths) == sorted(
        f"{name}.{form}" for name in ("confusion", "roc", "learning") for form in ("png", "svg")
    )
    for path in paths:
        if path.endswith("png"):
            with Image.open(path) as picture:
                assert min(picture.size) > 600
    for name in ("confusion", "roc"):
        said = svg_words(files[name]["svg"])
        assert f"accuracy {evaluation.figures.accuracy:.1%}" in said
        assert run.hash[:8] in said
        assert "test-selected" not in said
        for cls in evaluation.figures.classes:
            assert cls in said
    happy = evaluation.figures.classes["happy"]
    assert f"{happy.auc:.3f}  happy" in svg_words(files["roc"]["svg"])
    said = svg_words(files["learning"]["svg"])
    assert f"selected: epoch {run.result.best_epoch}" in said
    assert "validation, in evaluation" in said


def test_figures_say_test_selected(root: Path) -> None:
    paper = trained(root, data={"protocol": "paper"})
    _, evaluation, files = drawn(paper)
    assert evaluation.selected_on == "test"
    for name, forms in files.items():
        assert "test-selected" in svg_words(forms["svg"]), name
    assert "test-selected: the test images chose the epoch" in words(
        report_evaluation.evaluated(evaluation)
    )


def test_drawing_twice_gives_the_same_files_and_sets_nothing_global(run: Run) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    assert drawn(run)[2] == drawn(run)[2]
    assert dict(mpl.rcParams) == before


def test_a_class_without_images_and_a_single_epoch_can_be_drawn(run: Run) -> None:
    predicted, _, _ = drawn(run)
    rows = np.flatnonzero(predicted.labels != 1)
    few = attrs.evolve(predicted, part=predicted.part.take(rows), logits=predicted.logits[rows])
    evaluation = evaluation_of(few)
    absent = list(evaluation.figures.classes)[1]
    files = figures.roc(evaluation, probabilities(few.logits), few.labels)
    assert f"–    {absent}" in svg_words(files["svg"])
    assert figures.confusion(evaluation)["png"]
    alone: npt.NDArray[np.int64] = np.zeros(len(few.labels), np.int64)
    none = full_metrics(few.logits, alone, predicted.class_names)
    nothing = attrs.evolve(evaluation, figures=none)
    assert "mean –" in svg_words(figures.roc(nothing, probabilities(few.logits), alone)["svg"])
    assert "epoch 1" in svg_words(figures.learning(run.history[:1], 1, "validation", "x")["svg"])


def test_figures_do_not_go_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(bionic.RequestError, match=r"file: is a file; --figures names"):
            folders.check_folder(folder)
    folders.check_folder(tmp_path / "new")


def test_a_figure_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "roc.png").mkdir()
    with pytest.raises(bionic.RequestError, match=r"roc.png: cannot be written \(.*--figures"):
        folders.write(tmp_path, {"roc": {"png": b"x"}})
    assert [path.name for path in tmp_path.iterdir()] == ["roc.png"]
