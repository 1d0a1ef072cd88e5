"""Small studies that can be stacked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import bionic_core as bionic_api
from bionic_core import Mechanism
from bionic_core.runs.engine import Task
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.planned import Plans
from bionic_core.runs.train import prepare
from bionic_core.spec.spec import compose
from bionic_core.training.loop import Member
from bionic_plugins.engines.stacked.groups import Grouping
from bionic_plugins.engines.stacked.stack import Stack
from tests.support import killing

CPU = torch.device("cpu")
CACHE = InputCache()
PLANS = Plans(Path("runs"), CACHE)

EVERYTHING = killing.EVERYTHING | {"convolution": {"filters": [2, 16]}, "lateral": {"kernel": 3}}


def spec(
    mechanisms: Mapping[str, Any] = EVERYTHING,
    plugins: Sequence[type[Mechanism]] = (),
    *,
    storage: str = "auto",
    train: int = 140,
    model: Mapping[str, Any] | None = None,
    **keys: Any,
) -> bionic_api.Spec:
    """Everything that is built in, on small drawn faces: 8 × 8 features as there are pixels."""
    document = {
        "model": {
            "layers": {"A": ["5P-NP"], "B": ["6P-CT"]},
            "projections": ["A->B"],
            "image": [1, 16, 16],
            "storage": storage,
            **(model or {}),
        },
        "connectome": {"source": "column"},
        "data": {"source": "schematic", "train": train, "test": 70},
        "training": {"max_epochs": 3, "lr": 2e-3, "patience": 0, "batch_size": 12} | keys,
        "mechanisms": {name: dict(table) for name, table in mechanisms.items()},
    }
    registry = bionic_api.Registry.installed().including(*plugins)
    return compose(document, name="small", registry=registry)


def changed(**tables: Mapping[str, Any]) -> bionic_api.Spec:
    """Everything, with other keys of some mechanisms."""
    return spec({name: {**table, **tables.get(name, {})} for name, table in EVERYTHING.items()})


def lacking(*names: str) -> bionic_api.Spec:
    return spec().without(names)


def tasks_of(specs: Sequence[bionic_api.Spec], seeds: Sequence[int] = (0, 1)) -> list[Task]:
    pairs = [(one, seed) for seed in seeds for one in specs]
    return [Task(number, one, seed) for number, (one, seed) in enumerate(pairs)]


def stacked(
    grouping: Grouping, device: torch.device = CPU
) -> tuple[Stack, list[Member], list[Task]]:
    """The only group of a study as a stack, before its first step."""
    (one,) = grouping.groups
    one.frame.to(device)
    pairs = [prepare(t.spec, t.seed, CACHE.get(t.spec), device) for t in one.tasks]
    members = [Member(state, course) for state, course in pairs]
    networks = [member.state.network for member in members]
    mechanisms = [set(task.spec.mechanisms) for task in one.tasks]
    return Stack(one.frame, networks, mechanisms), members, one.tasks


LIGHT = {name: EVERYTHING[name] for name in ("layernorm", "noise", "intra")}


def light(plugins: Sequence[type[Mechanism]] = (), **tables: Any) -> bionic_api.Spec:
    """Three mechanisms and these."""
    return spec(LIGHT | tables, plugins)
