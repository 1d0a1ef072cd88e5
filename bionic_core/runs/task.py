"""A run of a study, as it is handed out and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from bionic_core.spec.spec import Spec


@attrs.frozen(eq=False)
class Task:
    """A run to be trained.

    Attributes:
        number: its place in the study, from 0.
        title: what sets its spec apart from the study's others, for those who watch.
    """

    number: int
    spec: Spec
    seed: int
    title: str = ""
