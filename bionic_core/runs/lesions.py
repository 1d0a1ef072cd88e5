"""Groups of neurons silenced in a trained network, each in turn, on the same images.

A silenced neuron has rate 0 wherever its rate is read: by the currents, gains, rates and norm of
its layer, and by what its layer projects to, at every step. What a norm subtracts or divides by is
that of the layer with the silent neurons in it. Nothing is trained again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import torch
from attrs import field
from torch import Tensor

from bionic_core.base.records import OMITTED
from bionic_core.dataset import Split
from bionic_core.errors import RequestError, listing
from bionic_core.model.network import Network
from bionic_core.runs.activity import BATCH, Neurons
from bionic_core.runs.folder import Run
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.subject import Subject, subject
from bionic_core.statistics.comparisons import compare
from bionic_core.statistics.crossed import FEWEST_IMAGES, Images, Over
from bionic_core.statistics.fit import holm
from bionic_core.statistics.lenth import LEVEL
from bionic_core.statistics.mcnemar import mcnemar
from bionic_core.training.precision import products_in
from bionic_core.training.views import unit_range

GROUPS = {"cell_type": "cell types", "layer": "layers", "cell": "cells"}
"""What neurons are silenced by, and what several such groups are called."""

Bools = npt.NDArray[np.bool_]


@attrs.frozen
class Lesion:
    """What silencing a group of neurons does.

    Attributes:
        group: the layer, the cell type, or the cell (its id, or its place in the layer).
        layer: the layer that it is in.
        cell_type: of a single cell; None of other groups, and of neurons that are no cells.
        neurons: how many are silenced.
        accuracy: of the lesioned network, a fraction, the mean over runs.
        effect: what silencing changes: accuracy of the lesioned less that of the whole network, in
            percentage points, the mean over runs.
        low, high: its 95 % interval, alone; None where nothing tells one.
        p: two-sided, alone: of one run McNemar's, of several over seeds and images.
        p_adjusted: corrected for all groups by Holm.
        flipped: images whose prediction the lesion changes, a fraction, the mean over runs.
    """

    group: str
    layer: str
    cell_type: str | None = field(metadata={OMITTED: True})
    neurons: int
    accuracy: float
    effect: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    flipped: float

    @property
    def certain(self) -> bool:
        """Whether p, corrected for all groups, is below 5 %."""
        return self.p_adjusted is not None and self.p_adjusted < LEVEL


@attrs.frozen
class Lesions:
    """Every group of a kind silenced in turn, the most harmful first.

    Attributes:
        runs: their folders, one for each seed.
        name: the spec's.
        by: a name of :data:`GROUPS`.
        accuracy: of the whole network, a fraction, the mean over runs.
        over: what intervals generalise over, in words.
        test: what p are of, in words.
        notes: what a reader must know.
        drawn: paths of the figures that were written.
    """

    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    name: str
    data: str
    split: str
    images: int
    by: str
    accuracy: float
    over: str
    test: str
    lesions: tuple[Lesion, ...]
    notes: tuple[str, ...]
    drawn: tuple[str, ...] | None = field(default=None, metadata={OMITTED: True})


def lesion(
    runs: Sequence[Run],
    by: str = "cell_type",
    split: str = "test",
    *,
    data: str | None = None,
    wirings: Sequence[Path] = (),
) -> Lesions:
    """Silence each group of neurons in turn, and return what each does to accuracy.

    Of one run, effects are paired on images: the interval is that of the mean difference over new
    images, p is McNemar's. Of several runs (one for each seed), they are over seeds and over new
    images too (:mod:`bionic_core.statistics.crossed`). p is corrected over all groups by Holm.

    Args:
        runs: complete runs of one spec with different seeds.
        by: ``cell_type``, ``layer`` or ``cell``.
        split: train, validation or test.
        data: a data source or a path, instead of the runs' own.
        wirings: files in which the runs' own wiring may be, where it is not with them.

    Raises:
        RequestError: there is no such group or split; layers are plain and have no cell types; runs
            are of different specs, neurons or images, or two have the same seed.
    """
    if by not in GROUPS:
        raise RequestError(f"--by {by}: must be one of {listing(GROUPS)}")
    cache = InputCache()
    subjects = [subject(run, split, data, cache, wirings) for run in runs]
    first = subjects[0]
    neurons = Neurons.of(first.spec, first.network, first.connectome)
    seeds = tuple(int(run.manifest["seed"]) for run in runs)
    _check_alike(subjects, seeds, neurons)
    groups = _groups(neurons, by)
    told = [predictions(it.network, it.part, [g for _, g in groups]) for it in subjects]
    whole = np.stack([found[0] for found in told]) == first.part.labels
    lesioned = np.stack([found[1:] for found in told]) == first.part.labels
    flipped = np.stack([(found[1:] != found[0]).mean(1) for found in told]).mean(0)
    effects = _over_images(whole[0], lesioned[0]) if len(runs) == 1 else _over_both(whole, lesioned)
    adjusted = holm(np.array([np.nan if e.p is None else e.p for e in effects]))
    found = [
        Lesion(
            group=name,
            layer=str(neurons.labels["layer"][place[0]]),
            cell_type=_type_of(neurons, place) if by == "cell" else None,
            neurons=len(place),
            accuracy=float(lesioned[:, k].mean()),
            effect=100 * float(lesioned[:, k].mean() - whole.mean()),
            **attrs.asdict(effects[k]),
            p_adjusted=None if np.isnan(adjusted[k]) else float(adjusted[k]),
            flipped=float(flipped[k]),
        )
        for k, (name, place) in enumerate(groups)
    ]
    ranked = sorted(found, key=lambda each: (each.effect, -each.flipped))
    return _told(subjects, seeds, split, by, float(whole.mean()), ranked)


def _told(
    subjects: Sequence[Subject],
    seeds: tuple[int, ...],
    split: str,
    by: str,
    accuracy: float,
    ranked: Sequence[Lesion],
) -> Lesions:
    """Return lesions with what they are of, and over what they generalise."""
    first, count = subjects[0], len(subjects[0].part)
    one = f"over new images like these {count:,}, for this network as it is"
    alone = len(subjects) == 1
    return Lesions(
        runs=tuple(str(it.run.folder) for it in subjects),
        seeds=seeds,
        name=str(first.run.manifest["name"]),
        data=first.data,
        split=split,
        images=count,
        by=by,
        accuracy=accuracy,
        over=one if alone else Over.of(len(seeds), count, new=count >= FEWEST_IMAGES).words,
        test="McNemar's paired test" if alone else "paired t over seeds and images",
        lesions=tuple(ranked),
        notes=tuple(_notes(subjects, seeds, split)),
    )


def predictions(
    network: Network, part: Split, groups: Sequence[npt.NDArray[np.int64]]
) -> npt.NDArray[np.int64]:
    """Return the classes that a network predicts (1 + groups, N): whole, then without each group.

    What comes before the layers is computed once for each batch.

    Args:
        network: in evaluation mode.
        part: images and labels.
        groups: numbers of neurons, counted over the layers in their order.
    """
    found = np.empty((1 + len(groups), len(part)), np.int64)
    images = torch.as_tensor(part.images)
    keeps = [None, *(_keep(network, group) for group in groups)]
    with torch.inference_mode(), products_in("float32"):
        for start in range(0, len(part), BATCH):
            batch = unit_range(images[start : start + BATCH])
            flat = network.front((batch - network.centre) / network.spread)
            for row, keep in enumerate(keeps):
                with silenced(network, keep or {}):
                    rates = network.run(flat, None)
                logits = network.readout(network.readout_norm(rates))
                found[row, start : start + len(batch)] = logits.argmax(1).numpy()
    return found


@contextmanager
def silenced(network: Network, keep: dict[str, Tensor]) -> Iterator[None]:
    """Have some neurons of a network at rate 0 for as long as the context lasts.

    Args:
        network: any, in time too.
        keep: by layer, float (Q,): 1 for neurons that live, 0 for silent ones.
    """
    handles = []
    for name, alive in keep.items():
        layer = network.layer(name)

        def given(_: Any, inputs: tuple[Any, ...], alive: Tensor = alive) -> tuple[Any, ...]:
            return (inputs[0] * alive, *inputs[1:])

        def said(_: Any, inputs: object, rates: Tensor, alive: Tensor = alive) -> Tensor:
            return rates * alive

        readers = (layer.current, layer.gain, layer.rate, layer.norm)
        handles += [reader.register_forward_pre_hook(given) for reader in readers]
        handles.append(layer.norm.register_forward_hook(said))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keep(network: Network, group: npt.NDArray[np.int64]) -> dict[str, Tensor]:
    """Return which neurons of the layers that a group is in stay alive."""
    found, start = {}, 0
    for name in network.order:
        size = network.layer(name).size
        inside = group[(group >= start) & (group < start + size)] - start
        if len(inside):
            alive = torch.ones(size)
            alive[torch.as_tensor(inside)] = 0.0
            found[name] = alive
        start += size
    return found


def _groups(neurons: Neurons, by: str) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Return names of groups, and the numbers of their neurons, in the network's order."""
    labels = neurons.labels
    if by == "cell":
        ids = labels.get("cell_id", np.full(len(neurons), -1))
        names = [
            str(one) if one >= 0 else f"{layer}.{index}"
            for one, layer, index in zip(ids, labels["layer"], labels["index"], strict=True)
        ]
        return [(name, np.array([n])) for n, name in enumerate(names)]
    if by == "cell_type" and "cell_type" not in labels:
        raise RequestError(
            "--by cell_type: the layers of this run are plain numbers of neurons, which have no "
            "cell types; silence them --by layer or --by cell"
        )
    names = [str(one) for one in labels[by]]
    return [
        (name, np.flatnonzero(np.array(names) == name)) for name in dict.fromkeys(names) if name
    ]


