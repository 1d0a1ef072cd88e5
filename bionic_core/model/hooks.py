"""Which hooks each mechanism of a spec has."""

from __future__ import annotations

from bionic_core import hookspecs
from bionic_core.model.asking import Asking
from bionic_core.spec.spec import Spec


def hooks_of(spec: Spec) -> dict[str, set[str]]:
    """Return the hooks that each mechanism of a spec implements, wherever it then answers."""
    found: dict[str, set[str]] = {name: set() for name in spec.mechanisms}
    asking = Asking(spec, 0)
    for hook in hookspecs.COMBINATION:
        for name in asking.implementers(hook):
            found[name].add(hook)
    return found
