"""FER+: votes as labels, by majority and as shares that are trained towards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

import bionic_core as bionic
from bionic_core.data.soft import SoftSplit
from bionic_core.data.splits import split
from bionic_core.errors import RequestError
from bionic_core.runs.images_and_wiring import InputCache
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.training.loss import training_loss
from bionic_plugins.data.fer2013 import Fer2013
from bionic_plugins.data.ferplus import CLASSES, OTHERS, VOTED

REAL = Path(__file__).parents[4] / "shared" / "data"
NAMES = ("neutral", "anger", *[v for v in VOTED if v not in ("neutral", "anger")], *OTHERS)
"""Another order than the classes'."""


def made(folder: Path, *, rows: int = 56) -> Path:
    """An archive of images and their votes: three of each of the classes, and some without."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "class_names": np.array(
            ["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"]
        )
    }
    votes: dict[str, Any] = {"vote_names": np.array(NAMES)}
    for name in ("train", "public"):
        arrays[f"{name}_images"] = rng.integers(0, 255, (rows, 48, 48), np.uint8)
        arrays[f"{name}_labels"] = (np.arange(rows) % 7).astype(np.uint8)
        counts = np.zeros((rows, 10), np.uint8)
        for row in range(rows):
            counts[row, NAMES.index(VOTED[row % 8])] = 7
            counts[row, NAMES.index(VOTED[(row + 1) % 8])] = 3
        counts[0] = 0  # nobody voted
        counts[1] = 0
        counts[1, [0, 1]] = 5  # a tie
        counts[2] = 0
        counts[2, NAMES.index("NF")] = 10  # no face
        counts[3, NAMES.index("unknown")] = 1  # a single vote, dropped
        votes[f"{name}_votes"] = counts
    np.savez(folder / "faces.npz", **arrays)
    np.savez(folder / "ferplus_votes.npz", **votes)
    return folder / "faces.npz"


def test_labels_are_the_majority_and_targets_the_shares(tmp_path: Path) -> None:
    path = made(tmp_path)
    hard = Fer2013(path=str(path), labels="ferplus").read((1, 48, 48))
    soft = Fer2013(path=str(path), labels="ferplus-soft").read((1, 48, 48))
    assert hard.class_names == soft.class_names == CLASSES
    assert len(hard.train) == len(soft.train) == len(hard.test) == 53
    assert "6 of 112 images without a majority left out" in hard.name
    assert (hard.train.labels == np.arange(3, 56) % 8).all()
    assert (soft.train.labels == hard.train.labels).all()
    assert isinstance(soft.train, SoftSplit)
    assert soft.train.targets[0, 3:5].tolist() == pytest.approx([0.7, 0.3])
    assert type(soft.test) is type(hard.train)
    plain = Fer2013(path=str(path)).read((1, 48, 48))
    assert len({d.fingerprint for d in (plain, hard, soft)}) == 3
    parts = split(soft, "honest", 0)
    assert isinstance(parts.train, SoftSplit)
    where = [
        np.flatnonzero((soft.train.images == one).all((1, 2, 3)))[0] for one in parts.train.images
    ]
    assert (parts.train.targets == soft.train.targets[where]).all()


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("by_image", [False, True])
def test_shares_of_one_class_are_its_label(
    options: dict[str, float], weighted: bool, by_image: bool
) -> None:
    logits, labels = torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 4
    more = {"weight": torch.tensor([0.5, 1, 2, 4.0]).double()} if weighted else {}
    one_hot = torch.eye(4, dtype=torch.float64)[labels]
    wanted = training_loss(logits, labels, by_image=by_image, **options, **more)
    found = training_loss(logits, one_hot, by_image=by_image, **options, **more)
    torch.testing.assert_close(found, wanted)


def test_shares_are_trained_towards(tmp_path: Path) -> None:
    """Cross entropy to shares, whose own least is their entropy, not to the label."""
    path, cache = made(tmp_path), InputCache()
    losses = {}
    for labels in ("ferplus", "ferplus-soft"):
        spec = compose(
            {
                "model": {"layers": {"A": 6}, "projections": [], "classes": 8},
                "data": {"source": "fer2013", "path": str(path), "labels": labels},
                "training": {"max_epochs": 1, "patience": 0, "lr": 1e-9},
            },
            name="votes",
            registry=bionic.Registry.installed(),
        )
        done = train(spec, seed=0, root=tmp_path / "runs", device="cpu", cache=cache)
        losses[labels] = done.history[0]["train"]["loss"]
        data = cache.get(spec)
        network = bionic.build(spec, seed=0)
        images = torch.as_tensor(data.splits.train.images) / 255
        target = torch.as_tensor(
            data.splits.train.targets
            if isinstance(data.splits.train, SoftSplit)
            else np.eye(8, dtype=np.float32)[data.splits.train.labels]
        )
        with torch.no_grad():
            wanted = -(target * network(images).log_softmax(1)).sum(1).mean()
        assert losses[labels] == pytest.approx(float(wanted), rel=1e-4)
    assert losses["ferplus"] != losses["ferplus-soft"]


def test_votes_that_are_not_of_these_images(tmp_path: Path) -> None:
    path = made(tmp_path)
    source = Fer2013(path=str(path), labels="ferplus")

    def refused(words: str, one: Fer2013 = source) -> None:
        with pytest.raises(RequestError, match=words):
            one.read((1, 48, 48))

    refused("data.votes is of FER", attrs.evolve(source, labels="fer2013", votes="x.npz"))
    refused("no such file", attrs.evolve(source, votes=str(tmp_path / "x.npz")))
    votes = dict(np.load(tmp_path / "ferplus_votes.npz"))
    file = tmp_path / "ferplus_votes.npz"
    np.savez(file, **(votes | {"train_votes": votes["train_votes"][1:]}))
    refused("55 rows of votes for the 56 train images")
    np.savez(file, **(votes | {"train_votes": votes["train_votes"] / 10}))
    refused("expected counts")
    np.savez(file, **(votes | {"vote_names": np.array(["joy", *NAMES[1:]])}))
    refused("no votes for neutral")
    file.unlink()
    refused("beside the images there is none")


def test_the_authors_table_says_the_same(tmp_path: Path) -> None:
    path = made(tmp_path)
    votes = np.load(tmp_path / "ferplus_votes.npz")
    lines = [",".join(["Usage", "Image name", *NAMES])]
    for usage, name in (("Training", "train"), ("PublicTest", "public")):
        lines += [f"{usage},x.png," + ",".join(map(str, row)) for row in votes[f"{name}_votes"]]
    (tmp_path / "fer2013new.csv").write_text("\n".join(lines))
    one, other = (
        Fer2013(path=str(path), labels="ferplus-soft", votes=str(tmp_path / file)).read((1, 48, 48))
        for file in ("ferplus_votes.npz", "fer2013new.csv")
    )
    assert one.fingerprint == other.fingerprint


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the images are not there")
def test_the_real_votes() -> None:
    votes = REAL / "ferplus_votes_train_public.npz"
    source = Fer2013(
        path=str(REAL / "fer2013_train_public.npz"), labels="ferplus", votes=str(votes)
    )
    data = source.read((1, 48, 48))
    assert (len(data.train), len(data.test)) == (25057, 3199)
    assert data.train.counts(8).tolist() == [2099, 119, 119, 532, 7287, 8739, 3013, 3149]