def _type_of(neurons: Neurons, place: npt.NDArray[np.int64]) -> str | None:
    """Return the type of a single cell; None of a neuron that is none."""
    labels = neurons.labels
    return str(labels["cell_type"][place[0]]) or None if "cell_type" in labels else None


@attrs.frozen
class _Sure:
    """How sure an effect is: its interval in points, and p."""

    low: float | None
    high: float | None
    p: float | None


def _over_images(whole: Bools, lesioned: Bools) -> list[_Sure]:
    """Return how sure effects on one network are, (groups, N) against (N,)."""
    from scipy.special import stdtrit

    count, found = len(whole), []
    for row in lesioned:
        apart = 100 * (row.astype(np.float64) - whole)
        if count < 2 or not apart.any():  # no image tells anything
            found.append(_Sure(None, None, 1.0))
            continue
        half = float(stdtrit(count - 1, 0.975)) * float(apart.std(ddof=1)) / np.sqrt(count)
        middle = float(apart.mean())
        found.append(_Sure(float(middle - half), float(middle + half), mcnemar(row, whole).p))
    return found


def _over_both(whole: Bools, lesioned: Bools) -> list[_Sure]:
    """Return how sure effects are over seeds and images, (seeds, groups, N) against (seeds, N)."""
    found = []
    few = whole.shape[1] < FEWEST_IMAGES
    for k in range(lesioned.shape[1]):
        outcomes = 100 * np.stack([lesioned[:, k], whole]).astype(np.float64)
        images = None if few else Images.of(outcomes.reshape(-1, outcomes.shape[-1]))
        one = compare(outcomes.mean(2), images=images).differences[0]
        found.append(_Sure(one.low, one.high, one.p))
    return found


