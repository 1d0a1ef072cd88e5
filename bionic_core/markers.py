"""How plugins and hooks are marked, and what they are announced by."""

from __future__ import annotations

import pluggy

PROJECT = "bionic"
DISTRIBUTION, PROGRAM = "bionic-connectome", "this program"  # PROGRAM has what nothing announces
ENTRY_POINT_GROUP = "bionic"
COMMAND = "command"  # the role whose names are words of the command line

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)

PROTOCOL = 1
"""Version of what this page and the hooks ask of a plugin; raised when a plugin must change."""

EARLIER, NEUTRAL, NUMERICS, SPEC_ONLY = "earlier", "neutral", "numerics", "spec only"
DRAWS, LADDER, UNIT, SOURCE = "draws", "ladder", "unit", "source"
"""Keys of a field's metadata: three of :class:`Plugin`; a key of specs that is no option; two of
:mod:`bionic_core.spec.draws`; and two of :mod:`bionic_core.registry.about`."""
