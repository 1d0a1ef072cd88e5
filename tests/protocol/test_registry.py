"""Discovery: one broken package is one failed line, and an error only for those who name it."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import attrs
import pytest

from bionic_core import DataSource, Mechanism, Registry, RequestError
from bionic_core.announced import SKIP_VARIABLE, Entry


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
    assert listed.line.error == listed.error


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
    assert not [item.error for item in listed if item.error and item.entry.distribution == "bionic"]
