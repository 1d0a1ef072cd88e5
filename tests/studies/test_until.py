"""Studies that go on until their effects are decided: from the rule to the report, and resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import bionic_core as api
from bionic_core import RequestError
from bionic_core.base.records import to_document
from bionic_core.errors import DamagedError
from bionic_core.statistics.looks import Looks
from bionic_core.statistics.until import Rule
from bionic_core.statistics.verdicts import Verdict
from bionic_core.studies.cell import Cell
from bionic_core.studies.experiment import Experiment, plan_factorial, study_name
from bionic_core.studies.over_images import Judging
from bionic_core.studies.stopping import about_added_seeds, part_of, rule_file
from bionic_core.studies.until import Ended, FactorialStudy, Study, rule_of, run_until
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support import toys

__all__ = ["bionic"]

TINY = ("--set", "data.train=70", "--set", "data.test=35", "--epochs", "1", "--device", "cpu")
UNTIL = ("--until", "decided", "--margin", "60", "--max-seeds", "6")
"""Of 35 images hardly any effect of noise is as large."""


class Told(Study):
    """A study whose effects have p that a test chooses, look by look."""

    kind = "factorial"

    def __init__(self, experiment: Experiment, within: Mapping[str, Sequence[float]]) -> None:
        self.experiment, self.judging = experiment, Judging(looks=Looks((3, 4, 5)))
        self.within = within

    @property
    def terms(self) -> Sequence[str]:
        return list(self.within)

    @property
    def sizes(self) -> Any:
        return np.ones(len(self.within))

    def open(self, decided: frozenset[str]) -> Sequence[int]:
        return [0, *(n for n, term in enumerate(self.terms, 1) if term not in decided)]

    def verdicts(self, cells: Sequence[Cell], seeds: int) -> Mapping[str, Verdict | None]:
        p = {term: of[seeds - 3] for term, of in self.within.items()}
        word: Any = "undecided"
        return {t: Verdict(word, word, -1, 1, 1.0, one, 1.0) for t, one in p.items()}


@pytest.fixture
def experiment() -> Experiment:
    names = ["masks", "noise"]
    return plan_factorial(toys.spec(), names, range(5), toys.REGISTRY)


def followed(study: Told, root: Path) -> tuple[Ended, list[tuple[tuple[int, ...], int]], list[str]]:
    """Run a study whose training only notes which seeds and how many cells are asked for."""
    asked: list[tuple[tuple[int, ...], int]] = []
    said: list[str] = []

    def train(part: Experiment, first: int) -> list[Cell]:
        asked.append((part.design.seeds, len(part.specs)))
        tasks = part.tasks(first)
        assert [task.number for task in tasks] == list(range(first, first + len(tasks)))
        return [Cell(part.levels(n), task.seed, None) for n, task in enumerate(tasks)]

    rule = Rule(3, 5, 0.5, "points", len(study.terms), len(study.experiment.specs))
    return run_until(study, rule, root, train, said.append, said.append), asked, said


def test_each_look_trains_what_is_undecided_and_verdicts_stand(
    experiment: Experiment, tmp_path: Path
) -> None:
    study = Told(experiment, {"a": [0.001, 0.9, 0.9], "b": [0.9, 0.9, 0.04], "c": [1, 0.001, 1]})
    ended, asked, said = followed(study, tmp_path)
    assert asked == [((0, 1, 2), 4), ((3,), 3), ((4,), 2)]
    assert [(d.term, d.word, d.seeds) for d in ended.until.decided] == [
        ("a", "within", 3),
        ("c", "within", 4),
    ]
    # The last one needs 5 % (1 − 2/6) / 1, and has more.
    assert ended.until.ended == "maximum"
    assert [look.decided for look in ended.until.looks] == [("a",), ("c",), ()]
    assert [look.runs for look in ended.until.looks] == [12, 15, 17]
    assert said[-1] == "look after 5 of at most 5 seeds: nothing decided, 1 undecided"
    assert "as the last planned look was done" in ended.notes[0]
    again, _, _ = followed(study, tmp_path)
    assert again.until == ended.until
    assert again.notes == ended.notes


def test_the_last_effect_is_held_to_more_than_its_share(
    experiment: Experiment, tmp_path: Path
) -> None:
    study = Told(experiment, {"a": [0.001] * 3, "b": [0.001] * 3, "c": [0.03] * 3})
    ended, _, _ = followed(study, tmp_path)
    assert ended.until.ended == "decided"
    assert ended.seeds == 3
    assert ended.until.decided[-1].boundary > 1.9 * ended.until.looks[0].within
    assert "decided after 3 seeds (one-sided p" in ended.notes[-1]


def test_a_rule_that_is_changed_is_told_and_its_first_one_can_be_asked_for(
    experiment: Experiment, tmp_path: Path
) -> None:
    study = Told(experiment, {"a": [0.9] * 3})
    first, _, _ = followed(study, tmp_path)
    assert "optional stopping" not in " ".join(first.notes)
    other = Rule(3, 4, 0.7, "points", 1, 4)
    changed = run_until(study, other, tmp_path, lambda *_: [], print, print)
    assert "5 seeds had been looked at by another, a margin of ±0.5" in changed.notes[0]
    back, _, _ = followed(study, tmp_path)
    assert back.notes == first.notes
    (path,) = tmp_path.glob("rule-*.json")
    path.write_text("{")
    with pytest.raises(RequestError, match="held the rule by which this study was to end"):
        followed(study, tmp_path)


def test_seeds_that_are_added_are_warned_of(experiment: Experiment, tmp_path: Path) -> None:
    assert about_added_seeds(tmp_path, experiment, "factorial") == []
    part = part_of(experiment, experiment.design.seeds[:3])
    (tmp_path / f"{study_name(part)}.json").write_text("{}")
    (warning,) = about_added_seeds(tmp_path, experiment, "factorial")
    assert warning.startswith("the first 3 of these 5 seeds were finished and seen before")
    assert about_added_seeds(tmp_path, part, "factorial") == []
    assert about_added_seeds(tmp_path, experiment, "ablation") == []
    whole = tmp_path / f"{study_name(experiment)}.json"
    whole.write_text(json.dumps({"notes": ["x", warning]}))
    assert about_added_seeds(tmp_path, experiment, "factorial") == [warning]
    whole.write_text(json.dumps({"notes": ["x"]}))  # finished before its part was
    assert about_added_seeds(tmp_path, experiment, "factorial") == []
    whole.unlink()
    followed(Told(experiment, {"a": [0.001] * 3}), tmp_path)
    (warning,) = about_added_seeds(tmp_path, experiment, "factorial")
    assert warning.startswith("the first 3 of these seeds were looked at one by one")


@pytest.mark.parametrize(
    ("judging", "response", "words"),
    [
        (Judging(error="pooled"), "test.accuracy", "with --error pooled: what is spent"),
        (Judging(images=True), "test.accuracy", "with --over seeds,images: what images add"),
        (Judging(), "test.loss", "effects on test.loss have no default margin; give --margin"),
    ],
)
def test_what_looks_cannot_judge(
    experiment: Experiment, judging: Judging, response: str, words: str
) -> None:
    looked = attrs.evolve(judging, looks=Looks((3, 4, 5)))
    with pytest.raises(RequestError, match=words):
        rule_of(experiment, looked, 3, response)
    rule = rule_of(experiment, Judging(looks=Looks((3, 4, 5))), 3)
    assert (rule.first, rule.most, rule.margin, rule.effects) == (3, 5, 0.5, 3)


def test_effects_of_a_design_and_their_sizes(experiment: Experiment) -> None:
    study = FactorialStudy(experiment, Judging(), "test.accuracy", None)
    assert study.terms == ["masks", "noise", "masks:noise"]
    assert study.sizes == pytest.approx(np.ones(3))  # √(1/2 + 1/2): two cells less two
    assert FactorialStudy(experiment, Judging(), "test.accuracy", 1).terms == ["masks", "noise"]


@pytest.mark.parametrize("command", ["factorial", "ablate"])
def test_options_that_do_not_fit(bionic: Bionic, command: str) -> None:
    for options, words in [
        (("--max-seeds", "9"), "it is of studies that go on until their effects are decided"),
        (("--until", "decided", "--seeds", "2"), "fewer than 3 tell no spread"),
        (("--until", "decided", "--max-seeds", "3"), "there is no second one"),
        (("--until", "decided", "--error", "cells"), "leave --error out"),
    ]:
        refused(bionic(command, "demo", "--mechanisms", "noise", *options), words)


def test_a_plan_and_a_study_until_it_is_decided(bionic: Bionic) -> None:
    arguments = ("factorial", "demo", *TINY, "--mechanisms", "layernorm", *UNTIL)
    until = bionic(*arguments, "--plan", "--probe", "0", "--json").document["until"]
    assert [look["runs"] for look in until["looks"]] == [6, 8, 10, 12]
    assert [one["effect"] for one in until["expected"]] == [0, 120]
    assert not list(Path("runs").glob("*.json"))
    said = bionic(*arguments, "--json")
    assert said.code == 0, said.err
    assert "and ends after 12 runs at the latest" in " ".join(said.err.split())
    document = said.document
    found = document["until"]
    assert found["ended"] == "decided"
    (decided,) = found["decided"]
    assert (decided["term"], decided["word"]) == ("layernorm", "within")
    assert document["effects"][0]["verdict"]["corrected"] == "within"
    assert document["design"]["seeds"] == list(range(decided["seeds"]))
    assert len(document["cells"]) == 2 * decided["seeds"] < 12
    again = bionic(*arguments, "--json")
    assert again.document["until"] == found
    assert f"{len(document['cells'])} of 12 runs were done before" in again.err
    called = api.factorial(
        "demo", mechanisms=["layernorm"], until="decided", margin=60, max_seeds=6, epochs=1,
        set={"data.train": 70, "data.test": 35}, device="cpu", progress=False,
    )  # fmt: skip
    assert to_document(called.results.until) == found
    assert bionic("report", document["file"]).code == 0
    (page,) = Path("runs").glob("*.html")
    assert "decided after" in page.read_text()
    fixed = bionic("factorial", "demo", *TINY, "--mechanisms", "layernorm", "--seeds", "3")
    assert "warning: the first 3 of these seeds were looked at one by one" in fixed.err
    assert "optional stopping" in fixed.out


def test_leave_one_out_trains_decided_variants_no_further(bionic: Bionic) -> None:
    said = bionic("ablate", "demo", *TINY, "--mechanisms", "layernorm,lateral", *UNTIL, "--json")
    assert said.code == 0, said.err
    document = said.document
    assert document["until"]["looks"][-1]["runs"] == 18
    counts = {row["term"]: row["accuracy"]["n"] for row in document["rows"]}
    for one in document["until"]["decided"]:
        assert counts[one["term"]] == one["seeds"]
    assert counts[None] == max(counts.values())
    assert document["design"]["runs"] == len(document["cells"]) == sum(counts.values())
    verdicts = {r["term"]: r["difference"]["verdict"] for r in document["rows"][1:]}
    assert {v["corrected"] for v in verdicts.values()} == {"within"}
    # A plan of the same runs knows how they and their images vary.
    more = bionic("ablate", "demo", *TINY, "--mechanisms", "layernorm,lateral", "--plan", "--json")
    assert more.document["done"] == 9
    notes = " ".join(more.document["notes"])
    assert "measured on finished runs: a run's test accuracy has an SD of" in notes
    assert "(measured on the predictions of 9 finished runs)" in notes
    assert more.document["estimate"] is None
    assert "were looked at one by one" in notes


def test_cells_are_runs(experiment: Experiment) -> None:
    """A part keeps specs, titles and levels together."""
    part = part_of(experiment, [4], [2, 0])
    assert [part.levels(n) for n in range(2)] == [experiment.levels(2), experiment.levels(0)]
    assert part.specs == (experiment.specs[2], experiment.specs[0])


RULE = {"margin": 60.0, "unit": "pp", "first": 3, "most": 6, "response": "accuracy", "seen": 3}


@pytest.mark.parametrize(
    "document",
    [
        *([], 3, None, {"rules": [RULE]}, {"rules": RULE, "known": 0}, {"rules": [3], "known": 0}),
        *({"rules": [RULE], "known": value} for value in (-1, "0", None, 0.5, True)),
        *({"rules": [RULE | {"seen": value}], "known": 0} for value in ("3", None, -1, 3.5)),
        {"rules": [RULE | {"margin": "NaN"}], "known": 0},
        {"rules": [{k: v for k, v in RULE.items() if k != "response"}], "known": 0},
    ],
)
def test_a_rule_that_somebody_changed_is_refused(
    document: object, experiment: Experiment, tmp_path: Path
) -> None:
    path = rule_file(tmp_path, experiment, "factorial")
    path.write_text(json.dumps({"rules": [RULE], "known": 0}))
    assert about_added_seeds(tmp_path, experiment, "factorial")
    path.write_text(json.dumps(document))
    with pytest.raises(DamagedError, match="Move it away to begin with a new rule"):
        about_added_seeds(tmp_path, experiment, "factorial")
    path.unlink()
    os.mkfifo(path)  # which would be waited for
    with pytest.raises(DamagedError, match="is a pipe"):
        about_added_seeds(tmp_path, experiment, "factorial")


@pytest.mark.parametrize("text", ["[]", "[" * 100_000, '{"notes": 3}', '{"notes": [3]}', "\x00"])
def test_a_study_that_somebody_changed_has_no_notes(
    text: str, experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / f"{study_name(experiment, 'factorial')}.json").write_text(text)
    assert about_added_seeds(tmp_path, experiment, "factorial") == []
