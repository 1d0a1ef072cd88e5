"""What a study composes, checks, builds and names: each once, however many cells and seeds."""

from __future__ import annotations

import pickle
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import bionic_core as bionic
from bionic_core import RequestError
from bionic_core.base import strict
from bionic_core.model import assembly
from bionic_core.registry import Registry
from bionic_core.runs import identity as identities
from bionic_core.runs.attempt import one_by_one
from bionic_core.runs.engine import Work
from bionic_core.runs.identity import identity
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.planned import PlannedRun, Plans
from bionic_core.spec import spec as specs
from bionic_core.spec.spec import compose, digest
from bionic_core.spec.variants import Variants, with_mechanisms
from bionic_core.statistics.designs import Factor
from bionic_core.studies.ablation import plan_ablation
from bionic_core.studies.experiment import Experiment, plan_factorial, run_experiment, study_name
from bionic_core.studies.plan import factorial_plan
from tests.support import toys

COUNTED: tuple[tuple[Any, str], ...] = (
    (specs, "compose"),
    (specs, "resolved"),
    (specs, "digest"),
    (strict, "structure"),
    (assembly, "build"),
    (identities, "identity"),
)
"""Functions by the modules that they are in; other modules have imported them by name."""

MECHANISMS = ["lateral", "masks", "noise"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of the functions is called, wherever it was imported."""
    counts: Counter[str] = Counter()
    for home, name in COUNTED:
        function: Callable[..., Any] = getattr(home, name)
        call = counted(function, counts)
        for module in [m for key, m in sys.modules.items() if key.startswith("bionic_")]:
            if vars(module).get(name) is function:
                monkeypatch.setattr(module, name, call)
    return counts


def counted(function: Callable[..., Any], counts: Counter[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        counts[function.__name__] += 1
        return function(*arguments, **options)

    return call


def demo() -> bionic.Spec:
    return bionic.load("demo", set=["data.train=70", "data.test=70", "training.max_epochs=1"])


def planned() -> Experiment:
    return plan_factorial(demo(), MECHANISMS, [0, 1], Registry.installed())


def test_a_plan_does_everything_once(tmp_path: Path, calls: Counter[str]) -> None:
    loaded = demo()
    assert calls["compose"] == 1
    once = calls["structure"]
    assert once == 1 + 1 + 2 + 2 + len(loaded.mechanisms)  # two tables have keys of two classes
    experiment = plan_factorial(loaded, MECHANISMS, [0, 1], Registry.installed())
    assert (experiment.design.runs, len(experiment.specs)) == (16, 8)
    assert calls["structure"] == once, "switching mechanisms checks nothing anew"
    plan = factorial_plan(experiment, root=tmp_path, seconds=0)
    study_name(experiment)
    assert plan.done == 0
    assert calls == {
        "compose": 1,
        "structure": once + 1,  # the publication whose spread is assumed
        "resolved": 8,  # each cell; the base is the cell with everything on
        "build": 8,  # each shape
        "identity": 16,  # each run
        "digest": 16 + 8 + 8 + 1,  # runs, shapes, inputs; the study
    }


def test_a_study_plans_each_run_once_and_trains_it(tmp_path: Path, calls: Counter[str]) -> None:
    experiment = plan_factorial(demo(), ["noise"], [0, 1], Registry.installed())
    built = calls["build"]
    calls.clear()
    cells = run_experiment(experiment, root=tmp_path, device="cpu")
    assert [cell.run is not None for cell in cells] == [True] * 4
    assert built == 2
    assert calls["build"] == calls["identity"] == 4, "each run trains a network of its own"
    assert (calls["compose"], calls["structure"], calls["resolved"]) == (0, 0, 0)
    calls.clear()
    plans = Plans(tmp_path)
    work = Work(experiment.tasks(), tmp_path, "cpu", plans=plans)
    for _ in range(2):
        assert all(outcome.reused for outcome in one_by_one(work))
    assert calls["identity"] == 4
    assert calls["build"] == 0


def test_levels_that_change_no_shape_build_nothing_more(calls: Counter[str]) -> None:
    keys = [Factor("training.lr", (1e-3, 1e-4)), Factor("noise.sigma", (0.1, 0.2))]
    loaded = demo()
    once = calls["structure"]
    experiment = plan_factorial(loaded, ["layernorm"], [0, 1], Registry.installed(), keys=keys)
    assert len(experiment.specs) == 8
    assert calls["build"] == 4, "with and without layernorm, by two sigmas"
    assert calls["structure"] - once == 4, "each value once"
    assert calls["compose"] == 1
    lrs = {spec.training.lr for spec in experiment.specs}
    assert lrs == {1e-3, 1e-4}


def test_an_ablation_builds_each_variant_once(calls: Counter[str]) -> None:
    ablation = plan_ablation(demo(), MECHANISMS, [0, 1], Registry.installed())
    assert len(ablation.experiment.specs) == 4
    assert (calls["compose"], calls["build"]) == (1, 4)


# --- and it is what it would be if all were done anew


def test_specs_and_names_are_those_of_specs_composed_anew(tmp_path: Path) -> None:
    experiment, inputs = planned(), InputCache()
    plans = Plans(tmp_path, inputs)
    for task in experiment.tasks():
        spec = task.spec
        anew = compose(spec.document(), name=spec.name, registry=Registry.installed())
        assert anew.tables == spec.tables
        assert list(anew.mechanisms) == list(spec.mechanisms)
        assert anew.topology == spec.topology
        found = plans.of(spec, task.seed)
        assert found.identity == identity(anew, task.seed, inputs.get(anew))
        assert found.hash == digest(found.identity) == found.folder.name
        assert plans.of(spec, task.seed) is found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.lr", 1),
        ("model.classes", 5),
        ("model.layers.B", 9),
        ("data.split_seed", 3),
        ("data.train", 140),
        ("masks.wiring", "dense"),
        ("mechanisms.noise.sigma", 0.2),
        ("divisive_noise.sigma", 0.2),
        ("training.lr", "fast"),
        ("training.batch_size", 0),
        ("training.newton_schulz", 3),
        ("model.classes", 1),
        ("model.layers.Z", 9),
        ("model.classes.more", 3),
        ("data.source", "nowhere"),
        ("data.trian", 140),
        ("connectome.source", "nothing"),
        ("masks.wirng", "dense"),
    ],
)
def test_a_value_is_checked_as_the_whole_document_is(key: str, value: object) -> None:
    """The same spec, or the same problems with the same TOML paths."""
    base = demo()
    document = base.document()
    answers: list[Any] = []

    def anew() -> bionic.Spec:
        from bionic_core.spec.assign import assign_value

        assign_value(document, key, value)
        return compose(document, name="demo", where=base.where, registry=Registry.installed())

    def changed() -> bionic.Spec:
        return Variants(base, Registry.installed()).of([], {key: value})

    for make in (anew, changed):
        try:
            answers.append(make().tables)
        except RequestError as error:
            answers.append((error.problems, error.where))
    assert answers[0] == answers[1]
    assert isinstance(answers[0], tuple) or answers[0] != base.tables


def test_mechanisms_that_are_added_are_checked() -> None:
    base, registry = toys.spec(("masks",)), toys.REGISTRY
    assert with_mechanisms(base, ["masks"], registry) is base
    more = with_mechanisms(base, ["noise", "convolution"], registry)
    assert list(more.mechanisms) == ["convolution", "masks", "noise"]
    with pytest.raises(RequestError, match=r"mechanisms\.lateral: requires 'convolution'"):
        with_mechanisms(base, ["lateral"], registry)
    with pytest.raises(RequestError, match=r"mechanisms\.masksk: .*masks"):
        with_mechanisms(base, ["masksk"], registry)


def test_two_values_of_a_table_are_checked_together() -> None:
    variants = Variants(demo(), Registry.installed())
    values = {"training.newton_schulz": 3, "training.optimizer": "muon"}
    assert variants.of([], values).training.newton_schulz == 3
    with pytest.raises(RequestError, match="newton_schulz is muon's"):
        variants.of([], {"training.newton_schulz": 3})
    both = {"noise.sigma": 0.2, "masks.wiring": "dense"}
    lacking = variants.of(["lateral"], both)
    assert "lateral" not in lacking.mechanisms
    assert lacking.tables["mechanisms"]["noise"]["sigma"] == 0.2
    assert lacking.tables["mechanisms"]["masks"]["wiring"] == "dense"


def test_a_task_is_sent_without_what_it_reads(tmp_path: Path) -> None:
    task = planned().tasks()[0]
    before = len(pickle.dumps(task))
    run = Plans(tmp_path).of(task.spec, task.seed)
    _ = task.spec.hash
    assert len(pickle.dumps(task)) == before, "what a spec remembers stays here"
    assert len(pickle.dumps(run)) < 20_000
    again: PlannedRun = pickle.loads(pickle.dumps(run))
    assert (again.hash, again.spec.tables) == (run.hash, run.spec.tables)


def test_what_a_spec_tells_of_itself_can_be_changed() -> None:
    spec = demo()
    document = spec.document()
    document["mechanisms"]["noise"]["sigma"] = 5
    assert spec.document()["mechanisms"]["noise"]["sigma"] != 5
    other = attrs.evolve(spec, training=attrs.evolve(spec.training, lr=0.5))
    assert other.tables["training"]["lr"] == 0.5
    assert other.hash != spec.hash
