"""A process that waits for a word, does a piece of work, and says how many images that was.

Started by :mod:`tests.benchmarks.contest`, which measures. A contestant's first piece is not
measured: it warms up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch

import bionic_core as bionic
from bionic_core.training.evaluation import evaluate
from tests.benchmarks import reference
from tests.benchmarks.ours import Training, column_of, inputs_of

Work = Callable[[], int]


def ours(data: str, images: int, *, spec: str = "full", assign: tuple[str, ...] = ()) -> Work:
    """Return an epoch of a spec on so many images."""
    loaded = bionic.load(spec, data=data, set=list(assign))
    splits = inputs_of(loaded, images)
    training = Training(loaded, splits)

    def work() -> int:
        training.epoch()
        return len(splits.train)

    return work


def theirs(data: str, images: int, *, workers: int = 0) -> Work:
    """Return an epoch of the reference on the same images."""
    spec = bionic.load("full", data=data)
    splits = inputs_of(spec, images)
    train, validation = (
        (part.images[:, 0].copy(), part.labels) for part in (splits.train, splits.validation)
    )
    training = reference.Training(column_of(spec), train, validation, workers=workers)

    def work() -> int:
        training.epoch()
        return len(splits.train)

    return work


def evaluation(data: str, images: int) -> Work:
    """Return an evaluation of the full model: logits and figures."""
    spec = bionic.load("full", data=data)
    splits = inputs_of(spec, images)
    network = bionic.build(spec).to(memory_format=torch.channels_last)

    def work() -> int:
        evaluate(network, splits.train)
        return len(splits.train)

    return work


def augmentation(data: str, images: int, *, batch: int = 32) -> Work:
    """Return views of all images, in batches, as a training step makes them."""
    spec = bionic.load("full", data=data, set=[f"training.batch_size={batch}"])
    course = Training(spec, inputs_of(spec, images)).course

    def work() -> int:
        return sum(len(rows) for rows, _ in course.batches(0))

    return work


KINDS: dict[str, Callable[..., Work]] = {
    "ours": ours,
    "theirs": theirs,
    "evaluation": evaluation,
    "augmentation": augmentation,
}


def main(kind: str, options: dict[str, Any]) -> None:
    """Work once for each line on stdin; answer each with a line."""
    threads = options.pop("threads")
    if threads:
        torch.set_num_threads(threads)
    work = KINDS[kind](**options)
    print(torch.get_num_threads(), flush=True)
    for _ in sys.stdin:
        print(work(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
