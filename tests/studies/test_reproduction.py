"""A paper's tables beside ours: from the published file through tiny runs to the written pages."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from bionic_core import BionicError, Publication, Registry, RequestError, cli
from bionic_core.base.records import to_document
from bionic_core.runs.evaluate import class_figures
from bionic_core.runs.folder import Run
from bionic_core.runs.observer import Observer
from bionic_core.runs.probe import words
from bionic_core.runs.task import Task
from bionic_core.statistics.comparisons import Summary
from bionic_core.studies.comparison import judged
from bionic_core.studies.publication import Published, open_publication
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.toys import without_sums

__all__ = ["bionic"]

TINY = (
    *("--set", 'data.source="schematic"', "--set", "data.train=70", "--set", "data.test=35"),
    *("--epochs", "1", "--device", "cpu", "--quick"),
)


@pytest.fixture(scope="module")
def published() -> Published:
    return open_publication(None, Registry.installed())


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all rows are trained with two seeds, and the report written."""
    folder = tmp_path_factory.mktemp("reproduction")
    argv = sys.argv
    sys.argv = ["bionic", "reproduce", *TINY, "--seeds", "2", "--out", str(folder)]
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code
    else:
        code = 0
    finally:
        sys.argv = argv
    assert not code
    return folder


def test_the_published_numbers_agree_with_each_other(published: Published) -> None:
    """Tables 5 and 6 are differences in Table 4; Table 3's averages are of its classes."""
    assert len(published.rows) == 14
    assert (published.test_images, published.seeds) == (7178, 3)
    assert list(published.changes) == ["table5", "table6"]
    for table in published.changes.values():
        changes = [row.change for row in table.rows]
        assert changes == sorted(changes, reverse=True)
        assert table.range == (changes[-1], changes[0])
        for row in table.rows:
            line = published.row(row.without)
            assert line is not None
            assert published.whole.accuracy[0] - line.accuracy[0] == pytest.approx(row.change)
    rows = published.classes["table3"].rows
    classes = [row for row in rows if row.names]
    (macro,) = (row for row in rows if row.average == "macro")
    for model in ("baseline", "full"):
        for name in ("precision", "recall", "f1"):
            mean = np.mean([row.figures[model][name] for row in classes])
            assert mean == pytest.approx(macro.figures[model][name], abs=0.0101)


def test_published_numbers_are_in_the_paper(published: Published) -> None:
    row = published.row("augmentation")
    assert row is not None
    assert (row.accuracy, row.train_loss) == ((36.95, 1.34), (20.4665, 13.7304))
    parameters = {row.label: row.parameters for row in published.rows}
    assert parameters["Standard CNN (Baseline)"] == 1381223
    assert parameters["Abl. Convolutional Layers"] == 1536684 - 1376
    assert sum(row.parameters == 1536684 for row in published.rows) == 12


def test_every_row_is_trained_and_its_numbers_are_the_runs(done: Path) -> None:
    document = json.loads((done / "reproduction.json").read_text())
    results = []
    for path in done.glob("*/result.json"):
        spec = tomllib.loads((path.parent / "spec.toml").read_text())
        results.append((set(spec["mechanisms"]), spec["model"], json.loads(path.read_text())))
    assert len(results) == 28
    full = max((mechanisms for mechanisms, *_ in results), key=len)
    for row in document["table4"]:
        if row["model"] == "baseline":
            own = [result for _, model, result in results if "H1" in model["layers"]]
        else:
            gone = {row["without"]} - {""}
            gone |= {"lateral", "attention"} if row["without"] == "convolution" else set()
            own = [result for mechanisms, _, result in results if mechanisms == full - gone]
        accuracies = [100 * result["test"]["accuracy"] for result in own]
        assert len(own) == 2, row["label"]
        figure = row["accuracy"]
        assert figure["ours"] == pytest.approx(np.mean(accuracies))
        assert figure["ours_sd"] == pytest.approx(np.std(accuracies, ddof=1), abs=1e-9)
        assert figure["difference"] == pytest.approx(figure["ours"] - figure["published"])
        error = math.sqrt(figure["ours_sd"] ** 2 / 2 + figure["published_sd"] ** 2 / 3)
        assert figure["z"] == pytest.approx(figure["difference"] / error)
        told = [(r["test"]["kl"], r["train_evaluated"]["kl"]) for r in own]
        both = row["loss"]["ours"], row["train_loss"]["ours"]
        assert both == pytest.approx(np.mean(told, axis=0))
        loss = row["loss"]
        error = math.hypot(loss["ours_sd"] / 2**0.5, loss["published_sd"] / 3**0.5)
        assert row["loss"]["z"] == pytest.approx(row["loss"]["difference"] / error)
    sizes = {row["label"]: row["parameters"] for row in document["table4"]}
    assert sizes["Standard CNN (Baseline)"]["difference"] == 0
    assert sizes["Full Model (All Components)"]["ours"] == 1224896
    assert document["test_images"] == {"ours": 35, "published": 7178}


