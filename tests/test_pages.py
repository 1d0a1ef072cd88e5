"""Pages that teach: every line of code on them is run, as it stands."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from inspect import isfunction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

import bionic_core as bionic
from bionic_core import Mechanism, cli, hookspecs
from bionic_core.conformance.bed import hooks_of
from bionic_core.conformance.judge import MECHANISM_LAWS, check_mechanism, check_tracker
from bionic_core.data.splits import split
from bionic_core.markers import PROJECT
from bionic_core.runs.observer import Observers
from bionic_core.runs.task import Task
from bionic_core.runs.train import train
from bionic_core.spec.spec import compose
from bionic_core.studies.tracking import tracking
from bionic_core.training.data import TrainingData
from bionic_core.training.epochs import train_epoch
from bionic_core.training.loop import start
from bionic_core.training.recipe import recipe_of
from tests.runs.test_runs import CACHE, Stop, cut_after, small
from tests.support.pages import DOCS, blocks, module_of


def hooks() -> list[str]:
    """The names of all hooks, from the file that specifies them."""
    return [
        name
        for name, member in vars(hookspecs).items()
        if callable(member) and hasattr(member, f"{PROJECT}_spec")
    ]


def of_page(module: ModuleType) -> list[type[Mechanism]]:
    """The mechanisms that a page's code defines."""
    return [
        member
        for member in vars(module).values()
        if isinstance(member, type)
        and issubclass(member, Mechanism)
        and member.__module__ == module.__name__
    ]