def _check_alike(subjects: Sequence[Subject], seeds: Sequence[int], neurons: Neurons) -> None:
    """Check that runs are one design with several seeds, seen on the same images."""
    if len(set(seeds)) < len(seeds):
        raise RequestError("two of the runs have the same seed; give one run for each seed")
    first = subjects[0]
    for it in subjects[1:]:
        where = str(it.run.folder)
        if it.spec.tables != first.spec.tables:
            raise RequestError(
                f"a run of another spec than {first.run.folder}: groups are silenced over the "
                "seeds of one spec",
                where=where,
            )
        theirs = Neurons.of(it.spec, it.network, it.connectome).labels
        same = all(np.array_equal(theirs[n], v) for n, v in neurons.labels.items() if n[1:])
        if not same:
            raise RequestError(f"its neurons are not those of {first.run.folder}", where=where)
        if not (
            np.array_equal(it.part.images, first.part.images)
            and np.array_equal(it.part.labels, first.part.labels)
        ):
            raise RequestError(f"its images are not those of {first.run.folder}", where=where)


def _notes(subjects: Sequence[Subject], seeds: Sequence[int], split: str) -> list[str]:
    first = subjects[0]
    found = []
    if len(seeds) == 1:
        found.append(
            "one run is one network: which groups matter in it is an anecdote of its seed. Give "
            "runs of other seeds too, and effects are over seeds"
        )
    chosen = first.run.result.selected_on
    if split == chosen:
        found.append(f"the {split} images chose the epoch: figures on them flatter the network")
    if first.unlike:
        found.append("these images are other data than the run was trained on")
    if len(first.part) < FEWEST_IMAGES:
        found.append(f"{len(first.part)} images are too few to tell what others would add")
    found.append(
        "a silenced neuron has rate 0 for all that reads it; nothing is trained again, so that an "
        "effect is what this network rests on, not what a network needs"
    )
    return found
