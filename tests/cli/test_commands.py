"""Commands are plugins: found by name, listed without being imported, loaded when asked for."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bionic_core import Command, Registry
from bionic_core.cli.families import HEADINGS, command_named
from bionic_core.registry.outline import outline
from tests.cli.test_cli import Bionic, bionic, refused
from tests.support.shells import typed

__all__ = ["bionic"]

HEAVY = '''
from pathlib import Path
Path({mark!r}).touch()  # stands for a heavy import
import typer
from typing import Annotated
import attrs
from bionic_core import BionicError, Command


@attrs.frozen(eq=False)
class Histology(Command):
    """Count the slices of a brain.

    Each is counted once.
    """

    name = "histology"
    group = "histology"
    example = "bionic histology 3"

    def run(self, slices: Annotated[int, typer.Argument(min=1)], *, loud: bool = False) -> None:
        if slices > 9:
            raise BionicError("too many slices")
        typer.echo(f"{{slices}} slices" + "!" * loud)


@attrs.frozen(eq=False)
class Prune(Command):
    """Prune wiring."""

    name = "connectome.prune"
    group = "wiring"

    def run(self) -> None:
        typer.echo("pruned")


@attrs.frozen(eq=False)
class Idle(Command):
    """Has nothing to do."""

    name = "idle"
    run = 3


@attrs.frozen(eq=False)
class Train(Command):
    """Takes a name that there is."""

    name = "train"
'''


def install(folder: Path, text: str, **entries: str) -> None:
    """Have a distribution there, as an installer leaves it."""
    (folder / "bionic_stranger.py").write_text(text)
    info = folder / "bionic_stranger-0.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bionic-stranger\nVersion: 0.7\n")
    lines = "".join(f"{name} = bionic_stranger:{cls}\n" for name, cls in entries.items())
    (info / "entry_points.txt").write_text(f"[bionic.command]\n{lines}")


@pytest.fixture
def mark(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a stranger's commands installed; the file that their import leaves."""
    folder = tmp_path_factory.mktemp("installed")
    found = folder / "IMPORTED"
    names = {"histology": "Histology", "connectome.prune": "Prune", "idle": "Idle"}
    install(folder, HEAVY.format(mark=str(found)), **names, noise="Histology")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "bionic_stranger", raising=False)
    return found


def test_a_strangers_command_is_listed_unimported_and_carried_out(
    bionic: Bionic, mark: Path
) -> None:
    shown = bionic("--help").out
    assert "Histology:\n  histology   Count the slices of a brain. (bionic-stranger)" in shown
    assert "  prune      Prune wiring. (bionic-stranger)" in bionic("connectome", "--help").out
    refused(bionic("histologi"), "there is no command 'histologi'. Did you mean 'histology'?")
    assert bionic("train", "--help").code == 0
    assert not mark.exists()
    said = bionic("histology", "3", "--loud")
    assert (said.code, said.out) == (0, "3 slices!\n")
    assert mark.exists()
    assert bionic("connectome", "prune").out == "pruned\n"
    assert bionic("histology", "10").err == "bionic: too many slices\n"
    own = bionic("histology", "--help").out
    assert "Each is counted once." in own
    assert "Example:\n  bionic histology 3\n" in own


def test_what_is_wrong_with_a_strangers_command_is_said_to_who_asks_for_it(
    bionic: Bionic, mark: Path
) -> None:
    refused(bionic("idle"), "command 'idle' of bionic-stranger 0.7 cannot be made")
    refused(bionic("noise"), "the class says name = 'histology'; it must be 'noise'")
    # A command takes no name from a mechanism: nobody can mean the one by the other.
    assert bionic("build", "demo", "--set", "noise.sigma=0.5").code == 0
    listed = {(p["name"], p["role"]): p for p in bionic("plugins", "--json").document["plugins"]}
    assert listed["noise", "mechanism"]["error"] is None
    assert listed["histology", "command"]["distribution"] == "bionic-stranger"
    assert listed["train", "command"]["distribution"] == "bionic-connectome"