@pytest.fixture(scope="module")
def page_of_hooks(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return module_of("reference/hooks.md", tmp_path_factory.mktemp("hooks"))


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_has_an_example_that_keeps_the_laws(
    page_of_hooks: ModuleType, hook: str
) -> None:
    text = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {hook}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/reference/hooks.md has no section '## {hook}'"
    names = re.findall(r"^class (\w+)\(Mechanism\)", section[1], re.MULTILINE)
    shown = [getattr(page_of_hooks, name) for name in names]
    assert hook in {name for cls in shown for name in hooks_of(cls)}, f"no example of {hook}"
    for cls in shown:
        check_mechanism(cls, *MECHANISM_LAWS[:-1])


def test_hooks_are_told_in_the_order_of_the_forward_pass() -> None:
    text = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(hookspecs.COMBINATION) == hooks()


def test_the_example_of_a_tracker_tells_a_study(page_of_hooks: ModuleType, tmp_path: Path) -> None:
    text = (DOCS / "reference/hooks.md").read_text(encoding="utf-8")
    section = text.partition("## Beside the pipeline: a tracker\n")[2]
    for role in (bionic.Journal, bionic.Tracker):
        methods = [name for name, member in vars(role).items() if isfunction(member)]
        for method in [name for name in methods if not name.startswith("_")]:
            assert f"`{method}`" in section, f"docs/reference/hooks.md says nothing of {method}"
    check_tracker(page_of_hooks.Table)
    spec = small()
    task = Task(0, spec, 0)
    for cut in (1, 9):  # interrupted after an epoch, then to its end
        with (
            suppress(Stop),
            tracking([page_of_hooks.Table()], "study", [spec], tmp_path) as told,
        ):
            run = train(
                spec,
                root=tmp_path,
                device="cpu",
                cache=CACHE,
                observer=Observers(told, cut_after(cut)),
            )
            told.finished(task, run)
    rows = [line.split("\t") for line in (tmp_path / "study.tsv").read_text().splitlines()]
    losses = [str(record["train"]["loss"]) for record in run.history]
    on = "augmentation,convolution,noise,weight_decay"
    assert rows == [
        [run.hash, "seed 0", "1", on, losses[0]],
        [run.hash, "seed 0", "interrupted", on, ""],
        [run.hash, "seed 0", "2", on, losses[1]],
        [run.hash, "seed 0", "finished", on, str(run.result.test.accuracy)],
    ]


def test_the_further_plugins_train_together(tmp_path: Path) -> None:
    module = module_of("how-to/plugins.md", tmp_path)  # which judges all three by their laws
    announced, command, text = (table for _, table in blocks("how-to/plugins.md", "toml"))
    for name, target in tomllib.loads(announced)["project"]["entry-points"]["bionic"].items():
        assert getattr(module, target.partition(":")[2]).name == name
    assert tomllib.loads(command)["project"]["entry-points"]["bionic.command"] == {
        module.Wordcount.name: f"my_package:{module.Wordcount.__name__}"
    }
    page = tmp_path / "page.txt"
    page.write_text("a wordy page")
    app = typer.Typer()
    app.command()(module.Wordcount().run)
    assert CliRunner().invoke(app, [str(page), "--least", "4"]).output == "2\n"
    registry = bionic.Registry.installed().including(module.Oja, module.Digits, module.Falloff)
    spec = compose(tomllib.loads(text), name="page", registry=registry)
    network = bionic.build(spec)
    data = spec.data.read(spec.model.image)
    assert len(data.train) + len(data.test) == 1797
    assert len(data.test) == 360
    recipe = recipe_of(spec)
    course = TrainingData.prepare(recipe, split(data, "honest", 0), 0, torch.device("cpu"))
    state = start(network, recipe, len(course.labels))
    before = network.projections[0].values.detach().clone()
    record = train_epoch(state, course)
    assert record["validation"]["accuracy"] > 0.2  # a tenth would be guessing
    changed = network.projections[0].values.detach() != before
    assert changed.any()
    wiring = network.projections[0].wiring
    assert wiring is not None
    assert 0 < len(wiring) < changed.numel()


def test_ojas_rule_against_its_own_sums(tmp_path: Path) -> None:
    oja = module_of("how-to/plugins.md", tmp_path).Oja(eta=0.5)
    rng = np.random.default_rng(0)
    w, pre, post = rng.random((2, 3)), rng.random((4, 3)), rng.random((4, 2))
    expected = [
        [
            0.5 * np.mean([post[b, q] * pre[b, p] - post[b, q] ** 2 * w[q, p] for b in range(4)])
            for p in range(3)
        ]
        for q in range(2)
    ]

    class Dense:
        pre, post = torch.arange(3)[None], torch.arange(2)[:, None]

        def correlate(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
            return other.T @ one / len(one)

    change = oja.plasticity(projection=None)
    found = change(*(torch.as_tensor(a) for a in (w, pre, post)), Dense())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, from which what is imported is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "bionic_divisive"]:
        del sys.modules[name]


def install(package: Path) -> None:
    """What pip install -e does, as far as Python can see it."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    installed = package.parent / "site" / "bionic_divisive-0.1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["bionic"].items()
    lines = "".join(f"{name} = {target}\n" for name, target in points)
    (installed / "entry_points.txt").write_text(f"[bionic]\n{lines}")
    sys.path += [str(installed.parent), str(package / "src")]


def test_the_tutorial(
    workshop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing to a factorial, in this process; with pip and in a shell it runs when slow."""
    said: dict[str, str] = {}
    for language, text in blocks("how-to/package.md"):
        if language == "python":
            first = text.partition("\n")[0]
            (workshop / first.removeprefix("# ")).write_text(text)
            for name in [name for name in sys.modules if name == "bionic_divisive"]:
                del sys.modules[name]
        elif language == "console":
            for line in text.splitlines():
                said[line] = carried_out(line, workshop, monkeypatch, capsys)
    (study,) = (line for line in said if "factorial" in line)
    results = json.loads(next(iter((workshop / "runs").glob("factorial-*.json"))).read_text())
    assert {effect["term"] for effect in results["effects"]} == {
        "divisive",
        "masks",
        "divisive:masks",
    }
    assert "divisive" in said[study]
    assert len(results["cells"]) == 4
    code = next(text for _, text in blocks("how-to/package.md", "python")).splitlines()
    assert len([line for line in code[1:] if line.strip()]) < 30


def carried_out(
    line: str,
    workshop: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Carry out a command of the tutorial."""
    words = shlex.split(line)
    if words[0] == "bionic":
        monkeypatch.setattr(sys, "argv", words)
        code: object = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        assert code == 0, f"{line}: {out}{err}"
        return out
    if words[:5] == ["python", "-m", "pip", "install", "-e"]:
        install(workshop / words[5])
        return ""
    assert words == ["python", "-m", "pytest", "-q", "bionic-divisive"], line
    module: dict[str, object] = {}
    exec((workshop / "bionic-divisive" / "tests" / "test_divisive.py").read_text(), module)
    module["test_equation"]()  # type: ignore[operator]
    module["test_law"]("toml")  # type: ignore[operator]
    return ""
