"""Two designs, several seeds each, on the same images."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
from scipy import stats

import bionic_core as api
from bionic_core.reports.tables import evaluation as report_evaluation
from bionic_core.runs.evaluate import compare, compare_designs, evaluation_of, predict_split
from tests.cli.test_cli import Bionic, bionic, refused
from tests.runs.test_run_evaluation import CACHE, trained, words

__all__ = ["bionic"]


def test_two_designs_are_compared_over_seeds_and_images(tmp_path: Path, bionic: Bionic) -> None:
    """Paired by seed, whatever order the runs are given in; one seed says nothing of designs."""
    noisy = {"noise": {"sigma": 0.5}}
    ones = [trained(tmp_path, seed=seed) for seed in (0, 1)]
    others = [trained(tmp_path, seed=seed, mechanisms=noisy) for seed in (1, 0)]
    left, right = ([predict_split(r, "test", cache=CACHE) for r in side] for side in (ones, others))
    found = compare_designs(left, right)
    accuracies = [np.mean([r.result.test.accuracy for r in side]) for side in (ones, others)]
    assert found.difference.estimate == pytest.approx(100 * (accuracies[0] - accuracies[1]))
    assert (found.seeds, found.margin) == ((0, 1), 0.5)
    assert found.over.words == "over seeds and over new images like these 140"
    against = attrs.evolve(compare(left[0], right[0]), designs=found)
    said = " ".join(
        words(
            report_evaluation.evaluated(attrs.evolve(evaluation_of(left[0]), against=against))
        ).split()
    )
    assert "both designs: 2 seeds each" in said
    apart = left[0].right.astype(float) - right[0].right
    half = stats.t.ppf(0.975, 139) * apart.std(ddof=1) / np.sqrt(140)
    ends = (apart.mean() - half, apart.mean() + half)
    assert (against.low, against.high) == pytest.approx(ends)
    assert "over new images like these 140, for these two networks as they are" in said
    with pytest.raises(api.RequestError, match="both sides need the same seeds, two or more"):
        compare_designs(left[:1], right[1:])
    with pytest.raises(api.RequestError, match="two runs of a side have the same seed"):
        compare_designs([left[0], left[0]], right)
    one, other = map(str, (ones[0].folder, ones[1].folder))
    sides = ("--beside", other, "--against", str(others[0].folder), "--against")
    last = str(others[1].folder)
    document = bionic("evaluate", one, *sides, last, "--margin", "3", "--json").document
    told = document["against"]["designs"]
    assert told["difference"]["estimate"] == pytest.approx(found.difference.estimate)
    assert told["difference"]["low"] == pytest.approx(found.difference.low)
    assert told["margin"] == 3
    assert told["seeds"] == [0, 1]
    refused(bionic("evaluate", one, "--beside", other), "give what to compare these runs with")
    refused(bionic("evaluate", one, "--against", last, "--margin", "3"), "is of two designs")
    refused(bionic("evaluate", one, *sides, last, "--margin", "0"), "--margin 0: give a positive")
    refused(bionic("evaluate", one, *sides[:3], "nowhere"), "nowhere")
