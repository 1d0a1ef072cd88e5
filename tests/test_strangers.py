"""Strangers' packages that are broken in all ways, as real wheels, installed by real pip."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bionic_core import cli
from bionic_core.errors import BionicError
from bionic_core.registry import announced
from bionic_core.registry.announced import SKIP_VARIABLE
from tests.support.strangers import ALL, BUILT, FAILED, GOOD, MARK, mechanism, pip, twin, wheel


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all of them, and one that takes a built-in's name."""
    wheels = tmp_path_factory.mktemp("wheels")
    made = [
        wheel(wheels, f"bionic-{name}", {name: f"bionic_{name}:Plugin"}, package.source)
        for name, package in ALL.items()
    ]
    thief = mechanism("intra")
    made.append(wheel(wheels, "bionic-thief", {"intra": "bionic_thief:Plugin"}, thief))
    made.append(twin(wheels, "1.0", "young"))
    target = tmp_path_factory.mktemp("strangers")
    for n in range(50):
        mark = f"with open({str(target / MARK)!r}, 'a') as file:\n    file.write('{n} ')\n"
        source = mark + mechanism(f"many{n}")
        made.append(
            wheel(wheels, f"bionic-many{n}", {f"many{n}": f"bionic_many{n}:Plugin"}, source)
        )
    return pip(target, *made)


class Said(NamedTuple):
    code: int
    out: str
    err: str


Bionic = Callable[..., Said]


@pytest.fixture
def bionic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Bionic:
    """Run a command in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(announced, "TELLS_AFTER", 0.3)

    def command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["bionic", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Said(code, *capsys.readouterr())

    return command


@pytest.fixture
def among(strangers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have them installed."""
    monkeypatch.syspath_prepend(strangers)


def listed(said: Said) -> dict[str, list[dict[str, Any]]]:
    assert said.code == 0, said
    found: dict[str, list[dict[str, Any]]] = {}
    for plugin in json.loads(said.out)["plugins"]:
        found.setdefault(plugin["name"], []).append(plugin)
    return found


@pytest.mark.usefixtures("among")
def test_the_listing_says_whose_they_are_and_why_they_failed(bionic: Bionic) -> None:
    plugins = listed(bionic("plugins", "--json"))
    for name, package in ALL.items():
        (plugin,) = plugins[name]
        assert (plugin["distribution"], plugin["version"]) == (f"bionic-{name}", "0.7")
        if name in FAILED:
            for word in (f"plugin '{name}' of bionic-{name} 0.7", *package.reason):
                assert word in plugin["error"]
        else:
            assert plugin["error"] is None
    assert len(plugins["intra"]) == 2
    for plugin in plugins["intra"]:
        assert "bionic_plugins.mechanisms.intra:Intra (bionic-connectome " in plugin["error"]
        assert "bionic_thief:Plugin (bionic-thief 0.7)" in plugin["error"]
    broken = {name for name, group in plugins.items() if group[0]["error"]}
    assert broken == {*FAILED, "intra"}


@pytest.mark.usefixtures("among")
def test_the_listing_for_people_has_distribution_version_and_reason(bionic: Bionic) -> None:
    said = bionic("plugins")
    assert said.code == 0
    assert "bionic-old 0.7" in said.out
    words = " ".join(said.out.split())
    assert "old: plugin 'old' of bionic-old 0.7 cannot be loaded (written for protocol 0" in words
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.parametrize("name", [*FAILED, *BUILT])
@pytest.mark.usefixtures("among")
def test_a_spec_that_names_one_is_refused(bionic: Bionic, name: str) -> None:
    said = bionic("build", "baseline", "--with", name, "--json")
    assert (said.code, said.out) == (2, ""), said
    assert "Traceback" not in said.err
    for word in (f"mechanisms.{name}: ", *ALL[name].reason):
        assert word in said.err


