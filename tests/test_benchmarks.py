"""The benchmarks' arithmetic, on made-up results; nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.benchmarks import rates, study, target
from tests.benchmarks.__main__ import main
from tests.benchmarks.accounts import CLOCKS
from tests.benchmarks.equal_work import FIGURES, compared
from tests.benchmarks.goals import GOALS
from tests.benchmarks.limit import sentence, share
from tests.benchmarks.peers.duel import Contest, Peer, play
from tests.benchmarks.processes import ROOT, plain_environment
from tests.benchmarks.table import markdown, shown
from tests.benchmarks.work import counted

MACHINE = {
    "date": "2026-01-02T03:04:05+00:00",
    "processor": "Abacus 9000",
    "cores": 2,
    "threads": 2,
    "load": [0.1, 0.1, 0.1],
    "torch": "2.10",
}


def results(
    cores: float = 2, instructions: str = "AVX512", bfloat16: bool = True, **changed: Any
) -> dict[str, Any]:
    """Made-up results that reach every floor, with some figures changed."""
    parts: dict[str, Any] = {}
    here = MACHINE | {"cores": cores, "instructions": instructions, "bfloat16": bfloat16}
    for goal in GOALS:
        about = {"machine": here, "quick": False, "took": 1.0, "figures": {}}
        part = parts.setdefault(goal.part, about)
        part["figures"][goal.name] = changed.get(goal.name.replace(" ", "_"), goal.floor)
    parts["training"] |= {
        "rounds": 5,
        "images": 3200,
        "images_per_second": {"reference, 0 workers, 1 threads": 500.0, "full": 2000.0},
        "reference": "reference, 0 workers, 1 threads",
    }
    parts["start"] |= {"rounds": 5, "seconds": {"help": 0.3}}
    parts["study"] |= study.accounted(
        [{"what": "training", "seconds": 3.0}, {"what": "training", "seconds": 5.0}], 4.2, 2
    )
    parts["study"]["runs"] = 2
    parts["study"]["figures"] = {"overhead": changed.get("overhead", 0.05)}
    parts["target"] |= target.measure(
        [0.5, 0.6], [0.3, 0.5, 0.6], {"fast": 4000.0, "slow": 400.0}, "slow", (20_000, 20_000)
    )
    about = {"machine": MACHINE, "quick": False, "took": 1.0, "figures": {}}
    count = {"products": 523e6, "elementwise": 36e6, "bytes": 149e6, "calls": 467}
    speed = {"gemm_float32": 90e9, "gemm_bfloat16": 300e9, "copy": 12e9, "call": 2e-6}
    recipe: dict[str, Any] = {"batch": 32, "step": 0.018, "images_per_second": 1777.0}
    recipe |= {"count": count, "share_of_limit": 0.7} | share(count, speed, "float32")
    recipe["sentence"] = sentence(recipe)
    parts["limit"] = about | {"threads": 2, "machine_speed": speed, "recipes": {"full": recipe}}
    judged = {name: compared([2.1, 2.2, 2.3], [2.15, 2.2, 2.2]) for name in FIGURES}
    parts["equal-work"] = about | {"epochs": 3, "images": 3200, "seeds": 3, "compared": judged}
    return {"parts": parts}


def saved(folder: Path, name: str, document: dict[str, Any]) -> str:
    path = folder / name
    path.write_text(json.dumps(document))
    return str(path)


def with_one(name: str, value: float) -> dict[str, Any]:
    """The results with one figure changed."""
    figure: dict[str, Any] = {name: value}
    return results(**figure)


def compare(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> int:
    given, earlier = saved(folder, "new.json", new), saved(folder, "old.json", old)
    return main(["--given", given, "--compare", earlier])


@pytest.mark.parametrize(
    ("name", "old", "allowed", "dropped"),
    [
        ("training", 4.0, 3.41, 3.39),
        ("jobs", 6.0, 5.2, 5.0),
        ("augmentation", 20_000, 17_100, 16_900),
        ("help", 0.34, 0.39, 0.41),
        ("memory", 1.0, 1.17, 1.18),
        ("overhead", 0.05, 0.23, 0.24),
    ],
)
def test_a_figure_that_drops_by_more_than_15_per_cent_fails(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    old: float,
    allowed: float,
    dropped: float,
) -> None:
    before = with_one(name, old)
    assert compare(tmp_path, before, with_one(name, allowed)) == 0
    assert "DROPPED" not in capsys.readouterr().out
    assert compare(tmp_path, before, with_one(name, dropped)) == 1
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "DROPPED" in one]
    goal = next(goal for goal in GOALS if goal.name == name)
    assert line == (f"{goal.words}: {goal.show(old)} then, {goal.show(dropped)} now — DROPPED")
    assert compare(tmp_path, with_one(name, dropped), before) == 0  # better is never a drop


def test_seconds_of_another_machine_are_not_compared_and_ratios_are(tmp_path: Path) -> None:
    old = results(help=0.2, evaluation=20_000)
    assert compare(tmp_path, old, results(help=0.4)) == 1
    assert compare(tmp_path, old, results(cores=4, help=0.4)) == 0
    assert compare(tmp_path, old, results(cores=4, training=1.0)) == 1


def test_recipes_in_bfloat16_are_compared_where_processors_are_alike_in_that(
    tmp_path: Path,
) -> None:
    old = results(bfloat16=True)
    assert compare(tmp_path, old, results(bfloat16=True, fast=1.0)) == 1
    assert compare(tmp_path, old, results(bfloat16=False, fast=1.0)) == 0
    assert compare(tmp_path, old, results(bfloat16=False, training=1.0)) == 1
    assert compare(tmp_path, old, results(instructions="AVX2", help=0.9)) == 0


def test_parts_that_one_result_lacks_are_not_compared(tmp_path: Path) -> None:
    old, new = results(), results(fast=1.0)
    del new["parts"]["study"]
    old["parts"]["training"]["figures"].pop("fast")
    assert compare(tmp_path, old, new) == 0
    new = results(help=9.0, memory=9.0)
    new["parts"]["memory"]["quick"] = old["parts"]["start"]["quick"] = True  # says nothing
    assert compare(tmp_path, old, new) == 0


def test_the_table_judges_and_fits_80_columns() -> None:
    lines = shown(results(training=3.0, jobs=3.9, fast=8.5)).splitlines()
    assert max(map(len, lines)) <= 80
    for goal, mark in (("full, batch", "*"), ("two variants", "!"), ("fast.toml", "×")):
        (line,) = [line for line in lines if line.startswith(goal)]
        assert line.endswith(mark)
    rows = markdown(results(training=3.0, jobs=3.9)).splitlines()[2:]
    assert [row.split("|")[5].strip() for row in rows[:3]] == ["floor", "**missed**", "floor"]
    empty = shown({"parts": {}})
    assert empty.count("not measured") == len(GOALS)


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "startt"])
    assert "no part 'startt'; there are training, start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "needs --fast-run and --full-run"),
        (["--fast-run", "a", "--full-run", "b"], "needs the part training"),
    ],
)
def test_a_target_without_what_it_needs_is_refused(
    capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "target", *more])
    assert words in capsys.readouterr().err


def test_a_target_that_is_not_reached_is_missed() -> None:
    found = results()
    found["parts"]["target"] = {"machine": MACHINE, "quick": False, "took": 1.0} | target.measure(
        [0.5, 0.55], [0.5, 0.6], {"fast": 4000.0, "slow": 400.0}, "slow", (20_000, 20_000)
    )
    assert "not reached" in shown(found)
    (row,) = [row for row in markdown(found).splitlines() if "not reached" in row]
    assert row.endswith("| **missed** |")


def test_ratios_are_to_the_best_reference_round_by_round() -> None:
    slow = {"reference, 0": [100.0, 80.0, 50.0], "reference, 2": [90.0, 90.0, 20.0]}
    others = ("two side by side", "fast", "evaluation", "augmentation, batch 32, 1 thread")
    found = slow | {"full": [400.0, 400.0, 400.0]} | {name: [1.0, 2.0, 3.0] for name in others}
    assert rates.best(found) == "reference, 2"  # by the median: 90 against 80
    assert rates.ratios(found)["training"] == pytest.approx(400 / 90)
    assert rates.ratios(found)["evaluation"] == 2.0


def test_time_to_a_target_is_epochs_times_seconds_of_an_epoch() -> None:
    speed = {"fast": 4000.0, "slow": 500.0}
    found = target.measure([0.5, 0.55, 0.59], [0.3] * 10 + [0.586], speed, "slow", (20_000, 20_000))
    assert found["epochs"] == {"fast": 3, "reference": 11}
    assert found["seconds"] == {"fast": 15.0, "reference": 440.0}
    assert found["figures"] == {"target": pytest.approx(440 / 15)}
    short = target.measure([0.5, 0.55], [0.3] * 10 + [0.586], speed, "slow", (20_000, 20_000))
    assert (short["reached"], short["level"], short["figures"]) == (False, 0.55, {})


def test_a_recipe_that_is_over_short_of_the_target_takes_longer_than_all_of_it() -> None:
    speed = {"fast": 4000.0, "slow": 500.0}
    given: Any = ([0.5, 0.55, 0.59], [0.3] * 10 + [0.57], speed, "slow", (20_000, 20_000))
    ended = target.measure(*given, over=True)
    assert (ended["reached"], ended["bound"], ended["level"]) == (True, True, 0.585)
    assert ended["seconds"] == {"fast": 15.0, "reference": 440.0}
    assert ended["figures"] == {"target": pytest.approx(440 / 15)}
    found = results()
    found["parts"]["target"] = {"machine": MACHINE, "quick": False, "took": 1.0} | ended
    assert "over after 11 epochs, at best 57.00%," in shown(found)
    assert "at least 29.3 times as long" in " ".join(shown(found).split())
    (row,) = [row for row in markdown(found).splitlines() if "fast.toml | ≥ 29.33×" in row]
    assert row.endswith("| aim |")
    assert not target.measure(*given)["bound"], "a run that was stopped says nothing of the sort"
    slow = target.measure([0.5], *given[1:], over=True)
    assert (slow["reached"], slow["bound"], slow["level"]) == (False, False, 0.5)


def test_the_accuracy_of_each_epoch_is_read_from_a_run(tmp_path: Path) -> None:
    rate = {"seconds": 3.1, "images_per_second": 20_000 / 3.1}
    lines = [{"epoch": n, "test": {"accuracy": n / 10}} | rate for n in (1, 2)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert target.curve(tmp_path) == [0.1, 0.2]
    assert target.images_of(tmp_path) == 20_000
    assert not target.over(tmp_path), "it has no results yet"


def test_overhead_is_what_the_wall_has_beyond_the_epochs() -> None:
    lines = [{"what": "training", "seconds": 9.0}] * 4 + [{"what": "building", "seconds": 1.0}]
    lines += [{"what": "last evaluation", "seconds": 1.0}] * 4
    found = study.accounted(lines, 23.0, 2)
    assert found["figures"]["overhead"] == pytest.approx(0.15)
    assert found["calls"] == {"training": 4, "building": 1, "last evaluation": 4}


def test_every_clock_is_put_on_something_that_exists() -> None:
    import importlib

    for place in CLOCKS.values():
        module, _, name = place.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_learning_alike_is_judged_with_an_interval() -> None:
    same, other = [1.0, 1.1, 1.2], [1.02, 1.1, 1.18]
    found = compared(same, other)
    assert found["low"] < 0 < found["high"]
    assert found["difference"] == pytest.approx(0, abs=1e-12)
    assert compared(same, [2.0, 2.1, 2.2])["high"] < 0


def test_the_work_of_a_step_is_counted() -> None:
    weight = torch.randn(20, 30, requires_grad=True)
    x = torch.randn(5, 30)

    def step() -> None:
        torch.autograd.backward((x @ weight.T).relu().sum())

    found = counted(step)
    assert found["products"] == 2 * (2 * 5 * 20 * 30)  # forward, and the weight's gradient
    assert found["most_bytes"]["mm"] == 2 * 4 * (5 * 30 + 20 * 30 + 5 * 20)
    assert found["elementwise"] == 3 * 100  # relu, its gradient, and the sum
    bare = counted(lambda: x.T[None])
    assert bare["calls"] == 0  # views cost nothing


def test_the_limit_is_the_longer_of_arithmetic_and_memory() -> None:
    speed = {"gemm_float32": 1e9, "copy": 2e9, "call": 1e-6}
    found = share({"products": 3e6, "bytes": 4e6, "calls": 500}, speed, "float32")
    assert found["seconds"] == pytest.approx({"arithmetic": 3e-3, "memory": 2e-3, "calls": 5e-4})
    assert found["limit"] == pytest.approx(3e-3)
    for step, words in ((4e-3, "bound by the arithmetic"), (1e-2, "bound by kernels")):
        assert sentence(found | {"step": step}).startswith(words)


def test_peers_do_the_same_work_and_those_that_are_missing_are_said() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "peers", "--quick"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=plain_environment()
    )
    table = done.stdout
    for work in ("recurrent step", "null wirings", "import of a table", "masked layer", "effects"):
        assert work in table  # each is compared before it is timed
    for name in ("wiretorch", "polars", "flyconn"):
        left = f"{name} is left out: {name}" in table
        assert left == (find_spec(name) is None)
    assert "torch.nn.utils.prune" in table


def test_a_peer_with_another_result_is_not_timed() -> None:
    def check(ours: int, theirs: int, name: str) -> None:
        assert ours == theirs, name

    peer = Peer("wrong", "torch", lambda: lambda: 2)
    with pytest.raises(AssertionError, match="wrong"):
        play(Contest("part", "work", lambda: lambda: 1, [peer], check), 1)