def test_a_command_announced_twice_is_refused_by_name(
    bionic: Bionic, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("thief")
    install(folder, HEAVY.format(mark=str(folder / "IMPORTED")), train="Train")
    monkeypatch.syspath_prepend(folder)
    assert "Announced 2 times: bionic-" in bionic("--help").out
    refused(bionic("train", "demo"), "the name 'train' is announced 2 times", "bionic-stranger")
    monkeypatch.setenv("BIONIC_PLUGINS", "-bionic-stranger")
    assert bionic("train", "--help").code == 0


def test_each_built_in_command_is_described_by_its_source_as_by_its_class() -> None:
    announced = Registry.installed().announced("command")
    assert {"train", "connectome.plot"} <= {entry.name for entry in announced}
    for entry in announced:
        cls, said = entry.load(), outline(entry.target)
        assert issubclass(cls, Command)
        assert (said.doc, said.says["group"]) == (cls.__doc__, cls.group) or "\n" in said.doc
        assert cls.group in HEADINGS
        assert cls.example.startswith(f"bionic {entry.name.replace('.', ' ')}") or not cls.run


def test_examples_are_read_by_their_commands() -> None:
    for entry in Registry.installed().announced("command"):
        cls = entry.load()
        assert issubclass(cls, Command)
        if cls.run is not None:
            words = cls.example.split()[1 + len(entry.name.split(".")) :]
            command_named(entry.name).make_context(entry.name, words)


def test_without_a_command_three_steps_are_said_that_work(bionic: Bionic) -> None:
    said = bionic()
    assert said.code == 0
    steps = [line.split("   ")[0].split() for line in said.out.splitlines() if "   " in line]
    assert [words[:2] for words in steps] == [["bionic", w] for w in ("train", "ablate", "new")]
    for words in steps:
        command_named(words[1]).make_context(words[1], words[2:])


def test_a_source_is_followed_to_where_a_class_is_and_else_says_nothing() -> None:
    assert outline("bionic_core.spec:no_such").doc == ""
    assert outline("no_such_module_at_all:Thing").keys == ()
    assert outline("bionic_core.runs:Run").summary.startswith("A run's folder")
    assert outline("bionic_plugins.engines.local:Local").bases == ("Engine",)


@pytest.mark.parametrize(
    ("line", "offered", "not_offered"),
    [
        ("bionic tra", "train", "build"),
        ("bionic connectome ", "surrogate", "train"),
        ("bionic train dem", "demo", "full"),
        ("bionic build full --set noi", "noise.", "training."),
        ("bionic build full --set noise.", "noise.sigma=", "noise.alpha="),
        ("bionic build full --set masks.w", "masks.wiring=", "masks.wiring_="),
        ("bionic train demo --set training.b", "training.batch_size=", "training.lr="),
        ("bionic train demo --set data.t", "data.train=", "data.path="),
        ("bionic train demo --without noise,la", "noise,lateral", "noise,masks"),
        ("bionic factorial --mechanisms ma", "masks", "noise"),
        ("bionic factorial --factor masks.", "masks.threshold=", "noise.sigma="),
        ("bionic factorial demo --engine st", "stacked", "local"),
        ("bionic train demo --track ten", "tensorboard", "mlflow"),
        ("bionic connectome fetch lar", "larva", "microns"),
        ("bionic evaluate la", "latest", "train"),
        ("bionic train demo --engine nobody --ep", "--epochs", "--out"),
        ("bionic build full --set noise.sigma=", "noise.sigma=0.06", "noise.sigma="),
        ("bionic build full --set masks.wiring=re", "masks.wiring=rewired", "masks.wiring=dense"),
        ("bionic build full --set mechanisms.mas", "mechanisms.masks.", "masks."),
        ("bionic build full --set masks.init=", "masks.init=fan-in", "masks.init=real"),
        ("bionic build full --set model.stor", "model.storage=sparse", "model.steps="),
        ("bionic train demo --set data.protocol=", "data.protocol=paper", "data.protocol="),
        ("bionic train demo --set data.drop_leaks=", "data.drop_leaks=true", "data.source="),
        ("bionic train demo --set data.source=", "data.source=fer2013", "data.source=column"),
        ("bionic train demo --set connectome.source=", "connectome.source=larva", "larva"),
        ("bionic train demo --set connectome.dr", "connectome.drawing=2", "connectome.drawing=3"),
        ("bionic train demo --set training.patience=", "training.patience=40", "training.lr="),
        ("bionic build full --set convolution.fi", "convolution.filters=[8,16]", "noise.sigma="),
        ("bionic factorial --factor masks.wiring=real,d", "masks.wiring=real,dense", "real"),
        ("bionic check connectome.i", "connectome.info", "noise"),
    ],
)
def test_the_shell_is_told_what_may_come_next(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch, line: str, offered: str, not_offered: str
) -> None:
    monkeypatch.setenv("_BIONIC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    said = bionic()
    assert (said.code, said.err) == (0, "")
    words = said.out.split()
    assert offered in words
    assert not_offered not in words


SHELLS = {
    "zsh": ("_arguments", '"masks.wiring=rewired"'),
    "fish": ("masks.wiring=real\nmasks.wiring=rewired", "masks.wiring=rewired"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_other_shells_are_told_as_well(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    monkeypatch.setenv("_BIONIC_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "bionic build full --set masks.wiring=re")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    said = bionic()
    assert (said.code, said.err) == (0, "")
    for words in SHELLS[shell]:
        assert words in said.out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("bionic build full --set noise.sigma=", "--set noise.sigma=0.06 "),
        ("bionic build full --set masks.wiring=rew", "--set masks.wiring=rewired "),
        ("bionic build full --set=masks.init=d", "--set=masks.init=dense "),
        ("bionic factorial demo --engine=sta", "--engine=stacked "),
        ("bionic build full --set training.bat", "--set training.batch_size="),
    ],
)
def test_bash_itself_puts_the_value_behind_the_key(
    tmp_path: Path, line: str, completed: str
) -> None:
    """A terminal with bash in it: it takes words apart at =, whatever a program is told."""
    assert typed(line, tmp_path).endswith(completed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("build demo --with hebbian --with signs", "--with is given 2 times; give it once, with"),
        ("build demo --without noise --without=intra", "--without is given 2 times"),
        ("train demo --seed 1 --seed 2", "--seed is given 2 times; give it once"),
        ("connectome surrogate --neurons 20 --neurons 30", "--neurons is given 2 times"),
    ],
)
def test_an_option_with_one_value_is_given_once(bionic: Bionic, words: str, said: str) -> None:
    """The library would drop the first without a word."""
    found = bionic(*words.split())
    assert found.code == 2
    assert said in found.err
    assert not list(Path().iterdir())


def test_options_that_may_be_repeated_are(bionic: Bionic) -> None:
    sets = ("--set", "noise.sigma=0.2", "--set", "training.lr=0.01")
    assert bionic("build", "demo", "--with", "hebbian,signs", *sets).code == 0
