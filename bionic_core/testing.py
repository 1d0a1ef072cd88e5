"""The laws of plugins, for the test suites of those who write them.

>>> import pytest
>>> from bionic_core.testing import MECHANISM_LAWS, check_mechanism
>>> @pytest.mark.parametrize("law", MECHANISM_LAWS)
... def test_the_law(law: str) -> None:
...     check_mechanism(Divisive, law)

``bionic check NAME`` judges an installed plugin by the same laws.
"""

from __future__ import annotations

from bionic_core.cli.laws import COMMAND_LAWS, check_command
from bionic_core.conformance.cost import cost
from bionic_core.conformance.judge import (
    CONNECTOME_LAWS,
    DATA_LAWS,
    ENGINE_LAWS,
    MECHANISM_LAWS,
    TRACKER_LAWS,
    LawBrokenError,
    check_connectome_source,
    check_data_source,
    check_engine,
    check_mechanism,
    check_tracker,
    judge,
    laws_of,
)
from bionic_core.conformance.laws import Verdict

__all__ = [
    "COMMAND_LAWS",
    "CONNECTOME_LAWS",
    "DATA_LAWS",
    "ENGINE_LAWS",
    "MECHANISM_LAWS",
    "TRACKER_LAWS",
    "LawBrokenError",
    "Verdict",
    "check_command",
    "check_connectome_source",
    "check_data_source",
    "check_engine",
    "check_mechanism",
    "check_tracker",
    "cost",
    "judge",
    "laws_of",
]
