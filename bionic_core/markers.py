"""How plugins and hooks are marked, and what they are announced by."""

from __future__ import annotations

import pluggy

PROJECT = "bionic"
DISTRIBUTION = "bionic-connectome"
ENTRY_POINT_GROUP = "bionic"
COMMAND = "command"  # the role whose names are words of the command line

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

PROTOCOL = 1
"""Version of what this page and the hooks ask of a plugin; raised when a plugin must change."""

NEUTRAL, NUMERICS, SPEC_ONLY = "neutral", "numerics", "spec only"
"""Keys of a field's metadata: two of :class:`Plugin`; a key of specs that is no option."""
