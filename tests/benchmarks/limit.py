"""Training as a share of the machine's limit, and what bounds it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

import bionic_core as bionic
from bionic_core.training.loop import step_once
from bionic_core.training.precision import taken_in
from bionic_core.training.views import vary
from tests.benchmarks.machine import seconds_of, speeds
from tests.benchmarks.ours import Training, inputs_of
from tests.benchmarks.processes import outcome
from tests.benchmarks.work import counted

RECIPES = ("full", "fast")


def measure(data: str, *, quick: bool) -> dict[str, Any]:
    """Count and time a step of both recipes, and measure the machine, in a process of its own."""
    found: dict[str, Any] = outcome("tests.benchmarks.limit", data, json.dumps(quick))
    return {"figures": {}} | found


def share(count: Mapping[str, Any], speed: Mapping[str, float], precision: str) -> dict[str, Any]:
    """Return the least seconds that each of a step's costs takes here, and which is the most.

    Products at the rate of large ones, everything else at the rate of the memory; the calls at
    that of the smallest. Products and memory can overlap, so the limit is the longer of the two.
    """
    times = {
        "arithmetic": count["products"] / speed[f"gemm_{precision}"],
        "memory": count["bytes"] / speed["copy"],
        "calls": count["calls"] * speed["call"],
    }
    return {"seconds": times, "limit": max(times["arithmetic"], times["memory"])}


def sentence(recipe: Mapping[str, Any]) -> str:
    """Say what bounds a recipe."""
    seconds, times = recipe["step"], recipe["seconds"]
    shares = {name: value / seconds for name, value in times.items()}
    most = max(shares, key=lambda name: shares[name])
    rest = 1 - sum(shares.values())
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    words = {
        "arithmetic": "the arithmetic of products and convolutions",
        "memory": "moving tensors through memory",
        "calls": "calling operations",
    }
    bound = words[most]
    if rest > shares[most]:
        bound = "kernels that are slower on tensors of this size than the machine is on large ones"
    return f"bound by {bound} (of a step's {seconds * 1e3:.1f} ms, at the machine's rates: {told})"


def _stepper(name: str, data: str) -> tuple[Callable[[], object], int, str]:
    """Return a step of a recipe on its images, views included; its batch; its products' type."""
    spec = bionic.load(name, data=data)
    course = Training(spec, inputs_of(spec, 2048))
    state, held = course.state, course.course
    training = held.recipe.training
    rows = torch.arange(training.batch_size)
    state.network.train()

    def step() -> None:
        images = vary(held.images[rows].float() / 255, held.recipe.views, held.views)
        step_once(
            state.network,
            state.optimizer,
            images,
            held.labels[rows],
            held.loss,
            precision=training.precision,
        )

    return step, training.batch_size, taken_in(training.precision, held.images.device)


def _measure(data: str, quick: bool) -> dict[str, Any]:
    readings = 3 if quick else 9
    found: dict[str, Any] = {"threads": torch.get_num_threads(), "recipes": {}}
    steppers = {name: _stepper(name, data) for name in RECIPES}
    found["machine_speed"] = speed = speeds(512, 32) if quick else speeds()
    for name, (step, batch, precision) in steppers.items():
        step()
        count = counted(step)
        seconds = seconds_of(step, readings=readings, least=0.1)
        recipe: dict[str, Any] = {"batch": batch, "precision": precision}
        recipe |= {"count": count, "step": seconds}
        recipe |= {"images_per_second": batch / seconds} | share(count, speed, precision)
        recipe["share_of_limit"] = recipe["limit"] / seconds
        found["recipes"][name] = recipe | {"sentence": sentence(recipe)}
    return found


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], json.loads(sys.argv[2]))))
