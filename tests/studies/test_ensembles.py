"""Studies of ensembles: which wiring a draw is, what is planned or refused, one that trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.base.records import from_document, to_document
from bionic_core.registry import Registry
from bionic_core.reports import html, markdown
from bionic_core.reports.factorial import page_of_factorial, studied
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.planned import Plans
from bionic_core.spec.draws import draw_key
from bionic_core.spec.spec import compose
from bionic_core.statistics.designs import Draws, Factor, full_factorial
from bionic_core.statistics.draws import drawn_factors, with_draws
from bionic_core.statistics.tables import analyse as analyse_table
from bionic_core.studies import experiment as study
from bionic_core.studies.draws import known_of
from bionic_core.studies.experiment import Experiment, plan_factorial
from bionic_core.studies.factors import factor_of, read_design
from bionic_core.studies.found import Found
from bionic_core.studies.plan import factorial_plan
from bionic_core.studies.results import FactorialResults
from bionic_plugins.engines.stacked.groups import group

REGISTRY = Registry.installed()


def small(**masks: Any) -> bionic.Spec:
    """Two layers of a thinned column, on images that are learned in no time."""
    tables: dict[str, Any] = {
        "model": {
            "layers": {"A": ["4P"], "B": ["23P"]},
            "projections": ["A->B"],
            "classes": 7,
            "image": [1, 8, 8],
        },
        "connectome": {"source": "surrogate", "neurons": 120},
        "data": {"source": "schematic", "train": 70, "test": 70},
        "training": {"optimizer": "adam", "lr": 0.01, "batch_size": 35, "max_epochs": 1},
        "mechanisms": {"masks": masks, "noise": {}},
    }
    return compose(tables, registry=REGISTRY, name="small")


def planned(*keys: str, seeds: int = 2, **options: Any) -> Experiment:
    given = [factor_of(key) for key in keys]
    return plan_factorial(small(), [], range(seeds), REGISTRY, keys=given, **options)


def wiring(seed: int, **masks: Any) -> tuple[list[int], list[int]]:
    (projection,) = bionic.build(small(**masks), seed=seed).projections
    found = projection.wiring
    assert found is not None
    return found.pre.tolist(), found.post.tolist()


@pytest.mark.parametrize("level", ["rewired", "random", "type-shuffled"])
def test_a_draw_is_one_wiring_whatever_the_seed(level: str) -> None:
    assert wiring(0, wiring=level, draw=3) == wiring(5, wiring=level, draw=3)
    assert wiring(0, wiring=level, draw=3) != wiring(0, wiring=level, draw=4)
    assert wiring(9, wiring=level, draw=3) == wiring(3, wiring=level)  # the one of seed 3's own
    assert wiring(0, wiring=level) != wiring(5, wiring=level)


def test_signs_are_drawn_by_number_too() -> None:
    def sender(seed: int, **more: Any) -> list[int]:
        spec = compose(
            dict(small().tables)
            | {"mechanisms": {"masks": {"wiring": "signs"} | more, "signs": {}}},
            registry=REGISTRY,
            name="small",
        )
        (projection,) = bionic.build(spec, seed=seed).projections
        assert projection.wiring is not None
        assert projection.wiring.sender is not None
        return list(projection.wiring.sender)

    assert sender(0, draw=3) == sender(5, draw=3) == sender(3) != sender(0)


def test_a_draw_has_an_identity_of_its_own_and_runs_without_keep_theirs() -> None:
    inputs = InputCache().get(small())
    without = identity(small(wiring="rewired"), 0, inputs)
    assert "draw" not in without["mechanisms"]["masks"]
    drawn = identity(small(wiring="rewired", draw=0), 0, inputs)
    assert drawn["mechanisms"]["masks"]["draw"] == 0


def test_draws_are_crossed_with_seeds_or_have_their_own() -> None:
    for way, seeds in ((None, {0, 1}), ("nested", {0, 1, 2, 3, 4, 5, 6, 7})):
        found = planned("masks.wiring=real,rewired*3", way=way)
        tasks = found.tasks()
        assert len(tasks) == found.design.runs == 8
        assert {task.seed for task in tasks} == seeds
        for place, task in enumerate(tasks):
            masks = task.spec.tables["mechanisms"]["masks"]
            levels = found.levels(place)
            assert masks["wiring"] == levels["masks.wiring"]
            assert masks.get("draw") == levels.get("masks.wiring.draw")
        assert len({(task.seed, task.title) for task in tasks}) == 8


def test_a_source_may_be_what_is_drawn() -> None:
    assert draw_key(small(), "connectome.source", "surrogate") == "connectome.seed"
    assert draw_key(small(), "masks.wiring", "rewired") == "masks.draw"
    assert draw_key(small(), "masks.wiring", "real") is None
    assert draw_key(small(), "data.source", "schematic") is None


def test_a_fraction_and_a_file_have_draws_too(tmp_path: Path) -> None:
    file = tmp_path / "design.csv"
    file.write_text("noise,masks.wiring\non,real\noff,rewired*2\non,rewired*2\n")
    given = read_design(file, small(), REGISTRY)
    found = plan_factorial(
        small(), given.mechanisms, [0], REGISTRY, keys=given.keys, cells=given.cells
    )
    assert [cell.get("masks.wiring.draw") for cell in found.design.cells] == [None, 0, 1, 0, 1]
    keys = [factor_of("masks.wiring=real,rewired*2"), factor_of("training.lr=0.01,0.02")]
    half = plan_factorial(small(), ["noise"], [0], REGISTRY, keys=keys, resolution=3)
    assert half.design.words
    assert len(half.design.cells) == 2 + 2 * 2


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("masks.wiring=real*3,rewired", "'real.3': nothing is drawn for masks.wiring = real"),
        ("noise.sigma=0.1*3,0.2", "'0.1.3': nothing is drawn for noise.sigma = 0.1"),
        ("masks.density=0.1*3,0.2", "there is no such key"),
        ("masks.wiring=real,rewired,rewired*3", "has the level 'rewired' twice"),
    ],
)
def test_draws_of_what_is_not_drawn_are_refused(key: str, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        planned(key)


def test_ways_without_draws_and_too_many_are_refused() -> None:
    with pytest.raises(RequestError, match="no level has a number of draws"):
        planned("masks.wiring=real,rewired", way="nested")
    with pytest.raises(RequestError, match="give crossed or nested"):
        planned("masks.wiring=real,rewired*2", way="both")
    with pytest.raises(RequestError, match="cannot be told from what differs between seeds"):
        planned("masks.wiring=real,rewired*20", seeds=1, way="nested")
    with pytest.raises(RequestError, match="one factor can"):
        drawn_factors([factor_of("a.b=x,y*2"), factor_of("c.d=x,y*3")])
    whole = full_factorial([Factor("w", ("x", "y")), Factor("n", (1, 2, 3, 4, 5))], [0])
    with pytest.raises(RequestError, match="take fewer draws, seeds or factors"):
        with_draws(whole, Draws("w", "", {"y": 900}))


def test_a_plan_says_what_draws_can_tell(tmp_path: Path) -> None:
    found = factorial_plan(
        planned("masks.wiring=real,rewired*9", seeds=3), root=tmp_path, seconds=0
    )
    (sight,) = found.ensembles
    assert sight.smallest_p == pytest.approx(0.1)
    assert sight.half_alike is not None
    assert sight.half_differ is not None
    assert sight.half_differ >= sight.half_alike > 0
    assert any("19 draws are the fewest for 0.05" in note for note in found.notes)


def test_all_draws_train_as_one_stack(tmp_path: Path) -> None:
    found = planned("masks.wiring=real,rewired*3,random")
    grouping = group(found.tasks(), Plans(tmp_path))
    assert ([len(one.tasks) for one in grouping.groups], grouping.alone) == ([10], [])


def test_a_study_trains_its_draws_once_and_tells_of_them(tmp_path: Path) -> None:
    """Trained, found again, written, read again, analysed as a table, and shown."""
    levels = "masks.wiring=dense,real,rewired*2"
    found = planned(levels)
    stacked = REGISTRY.get("stacked", bionic.Engine)()
    cells = study.run_experiment(found, root=tmp_path, device="cpu", engine=stacked)
    assert all(cell.run is not None for cell in cells), [cell.error for cell in cells]
    again = study.run_experiment(planned(levels), root=tmp_path, device="cpu")
    assert all(cell.reused for cell in again)
    analysis = study.analyse(found, cells)
    (ensemble,) = analysis.findings.ensembles
    means = [
        np.mean([100 * (c.accuracy or 0) for c in cells if c.levels.get("masks.wiring.draw") == n])
        for n in range(2)
    ]
    assert ensemble.means == pytest.approx(sorted(means))
    assert [one.level for one in ensemble.against] == ["dense", "real"]
    (ladder,) = analysis.findings.ladders
    assert [one.upper for one in ladder.steps] == ["rewired", "real"]
    results = study.results(found, cells, analysis)
    path = study.save_results(tmp_path, found, results)
    read = from_document(FactorialResults, json.loads(path.read_text()), where=str(path))
    assert to_document(read) == to_document(results)
    table = path.with_suffix(".csv")
    assert table.read_text().startswith("masks.wiring,masks.wiring.draw,seed,accuracy,run\n")
    own = analyse_table(table, response="accuracy", percent=True, known=known_of(table)).findings
    assert own.ensembles == analysis.findings.ensembles
    assert own.ladders == analysis.findings.ladders
    shown = page_of_factorial(Found("factorial", path, read), read, tmp_path / "a.html")
    for page in (html.render(shown), markdown.render(studied(read))):
        assert "Draws of masks.wiring" in page
        assert "Which constraint matters: masks.wiring" in page
    assert "rewired (2 draws)" in markdown.render(studied(read))
    without = planned("masks.wiring=dense,real")  # as cells that are there
    assert all(c.reused for c in study.run_experiment(without, root=tmp_path, device="cpu"))
