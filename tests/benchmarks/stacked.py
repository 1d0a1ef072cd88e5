"""The leave-one-out study of Table 4 as stacked models against one run after another.

Run by hand, never in the suite::

    python -m tests.benchmarks.stacked                # 39 members: on a GPU, full size
    python -m tests.benchmarks.stacked --small        # tiny, in seconds, on any machine

Members are the full model and what is left by taking out each of twelve mechanisms, with three
seeds each, on the paper's recipe (``full.toml``) and images of FER-2013's number, drawn where no
``--data`` is given: what an image shows changes no time. Steps are timed once they have settled,
the stacks' and the single runs' in turns, and the device is waited for at both ends of a reading
only. Prints a table on stderr and one JSON document on stdout.

On a GPU a stack's steps are timed recorded, as they are in training, and kernel by kernel too; on
any machine, what a recorded step leaves to do beside its kernels: feeding and drawing.
``speed-up`` is the time of one step of every member one after another over that of one step of all
stacks. ``table 4`` is what the study would take: steps of so many epochs (``--epochs``), as
stacked, evaluation and writing aside.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch

import bionic_core as bionic
from bionic_core.runs.engine import Task
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.planned import Plans
from bionic_core.runs.train import device_of, prepare
from bionic_core.spec.spec import compose
from bionic_core.training.loop import Member, step_once
from bionic_core.training.precision import products_in
from bionic_plugins.engines.stacked.feed import Feed
from bionic_plugins.engines.stacked.groups import Group, group
from bionic_plugins.engines.stacked.recorded import RecordedSteps, steps_of
from bionic_plugins.engines.stacked.stack import Stack
from bionic_plugins.engines.stacked.steps import Steps

LEFT_OUT = (
    *("weight_decay", "noise", "inhibition", "lateral", "attention", "intra"),
    *("masks", "lr_schedule", "label_smoothing", "layernorm", "convolution", "augmentation"),
)
"""The twelve rows of the paper's Table 4 beside the full model and the baseline."""

SETTLING = 4
"""Steps before the first reading; a stack's third is recorded."""

DRAWN = 31_899
"""Images that are drawn: less the tenth to select on, as many as FER-2013 trains with, 28,709."""

SMALL: dict[str, Any] = {
    "model": {"layers": {"A": ["5P-NP"], "B": ["6P-CT"]}, "projections": ["A->B"]},
    "training": {"batch_size": 4},
}


def study(*, small: bool, data: str | None, precision: str, seeds: int) -> list[Task]:
    """The study's runs."""
    document = bionic.load("full", data=data).document()
    if data is None:
        images = 70 if small else DRAWN
        document["data"] = {"source": "schematic", "train": images, "test": 70}
    for section, keys in (SMALL if small else {}).items():
        document[section] |= keys
    document["training"]["precision"] = precision
    if small:
        document["model"]["image"] = [1, 16, 16]
    full = compose(document, name="full", registry=bionic.Registry.installed())
    specs = [full, *(full.without([name]) for name in LEFT_OUT)]
    pairs = [(spec, seed) for seed in range(seeds) for spec in specs]
    return [Task(number, spec, seed) for number, (spec, seed) in enumerate(pairs)]


def waited(device: torch.device) -> float:
    """The time, once the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


SHOWN = {
    "kernel_by_kernel": "kernel by kernel",
    "host": "recorded, kernels left out",
}


def once(work: Callable[[], None]) -> Callable[[], object]:
    """Repeat work once, for the comparison, and then nothing: what is left is Python's part."""
    work()
    left = [work]
    return lambda: left.pop()() if left else None


def members_of(tasks: Sequence[Task], cache: InputCache, device: torch.device) -> list[Member]:
    """Runs before their first step, whose images are on the device once."""
    members: list[Member] = []
    for task in tasks:
        like = members[0].course if members else None
        members.append(Member(*prepare(task.spec, task.seed, cache.get(task.spec), device, like)))
    return members


Make = Callable[[Stack, Sequence[Member]], Steps]
"""Makes what takes a stack's steps."""


