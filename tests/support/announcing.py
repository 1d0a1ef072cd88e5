"""Plugins of tests, announced as those of installed distributions are."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints, entry_points

import pytest

from bionic_core.plugin import Plugin


def announce(monkeypatch: pytest.MonkeyPatch, *classes: type[Plugin]) -> None:
    """Have these classes announced beside what is installed."""
    added = (
        EntryPoint(name=cls.name, value=f"{cls.__module__}:{cls.__qualname__}", group="bionic")
        for cls in classes
    )
    there = entry_points()
    points = EntryPoints([*(p for g in there.groups for p in there.select(group=g)), *added])
    monkeypatch.setattr("bionic_core.registry.entry_points", lambda: points)