def test_changes_are_full_less_without_paired_by_seed(done: Path) -> None:
    document = json.loads((done / "reproduction.json").read_text())
    table4 = {row["without"] or row["model"]: row["accuracy"] for row in document["table4"]}
    rows = {row["term"]: row for n in (5, 6) for row in document[f"table{n}"]["rows"]}
    assert len(rows) == 12
    for term, row in rows.items():
        name = term.partition(" ")[0]
        assert row["ours"] == pytest.approx(table4["full"]["ours"] - table4[name]["ours"])
        assert row["low"] is None or row["low"] < row["ours"] < row["high"]  # 35 images may agree
    assert [row["term"] for row in document["table5"]["rows"]][:2] == ["masks", "intra"]
    unlisted = {term: row["published"] for term, row in rows.items() if not row["listed"]}
    assert unlisted == {"weight_decay": -0.23, "noise": 0.02, "attention": 0.27}


def test_quick_trains_the_baseline_with_the_quick_recipe(done: Path) -> None:
    specs = [tomllib.loads(path.read_text()) for path in done.glob("*/spec.toml")]
    trainings = {json.dumps(spec["training"], sort_keys=True) for spec in specs}
    assert len(trainings) == 1
    (baseline, *_) = (spec for spec in specs if "H1" in spec["model"]["layers"])
    assert baseline["mechanisms"]["lr_schedule"]["policy"] == "one-cycle"
    assert "hebbian" not in baseline["mechanisms"]


