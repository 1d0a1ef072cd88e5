"""Laws of engines: each is broken by an engine that breaks no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest

from bionic_core import BionicError, Engine
from bionic_core.conformance.judge import judge
from bionic_core.runs import Observer, Outcome, Task, Work, one_by_one
from bionic_core.testing import ENGINE_LAWS, check_engine

Train = Callable[[Any, Work], Iterator[Outcome]]


def engine(train: Train, **members: Any) -> type[Engine]:
    """An engine that trains so."""
    body = {"train": train, "name": "toy", "__module__": __name__, "__doc__": "A toy.", **members}
    return attrs.frozen(eq=False)(type("Toy", (Engine,), body))


def good(self: Engine, work: Work) -> Iterator[Outcome]:
    yield from one_by_one(work)


def other_seeds(self: Engine, work: Work) -> Iterator[Outcome]:
    tasks = [attrs.evolve(task, seed=task.seed + 5) for task in work.tasks]
    yield from one_by_one(attrs.evolve(work, tasks=tasks))


def one_alone(self: Engine, work: Work) -> Iterator[Outcome]:
    yield next(one_by_one(work))


def unheard(self: Engine, work: Work) -> Iterator[Outcome]:
    class Ends(Observer):
        def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
            if record["epoch"] > 1:
                work.observer.epoch(task, record)

    yield from one_by_one(attrs.evolve(work, observer=Ends()))


def anew(self: Engine, work: Work) -> Iterator[Outcome]:
    for task in work.tasks:
        folder = work.plans.of(task.spec, task.seed).folder
        if (folder / "model.safetensors").exists() and (folder / "result.json").stat().st_size > 9:
            shutil.rmtree(folder)
    yield from one_by_one(work)


def gives_up(self: Engine, work: Work) -> Iterator[Outcome]:
    for outcome in one_by_one(work):
        if outcome.error:
            raise BionicError("one has failed")
        yield outcome


def deaf(self: Engine, work: Work) -> Iterator[Outcome]:
    class Calm(Observer):
        begun = staticmethod(work.observer.begun)

        def epoch(self, task: Task, record: Mapping[str, Any]) -> None:
            try:
                work.observer.epoch(task, record)
            except KeyboardInterrupt:
                return

    yield from one_by_one(attrs.evolve(work, observer=Calm()))


def spoils(self: Engine, work: Work) -> Iterator[Outcome]:
    try:
        yield from one_by_one(work)
    except KeyboardInterrupt:
        for folder in work.root.iterdir():
            (folder / "state.safetensors").write_bytes(b"half")
        raise


BROKEN: Mapping[str, tuple[str, type[Engine], str]] = {
    "no words": ("docstring", engine(good, __doc__=""), "no docstring"),
    "a set": (
        "toml",
        engine(good, nodes=attrs.field(factory=set, type=set[str])),
        "cannot be written as TOML",
    ),
    "other seeds": ("numbers", engine(other_seeds), "by the name that decides its numbers"),
    "one alone": ("numbers", engine(one_alone), "no outcome of seed 1"),
    "unheard": ("tells", engine(unheard), "expected ['begun', 1, 2]"),
    "anew": ("reuses", engine(anew), "trained again"),
    "gives up": ("goes-on", engine(gives_up), "one has failed"),
    "deaf": ("interrupted", engine(deaf), "has said to stop"),
    "spoils": ("interrupted", engine(spoils), "cannot go on"),
}


def test_a_good_engine_keeps_all_laws() -> None:
    check_engine(engine(good))


@pytest.mark.parametrize("case", BROKEN)
def test_a_law_is_broken(case: str) -> None:
    law, cls, words = BROKEN[case]
    chosen = [law] if law in ("docstring", "toml", "interrupted") else ENGINE_LAWS[2:6]
    broken = [verdict for verdict in judge(cls, *chosen) if verdict.broken]
    assert [verdict.law for verdict in broken] == [law]
    assert words in str(broken[0])


def test_every_law_can_be_broken() -> None:
    assert {law for law, _, _ in BROKEN.values()} == set(ENGINE_LAWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["local", "stacked"])
def test_the_built_in_engines_keep_them(name: str) -> None:
    from bionic_core import Registry

    check_engine(Registry.installed().get(name, Engine))
