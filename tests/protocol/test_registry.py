"""Discovery: one broken package is one failed line, and an error only for those who name it."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import attrs
import pytest

from bionic_core import DataSource, Mechanism, Registry, RequestError
from bionic_core.markers import DISTRIBUTION
from bionic_core.registry.announced import SKIP_VARIABLE, Entry
from bionic_core.registry.catalogue import line_of


def entry(name: str, target: str, distribution: str = "stranger") -> Entry:
    point = EntryPoint(name=name, value=target, group="bionic")
    return Entry(name, distribution, "0.3", target, point)


class Bare(Mechanism):
    """Not an attrs class."""

    name = "bare"
    kind = "functional"


@attrs.frozen(eq=False)
class Misnamed(Mechanism):
    """Announced under another name."""

    name = "other"
    kind = "functional"


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [
        ("gone", "no_such_package:Thing", "it needs the package 'no_such_package', which is not"),
        ("less", "bionic_core:Nothing", "has no attribute 'Nothing'"),
        ("plain", "builtins:int", "is no subclass of bionic_core's"),
        ("bare", f"{__name__}:Bare", "is no attrs class"),
        ("misnamed", f"{__name__}:Misnamed", "the class says name = 'other'"),
    ],
)
def test_a_broken_plugin_says_whose_it_is_and_how_to_skip_it(
    name: str, target: str, words: str
) -> None:
    registry = Registry([entry(name, target)])
    with pytest.raises(RequestError) as caught:
        registry.get(name, Mechanism)
    text = str(caught.value)
    assert words in text
    assert "stranger 0.3" in text
    assert f"{SKIP_VARIABLE}=-{name}" in text
    (listed,) = registry.listing()
    assert words in listed.error
    assert line_of(listed).error == listed.error


def test_broken_plugins_leave_the_others_alone() -> None:
    registry = Registry(
        [
            entry("gone", "no_such_package:Thing"),
            entry("noise", "bionic_plugins.mechanisms.noise:Noise"),
        ]
    )
    assert registry.get("noise", Mechanism).name == "noise"
    assert [bool(listed.error) for listed in registry.listing()] == [True, False]


def test_a_name_announced_twice_names_both() -> None:
    registry = Registry(
        [
            entry("noise", "bionic_plugins.mechanisms.noise:Noise", "one"),
            entry("noise", "bionic_plugins.mechanisms.masks:Masks", "two"),
        ]
    )
    with pytest.raises(
        RequestError, match=r"noise:Noise \(one 0.3\) and .*masks:Masks \(two 0.3\)"
    ):
        registry.get("noise", Mechanism)
    assert all("announced 2 times" in listed.error for listed in registry.listing())


def test_a_plugin_of_another_role_is_refused() -> None:
    with pytest.raises(RequestError, match="'noise' is a mechanism, not a data source"):
        Registry.installed().get("noise", DataSource)


def test_a_missing_name_gets_the_nearest() -> None:
    with pytest.raises(RequestError, match=r"no mechanism 'maks'. Did you mean 'masks'"):
        Registry.installed().get("maks", Mechanism)


def test_the_user_can_leave_plugins_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SKIP_VARIABLE, "-noise, -masks")
    names = Registry.installed().names
    assert not {"noise", "masks"} & set(names)
    assert "intra" in names


def test_everything_built_in_loads() -> None:
    listed = Registry.installed().listing()
    assert not [
        item.error for item in listed if item.error and item.entry.distribution == DISTRIBUTION
    ]


def announce(folder: Path, groups: str, *, name: str = "stranger") -> None:
    """Put a package with one data source on the path, announced as ``groups`` says."""
    (folder / f"{name}.py").write_text(
        "import attrs\n"
        "from bionic_core import DataSource\n\n\n"
        "@attrs.frozen(eq=False)\n"
        "class Drawn(DataSource):\n"
        f'    name = "{name}"\n\n'
        "    def read(self, image):\n"
        "        raise NotImplementedError\n"
    )
    (folder / f"{name}-1.0.dist-info").mkdir()
    (folder / f"{name}-1.0.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    lines = "".join(f"[{group}]\n{name} = {name}:Drawn\n" for group in groups.split())
    (folder / f"{name}-1.0.dist-info" / "entry_points.txt").write_text(lines)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("plain_one", "bionic"),
        ("named_one", "bionic.data-source"),
        ("both_ways", "bionic bionic.data-source"),
    ],
)
def test_a_plugin_is_found_in_either_group_and_once_in_both(
    name: str, groups: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(tmp_path, groups, name=name)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry.installed()
    assert registry.get(name, DataSource).name == name
    listed = [item for item in registry.listing() if item.entry.name == name]
    assert [(item.role, item.error) for item in listed] == [("data source", "")]
    assert name in [source.name for source in registry.working(DataSource)]
    assert name not in [mechanism.name for mechanism in registry.working(Mechanism)]


def test_a_known_role_spares_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    announce(tmp_path, "bionic bionic.data-source", name="spared")
    announce(tmp_path, "bionic", name="silent")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert Registry.installed().working(Mechanism)
    assert "spared" not in sys.modules
    assert "silent" in sys.modules  # only its import tells what it is


def test_a_group_of_another_role_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(tmp_path, "bionic bionic.tracker", name="misplaced")
    monkeypatch.syspath_prepend(str(tmp_path))
    words = (
        "announced in the group 'bionic.tracker', but it is a data source: its group is "
        "'bionic.data-source'"
    )
    with pytest.raises(RequestError, match=words) as caught:
        Registry.installed().get("misplaced", DataSource)
    assert "'misplaced' of misplaced 1.0" in str(caught.value)


def test_ours_say_their_roles() -> None:
    ours = [
        item for item in Registry.installed().listing() if item.entry.distribution == DISTRIBUTION
    ]
    assert len(ours) > 20
    assert not [item.entry.name for item in ours if not item.entry.roles]