def test_markdown_read_back_has_the_numbers(done: Path) -> None:
    document = json.loads((done / "reproduction.json").read_text())
    text = (done / "reproduction.md").read_text()
    rows = [
        [cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    found = {row[0]: row for row in reversed(rows) if len(row) == 5 and "±" in row[1]}
    for row in document["table4"]:
        accuracy = row["accuracy"]
        published, ours, difference, z = found[row["label"]][1:]
        assert published == f"{accuracy['published']:.2f} ± {accuracy['published_sd']:.2f}"
        assert ours == f"{accuracy['ours']:.2f} ± {accuracy['ours_sd']:.2f}"
        assert as_number(difference) == pytest.approx(accuracy["difference"], abs=0.006)
        assert as_number(z) == pytest.approx(accuracy["z"], abs=0.06)
    told = ("Table 3", "Table 4", "Table 5", "Table 6", "Appendix A", "35 test images", "1,585 few")
    assert [words_ for words_ in told if words_ not in text] == []
    assert "Kullback–Leibler divergence to the smoothed target" in text
    assert text.count("Confusion matrix: ") == 14
    matrices = document["appendix"]["variants"]
    assert all(sum(map(sum, row["confusion"])) == 35 for row in matrices)


def as_number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


class Page(HTMLParser):
    """Collects a page's cells, pictures, and whatever it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.sources: list[str] = []
        self.open = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.sources += [str(v) for k, v in attributes if k in ("src", "href")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag: str) -> None:
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.open:
            self.rows[-1][-1] += data


def test_html_says_what_markdown_says_and_fetches_nothing(done: Path) -> None:
    page = Page()
    text = (done / "reproduction.html").read_text()
    page.feed(text)
    assert len(page.sources) == 14
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert not re.search(r"https?://[^\s]*\.(css|js)|@import|url\(", text)
    markdown = (done / "reproduction.md").read_text().replace("\\", "")
    for row in page.rows:
        assert f"| {' | '.join(row)} |" in markdown


def test_report_only_rewrites_the_report_and_trains_nothing(
    done: Path, bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.runs.attempt as engine

    before = json.loads((done / "reproduction.json").read_text())
    (done / "reproduction.md").unlink()
    monkeypatch.setattr(engine, "train_task", None)
    said = bionic("reproduce", *TINY, "--seeds", "2", "--out", done, "--report-only", "--json")
    assert said.code == 0, said.err
    assert (done / "reproduction.md").is_file()
    document = said.document
    assert document.pop("files") == [
        str(done / f"reproduction.{s}") for s in ("json", "md", "html")
    ]
    assert document == before


def test_a_report_on_an_unfinished_study_is_refused(done: Path, bionic: Bionic) -> None:
    stamp = (done / "reproduction.md").stat().st_mtime_ns
    said = bionic("reproduce", *TINY, "--seeds", "3", "--out", done, "--report-only")
    assert said.code == 2
    assert said.out == ""
    assert "the study is not finished: 14 of 42 runs are missing (baseline, seed 2" in said.err
    assert "fast without weight_decay, seed 2" in said.err
    assert "and 8 more" in said.err
    assert "nothing has been written" in said.err
    assert (done / "reproduction.md").stat().st_mtime_ns == stamp
    refused(bionic("reproduce", *TINY, "--report-only"), "42 of 42 runs")


def test_plan_says_how_long_and_what_is_done(done: Path, bionic: Bionic) -> None:
    said = bionic("reproduce", *TINY, "--seeds", "3", "--out", done, "--plan", "--json")
    document = said.document
    assert document["estimate"]["runs"] == 14
    assert document["estimate"]["seconds"] > 0
    assert set(document["estimate"]["seconds_per_run"]) == {"baseline", "fast"}
    assert len(document["rows"]) == 14
    assert "42 runs, 14 of them to be trained: about" in document["lines"][0]
    assert "timing a few steps" in said.err
    shown = bionic("reproduce", *TINY, "--out", done, "--plan").out
    assert "from a timed probe" in " ".join(shown.split())


def test_all_runs_count_as_one_in_the_display(
    tmp_path: Path, bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of other models and of the ablation: each begins, is noted, and ends once."""
    import bionic_core.runs.attempt as engine
    from bionic_core.actions.progress import Display
    from bionic_core.training.loop import Progress

    told: dict[str, list[int]] = {"begun": [], "progress": [], "note": [], "failed": []}

    def count(name: str, shown: Any) -> None:
        def counted(display: Display, task: Task, *said: Any) -> None:
            told[name].append(task.number)
            shown(display, task, *said)

        monkeypatch.setattr(Display, name, counted)

    for name in told:
        count(name, getattr(Display, name))

    def train(task: Task, plans: Any, *, observer: Observer, **options: Any) -> Any:
        observer.progress(task, Progress(epoch=1, max_epochs=1, done=1, total=2))
        observer.note(task, "a note")
        raise BionicError("enough")

    monkeypatch.setattr(engine, "train_task", train)
    said = bionic("reproduce", *TINY, "--seeds", "1", "--out", tmp_path / "runs")
    assert said.code == 1
    runs = len(told["failed"])
    assert runs > 2
    assert all(numbers == list(range(runs)) for numbers in told.values()), told
    lines = [line for line in said.err.splitlines() if line.startswith("run ")]
    assert [line for line in lines if line.endswith(": a note")] == [
        f"run {number}: a note" for number in range(1, runs + 1)
    ]
    ends = [line for line in lines if "[0 of" in line]
    assert [line.split()[1] for line in ends] == [f"{n}/{runs}" for n in range(1, runs + 1)]
    for number, line in enumerate(ends, 1):
        assert f"[0 of {runs} done, 0 running, {number} failed" in line


def test_the_display_of_a_study_ends_with_all_runs_done(done: Path, bionic: Bionic) -> None:
    said = bionic("reproduce", *TINY, "--seeds", "2", "--out", done)
    assert said.code == 0, said.err
    (ended,) = (line for line in said.err.splitlines() if "were done before" in line)
    assert ended == "28 of 28 runs were done before, and are taken as they are"


def test_failed_runs_are_named_and_the_rest_is_reported(
    done: Path, bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bionic_core.runs.attempt as engine

    train = engine.train_task  # type: ignore[attr-defined]

    def sometimes(task: Task, plans: Any, **options: Any) -> Any:
        if "layernorm" not in task.spec.mechanisms and "H1" not in task.spec.model.layers:
            raise BionicError("the loss is nan in epoch 1")
        return train(task, plans, **options)

    monkeypatch.setattr(engine, "train_task", sometimes)
    said = bionic("reproduce", *TINY, "--seeds", "2", "--out", done, "--json")
    assert said.code == 1
    assert "2 runs failed; the report is of the others" in said.err
    row = next(row for row in said.document["table4"] if row["without"] == "layernorm")
    assert row["accuracy"]["ours"] is None
    assert "the loss is nan" in (done / "reproduction.md").read_text()


def test_requests_that_are_wrong(bionic: Bionic) -> None:
    refused(bionic("reproduce"), "fer2013", "--data")
    refused(bionic("reproduce", "bionik2025"), "Did you mean 'bionic2025'?")
    refused(bionic("reproduce", "masks"), "'masks' is a mechanism, not a publication")
    refused(bionic("reproduce", "--plan", "--report-only"), "exclude each other")
    refused(bionic("reproduce", "--seeds", "0"), "--seeds")
    refused(bionic("reproduce", "--data", "gone.csv"), "gone.csv: no such file or folder")


def test_a_strangers_file_is_checked(tmp_path: Path) -> None:
    text = Registry.installed().get("bionic2025", Publication)().path().read_text()
    wrong = tmp_path / "paper.toml"

    @attrs.frozen(eq=False)
    class Other(Publication):
        """Another paper."""

        name = "other"

        def path(self) -> Path:
            return wrong

    registry = Registry.installed().including(Other)
    with pytest.raises(RequestError, match=r"2 publications are installed \(bionic2025, other\)"):
        open_publication(None, registry)
    for old, new, words_ in (
        ("seeds = 3", 'seeds = "3"', 'seeds = "3": must be'),
        ("test_images = 7178", "test_image = 7178", "test_image"),
        ('model = "baseline"', "", "'Standard CNN .Baseline.' must have either model or without"),
        ('without = "masks"\nacc', 'without = "mask"\nacc', "table5: 'Connectivity Masks' leaves"),
        ('main = "full"', 'main = "whole"', "no row has model = 'whole'"),
        ("macro_f1 = [0.5510, 0.0061]\n", "", "'Standard CNN .Baseline.' has no macro_f1"),
        ('figure = "macro_f1"', 'figure = "f1"', r"variants.table4.columns\[1\].figure = \"f1\""),
        ("figures.full = { precision = 0.48", "figures.whole = { precision = 0.48", "of 'whole'"),
        ("variants.", "table.", r"no \[variants.NAME\]: a publication gives its tables by"),
    ):
        assert old in text
        wrong.write_text(text.replace(old, new, -1 if old == "variants." else 1))
        with pytest.raises(RequestError, match=words_):
            open_publication("other", registry)


def test_a_results_own_figures_of_classes_are_taken(done: Path, tmp_path: Path) -> None:
    folder = next(done.glob("*/result.json")).parent
    result = json.loads((folder / "result.json").read_text())
    copy = Path(shutil.copytree(folder, tmp_path / folder.name))
    without_sums(copy)
    told = class_figures(Run(copy))
    assert to_document(told) == result["test"]
    older = {key: value for key, value in result["test"].items() if key != "classes"}
    (copy / "result.json").write_text(json.dumps(result | {"test": older}))
    found = class_figures(Run(copy))
    assert found == attrs.evolve(told, kl=None)  # towards what it was trained is not told there
    counts = np.array(found.confusion)
    recalls = [figures.recall for figures in found.classes.values()]
    assert recalls == pytest.approx(counts.diagonal() / counts.sum(1))


def test_z_needs_a_spread_on_both_sides() -> None:
    ours = Summary(0.5, None, 1)
    assert judged(60.0, 0.3, 3, ours, 100, z=True).z is None
    three, spread = Summary(0.61, 0.003, 3), math.sqrt(2 * 0.3**2 / 3)
    assert judged(60.0, 0.3, 3, three, 100, z=False).z is None
    assert judged(60.0, 0.3, 3, three, 100, z=True).z == pytest.approx(1 / spread)


def test_durations_are_for_people() -> None:
    told = ["40 s", "2.2 min", "60 min", "2.5 h", "25 h"]
    assert [words(s) for s in (40, 130, 3600, 9000, 90000)] == told
