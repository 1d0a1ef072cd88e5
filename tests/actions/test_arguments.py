"""Every option of a study's command has its argument in Python, and every argument its option."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import bionic_core as py
from bionic_core import RequestError
from bionic_core.base.records import to_document
from bionic_core.cli.ablation import ablate_command
from bionic_core.cli.options import taking_fields
from bionic_core.cli.reproduction import reproduce_command
from bionic_core.cli.studies import analyse_command, factorial_command
from tests.cli.test_cli import Bionic, bionic

__all__ = ["bionic"]

ELSEWHERE = {"context": "typer's own", "json": "results are objects, whose to_json there is"}
PLANNED = {"plan": "bionic.plan", "probe": "bionic.plan(seconds=…)"}
DRAWN = {"figures": "a study's .plot"}
READINGS = dict.fromkeys(("readings", "recorded", "plan"), "of the command line alone")
"""Options that are no arguments of the function, and where else what they do is."""

RENAMED = {"set_": "set", "factor": "factors"}
CALLS: tuple[tuple[Callable[..., Any], Callable[..., Any], Mapping[str, str]], ...] = (
    (factorial_command, py.factorial, PLANNED | DRAWN),
    (ablate_command, py.ablate, PLANNED),
    (reproduce_command, py.reproduce, READINGS),
    (analyse_command, py.analyse, DRAWN | {"no_blocks": 'block=""'}),
)


@pytest.mark.parametrize(("command", "call", "elsewhere"), CALLS)
def test_options_are_arguments(
    command: Callable[..., Any], call: Callable[..., Any], elsewhere: Mapping[str, str]
) -> None:
    options = set(inspect.signature(taking_fields(command)).parameters)
    arguments = set(inspect.signature(call).parameters)
    renamed = RENAMED if call is not py.analyse else {}
    wanted = {renamed.get(o, o) for o in options - ELSEWHERE.keys() - elsewhere.keys()}
    assert wanted <= arguments, f"no argument for {wanted - arguments}"
    own = arguments - wanted - {"progress", "confidence", "known", "plugins"}
    assert not own, f"no option for {own}"


def test_a_plan_takes_what_both_studies_take() -> None:
    both = set(inspect.signature(py.factorial).parameters)
    both -= {"engine", "track", "track_to", "progress"}  # of training alone
    assert both <= inspect.signature(py.plan).parameters.keys()


def test_draws_are_crossed_or_nested_as_the_command_has_them(bionic: Bionic) -> None:
    factors = {"masks.wiring": ["real", "rewired*2"]}
    ways: tuple[Any, ...] = ("crossed", "nested")
    for way in ways:
        planned = py.plan("demo", factors=factors, draws=way, seeds=2, seconds=0)
        found = to_document(planned.found)
        said = bionic(
            *("factorial", "--factor", "masks.wiring=real,rewired*2", "--draws", way),
            *("--seeds", 2, "--plan", "--probe", 0, "--json"),
        )
        assert found["design"] == said.document["design"]
        assert found["design"]["draws"]["nested"] is (way == "nested")
    wrongs: tuple[Any, ...] = ("both", 3)
    for wrong in wrongs:
        with pytest.raises(RequestError, match="draws"):
            py.plan("demo", factors=factors, draws=wrong, seconds=0)