def stacked_steps(
    one: Group, cache: InputCache, device: torch.device, make: Make
) -> Callable[[int], None]:
    """What takes so many steps of all members of a group at once."""
    members = members_of(one.tasks, cache, device)
    stack = Stack(
        one.frame.to(device),
        [member.state.network for member in members],
        [set(task.spec.mechanisms) for task in one.tasks],
    )
    stack.frame.train()
    feed, together = Feed(members), make(stack, members)
    training = members[0].course.recipe.training
    batches = len(members[0].course.labels) // training.batch_size
    done = 0

    def steps(number: int) -> None:
        nonlocal done
        with products_in(training.precision):
            for _ in range(number):
                now = [done] * len(members)
                images, labels = feed.batch(done % batches)
                together.take(images, labels, now)
                done += 1

    return steps


def single_steps(task: Task, cache: InputCache, device: torch.device) -> Callable[[int], None]:
    """What takes so many steps of one run."""
    (member,) = members_of([task], cache, device)
    state, course = member.state, member.course
    training = course.recipe.training
    batches = chain.from_iterable(course.batches(epoch) for epoch in count())
    state.network.train()
    done = 0

    def steps(number: int) -> None:
        nonlocal done
        with products_in(training.precision):
            for _ in range(number):
                rows, images = next(batches)
                state.network.seek(done)
                labels, options = course.labels[rows], course.loss
                step_once(
                    state.network,
                    state.optimizer,
                    images,
                    labels,
                    options,
                    precision=training.precision,
                )
                done += 1

    return steps


Timed = Callable[[int], None]
"""Takes so many steps, to be timed."""


def makes(device: torch.device, say: Callable[[str], None]) -> dict[str, Make]:
    """Ways to take a stack's steps, by the names that the figures have."""
    ways: dict[str, Make] = {
        "stacked": partial(steps_of, place=device, say=say),
        "host": partial(RecordedSteps, recorder=once, say=say),
    }
    if device.type == "cuda":
        ways["kernel_by_kernel"] = Steps
    return ways