@pytest.mark.usefixtures("among")
def test_what_a_module_does_while_it_is_imported_stays_its_own(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = Path.cwd()
    for module in ("bionic_chatty", "bionic_moving"):  # imported by the tests before
        monkeypatch.delitem(sys.modules, module, raising=False)
    Path("spec.toml").write_text("[model]\nlayers = { H1 = 4 }\nprojections = []\nclasses = 7\n")
    keys = ("--with", "moving,chatty", "--set", "moving.x=1", "--set", "chatty.x=1")
    said = bionic("build", "spec.toml", *keys, "--save", "built", "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["mechanisms"] == ["chatty", "moving"]
    assert "hello from chatty" in said.err
    assert Path.cwd() == where
    assert Path("built").exists()


def test_ctrl_c_while_a_plugin_is_imported_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a module raises it or somebody presses it cannot be told apart."""

    def stopped(_: EntryPoint) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EntryPoint, "load", stopped)
    point = EntryPoint("late", "late:Plugin", "bionic")
    with pytest.raises(BionicError, match="stopped while plugin 'late' was imported") as told:
        announced.Entry("late", "bionic-late", "1", point.value, point).load()
    assert told.value.exit_code == 1


@pytest.mark.usefixtures("among")
def test_a_built_ins_name_taken_is_an_error_that_can_be_got_round(
    bionic: Bionic, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = bionic("build", "full", "--json")
    assert said.code == 2
    assert "mechanisms.intra: the name 'intra' is announced 2 times" in said.err
    assert f"{SKIP_VARIABLE}=-DISTRIBUTION" in said.err
    monkeypatch.setenv(SKIP_VARIABLE, "-bionic-thief")
    said = bionic("build", "full", "--json")
    assert json.loads(said.out)["parameters"]["allocated"] == 1224896


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("data.source=photos", "data.source: 'photos' gives int; expected a Dataset"),
        ("connectome.source=worms", "connectome.source: it gives int; expected a Connectome"),
    ],
)
@pytest.mark.usefixtures("among")
def test_a_source_that_reads_something_else_is_refused(
    bionic: Bionic, key: str, words: str
) -> None:
    Path("spec.toml").write_text("[model]\nlayers = { H1 = 4 }\nprojections = []\nclasses = 7\n")
    said = bionic("train", "spec.toml", "--set", key, "--json")
    assert (said.code, said.out) == (2, ""), said
    assert words in said.err


TINY = """
[model]
layers = { H1 = 4 }
projections = []
[data]
source = "schematic"
train = 70
test = 35
[training]
max_epochs = 1
"""


@pytest.mark.parametrize("name", ["gossip", "idle"])
@pytest.mark.usefixtures("among")
def test_a_tracker_that_is_none_is_refused_before_training(bionic: Bionic, name: str) -> None:
    Path("tiny.toml").write_text(TINY)
    said = bionic("train", "tiny.toml", "--track", name, "--json")
    assert (said.code, said.out) == (2, ""), said
    assert "Traceback" not in said.err
    for words in ALL[name].reason:
        assert words in said.err
    assert not Path("runs").exists()


@pytest.mark.usefixtures("among")
def test_a_tracker_that_fails_while_a_run_is_trained_is_told_once(bionic: Bionic) -> None:
    Path("tiny.toml").write_text(TINY)
    said = bionic("train", "tiny.toml", "--track", "spills", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["epochs"] == 1
    assert said.err.count("tracker 'spills' failed (OSError: [Errno 28] No space left") == 1


@pytest.mark.usefixtures("among")
def test_other_commands_go_on(bionic: Bionic) -> None:
    named = json.loads(bionic("build", "baseline", "--json").out)["mechanisms"]
    said = bionic("build", "baseline", "--with", "good", "--set", "good.x=2", "--json")
    assert json.loads(said.out)["mechanisms"] == sorted([*named, "good"])
    assert bionic("data", "info", "schematic", "--json").code == 0


@pytest.mark.usefixtures("among")
def test_the_user_leaves_them_out_by_name(bionic: Bionic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SKIP_VARIABLE, ",".join(f"-{name}" for name in (*FAILED, "intra")))
    plugins = listed(bionic("plugins", "--json"))
    assert not {*FAILED, "intra"} & set(plugins)
    assert {*BUILT, *GOOD} <= set(plugins)
    assert not [group for group in plugins.values() if group[0]["error"]]


@pytest.mark.usefixtures("among")
def test_a_path_that_nobody_reads_names_the_plugins_that_failed(bionic: Bionic) -> None:
    Path("odd.xyz").write_text("?")
    said = bionic("data", "info", "odd.xyz")
    assert said.code == 2
    assert "no installed data source reads it" in said.err
    assert ", ".join(sorted({*FAILED} - {"ahead"})) in said.err


@pytest.mark.usefixtures("among")
def test_an_import_that_takes_long_is_told_of(bionic: Bionic) -> None:
    said = bionic("build", "demo", "--with", "slow")
    assert said.code == 2
    assert "still importing plugin 'slow' of bionic-slow 0.7 after 0.3 s" in said.err
    assert "BIONIC_PLUGINS=-slow leaves it out" in said.err


@pytest.mark.usefixtures("among")
def test_installed_twice_it_is_the_one_that_python_imports(
    bionic: Bionic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(bionic("plugins", "--json"))["twin"][0]["version"] == "1.0"
    monkeypatch.syspath_prepend(pip(tmp_path / "second", twin(tmp_path, "2.0", "grown")))
    sys.modules.pop("bionic_twin")
    (plugin,) = listed(bionic("plugins", "--json"))["twin"]
    assert (plugin["version"], plugin["error"]) == ("2.0", None)
    assert bionic("build", "baseline", "--with=twin", "--set", "twin.grown=2").code == 0
    said = bionic("build", "baseline", "--with=twin", "--set", "twin.young=2")
    assert said.code == 2
    assert "mechanisms.twin.young" in said.err


@pytest.mark.usefixtures("among")
def test_fifty_plugins_cost_nothing_to_those_who_name_none(bionic: Bionic, strangers: Path) -> None:
    for name in [name for name in sys.modules if name.startswith("bionic_many")]:
        del sys.modules[name]
    mark = strangers / MARK
    mark.unlink(missing_ok=True)
    for words in (["--version"], ["--help"], ["build", "baseline"], ["data", "info", "schematic"]):
        assert bionic(*words).code == 0
    assert not mark.exists()
    assert bionic("build", "baseline", "--with=many7", "--set", "many7.x=2").code == 0
    assert mark.read_text() == "7 "
