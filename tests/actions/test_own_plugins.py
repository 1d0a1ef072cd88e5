"""Plugins of a script or notebook: given to a call, and known to what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import nn

import bionic_core as bionic
from bionic_core import BionicWarning, Layer, Mechanism, Registry, RequestError, hookimpl
from tests.cli.test_cli import Bionic
from tests.cli.test_cli import bionic as bionic_fixture

command = bionic_fixture

SMALL: dict[str, Any] = {"data.train": 70, "data.test": 35, "training.max_epochs": 1}
QUIET: dict[str, Any] = {"progress": False, "device": "cpu"}


@attrs.frozen(eq=False)
class Ceiling(Mechanism):
    """Rates stay below a ceiling."""

    name = "ceiling"
    kind = "functional"
    numerics = 3
    before = ("noise",)
    most: float = 6.0

    @hookimpl
    def rate(self, layer: Layer) -> nn.Module:
        """Answer for every layer."""
        return nn.Hardtanh(0.0, self.most)


def trained(out: Path, **more: Any) -> bionic.Run:
    keys = SMALL | {"ceiling.most": 2.0}
    return bionic.train(
        "demo", with_=["ceiling"], plugins=[Ceiling], set=keys, out=out, **QUIET, **more
    )


def test_a_run_has_the_class_and_its_numerics_and_says_without_it_what_is_missing(
    tmp_path: Path, command: Bionic
) -> None:
    run = trained(tmp_path / "runs")
    assert run.spec.document()["mechanisms"]["ceiling"] == {"most": 2.0}
    assert run.files.manifest["identity"]["numerics"]["ceiling"] == 3
    assert run.model(torch.zeros(1, *run.spec.model.image)).shape == (1, 7)
    assert bionic.evaluate(run) is not None
    assert "ceiling" not in Registry.installed().names
    later = bionic.open(run.folder)
    assert isinstance(later, bionic.Run)
    assert later.test.accuracy == run.test.accuracy
    with pytest.raises(RequestError, match=r"'ceiling', a class of the script .* plugins=\[CLASS"):
        _ = later.model
    found = command("evaluate", run.folder)
    assert found.code == 2
    assert "a class of the script or notebook that trained it" in found.err
    again = bionic.open(run.folder, plugins=[Ceiling])
    assert isinstance(again, bionic.Run)
    assert again.model.training is False
    with pytest.warns(BionicWarning, match="not by their code.*ceiling.* numerics"):
        trained(tmp_path / "runs")


def test_a_study_of_it_and_its_runs(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "mechanisms": ["ceiling"],
        "seeds": 1,
        "plugins": [Ceiling],
        "set": SMALL | {"ceiling.most": 0.5},
        "out": tmp_path,
    }
    study = bionic.factorial("demo", **asked, **QUIET)
    assert list(study.effects.index) == ["ceiling"]
    assert {"ceiling" in run.spec.mechanisms for run in study.runs} == {True, False}
    assert bionic.plan("demo", **asked, seconds=0).found.done == 2
    spec = study.runs[0].spec if "ceiling" in study.runs[0].spec.mechanisms else study.runs[1].spec
    # A spec that holds such a class brings it.
    asked |= {"set": {}, "plugins": ()}
    with pytest.warns(BionicWarning, match="2 runs were there"):
        left_out = bionic.ablate(spec, **asked, **QUIET)
    assert list(left_out.effects.index) == ["ceiling"]


def test_processes_that_cannot_import_it_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ceiling, "__module__", "__main__")
    with pytest.raises(RequestError, match="jobs=2: Ceiling is defined in this script or notebook"):
        bionic.factorial(
            "demo",
            mechanisms=["ceiling"],
            seeds=2,
            jobs=2,
            plugins=[Ceiling],
            set=SMALL,
            out=tmp_path,
            **QUIET,
        )
    assert not list(tmp_path.glob("*/result.json"))


class Bare(Mechanism):
    """Has no attrs."""

    name = "bare"
    kind = "functional"


@attrs.frozen(eq=False)
class Misspelt(Mechanism):
    """Has a hook that is none."""

    name = "misspelt"
    kind = "functional"

    @hookimpl
    def rates(self, layer: Layer) -> None:
        """Answer to nobody."""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Ceiling, r"plugins: must be a list of classes, such as \[MyMechanism\]"),
        ([3], r"plugins\[0\]: must be a class of a plugin"),
        ([Ceiling, nn.Linear], r"plugins\[1\]: must be a class of a plugin"),
        ([Bare], r"plugins\[0\]: Bare must be an attrs class"),
        ([Misspelt], r"plugins\[0\]: Misspelt: there is no hook 'rates'.*rate"),
    ],
)
def test_what_is_no_plugin_is_refused(given: Any, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        bionic.train("demo", plugins=given)


def test_a_design_file_brings_its_mechanisms_for_set(tmp_path: Path, command: Bionic) -> None:
    """From Python and on the command line: what it names is in the study, and may be set."""
    design = tmp_path / "design.csv"
    design.write_text("ceiling,noise\non,on\noff,on\non,off\noff,off\n")
    given: dict[str, Any] = {"plugins": [Ceiling], "design": design, "seconds": 0}
    plan = bionic.plan(
        "baseline", **given, set={"ceiling.most": 2, "noise.sigma": 0.2}, data="schematic"
    )
    assert plan.runs == 12
    design.write_text("noise,training.lr\non,1e-3\noff,1e-3\non,1e-4\noff,1e-4\n")
    words: tuple[str, ...] = (
        "factorial",
        "baseline",
        "--data",
        "schematic",
        "--design",
        str(design),
    )
    words += ("--plan", "--probe", "0", "--json", "--set")
    assert command(*words, "noise.sigma=0.2").code == 0
    refused = command(*words, "hebbian.hebb=0.1")
    assert refused.code == 2
    assert "--with hebbian does" in refused.err