def read_in_turns(
    stacks: dict[str, list[Timed]],
    singles: dict[str, Timed],
    device: torch.device,
    *,
    steps: int,
    readings: int,
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The median seconds of a step: of each stack by each way, and of each single run."""

    def read(work: Timed) -> float:
        start = waited(device)
        work(steps)
        return (waited(device) - start) / steps

    for work in (*chain.from_iterable(stacks.values()), *singles.values()):
        work(SETTLING)
    rounds = [
        (
            {name: [read(work) for work in works] for name, works in stacks.items()},
            {key: read(work) for key, work in singles.items()},
        )
        for _ in range(readings)
    ]
    each = {
        name: [statistics.median(found[name][n] for found, _ in rounds) for n in range(len(works))]
        for name, works in stacks.items()
    }
    return each, {key: statistics.median(one[key] for _, one in rounds) for key in singles}


def measure(
    tasks: Sequence[Task], *, device: torch.device, steps: int, readings: int, epochs: int
) -> dict[str, Any]:
    """Time the stacks, and a single run of each variant, in turns.

    Single runs that differ in the seed alone take the same time, so that one of them stands for
    all.
    """
    cache = InputCache()
    cache.get(tasks[0].spec)  # reading is no part of what is timed
    begun = waited(device)
    grouping = group(tasks, Plans(Path("runs"), cache))
    grouped = waited(device) - begun
    variants: dict[str, list[Task]] = {}
    for task in tasks:
        variants.setdefault(task.spec.hash, []).append(task)
    unrecorded: list[str] = []
    stacks = {
        name: [stacked_steps(one, cache, device, make) for one in grouping.groups]
        for name, make in makes(device, unrecorded.append).items()
    }
    singles = {key: single_steps(same[0], cache, device) for key, same in variants.items()}
    each, alone = read_in_turns(stacks, singles, device, steps=steps, readings=readings)
    training = tasks[0].spec.training
    return {
        "members": len(tasks),
        "groups": [len(one.tasks) for one in grouping.groups],
        "gated": [sorted(one.gated) for one in grouping.groups],
        "alone": [why for _, why in grouping.alone],
        "grouping_seconds": grouped,
        "batch_size": training.batch_size,
        "precision": training.precision,
        "steps": steps,
        "readings": readings,
        **{f"{name}_step_ms": [1e3 * t for t in times] for name, times in each.items()},
        "unrecorded": unrecorded,
        "single_step_ms": {
            _name(same[0], tasks[0]): 1e3 * alone[key] for key, same in variants.items()
        },
        **compared(
            sum(each["stacked"]) + sum(alone[task.spec.hash] for task, _ in grouping.alone),
            sum(alone[task.spec.hash] for task in tasks),
            images=training.batch_size * len(tasks),
            batches=math.ceil(len(cache.get(tasks[0].spec).splits.train) / training.batch_size),
            epochs=epochs,
        ),
    }


def compared(
    together: float, after: float, *, images: int, batches: int, epochs: int
) -> dict[str, Any]:
    """Figures of a step of all members, stacked and one after another, in seconds."""
    return {
        "stacked_ms": 1e3 * together,
        "one_after_another_ms": 1e3 * after,
        "speed_up": after / together,
        "images_per_second": {"stacked": images / together, "one_after_another": images / after},
        "epochs": epochs,
        "steps_of_an_epoch": batches,
        "table_4_minutes": together * batches * epochs / 60,
        "table_4_minutes_one_after_another": after * batches * epochs / 60,
    }


def _name(task: Task, full: Task) -> str:
    gone = sorted(set(full.spec.mechanisms) - set(task.spec.mechanisms))
    return f"without {', '.join(gone)}" if gone else "full"


def machine(device: torch.device) -> dict[str, Any]:
    """Where and when it is measured."""
    cuda = device.type == "cuda"
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "device": torch.cuda.get_device_name(device) if cuda else "cpu",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "torch": torch.__version__,
        "memory_gib": torch.cuda.max_memory_allocated(device) / 2**30 if cuda else None,
    }


def table(found: dict[str, Any]) -> str:
    """The figures in at most 80 columns."""
    rows = [
        ("members", f"{found['members']} in stacks of {found['groups']}"),
        ("trained by themselves", str(len(found["alone"]))),
        ("a step of all, stacked", f"{found['stacked_ms']:.1f} ms"),
        ("a step of all, one after another", f"{found['one_after_another_ms']:.1f} ms"),
        *(
            (f"stack {n}, {what}", f"{ms:.2f} ms")
            for key, what in SHOWN.items()
            for n, ms in enumerate(found.get(f"{key}_step_ms", ()), 1)
        ),
        *(("not recorded", why) for why in found["unrecorded"]),
        ("speed-up", f"{found['speed_up']:.2f} x"),
        ("images/s, stacked", f"{found['images_per_second']['stacked']:,.0f}"),
        ("images/s, one after another", f"{found['images_per_second']['one_after_another']:,.0f}"),
        (
            f"table 4, {found['epochs']} epochs",
            f"{found['table_4_minutes']:.1f} min; one after another "
            f"{found['table_4_minutes_one_after_another']:.1f} min",
        ),
    ]
    return "\n".join(f"{name:<36}{value}" for name, value in rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.stacked", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny sizes")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--data", help="a registered data source, or a path")
    parser.add_argument("--precision", default="float32", help="float32, tf32 or bfloat16")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="in a reading")
    parser.add_argument("--readings", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=60, help="of a run, for the study's time")
    options = parser.parse_args(arguments)
    device = device_of(options.device)
    tasks = study(
        small=options.small, data=options.data, precision=options.precision, seeds=options.seeds
    )
    found = measure(
        tasks,
        device=device,
        steps=options.steps,
        readings=options.readings,
        epochs=options.epochs,
    )
    found |= {"machine": machine(device)}
    print(table(found), file=sys.stderr)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
