"""Observers made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bionic_core.runs.observer import Observer


def told(**calls: Callable[..., Any]) -> Observer:
    """An observer that calls these, by the names of its methods."""
    observer = Observer()
    for name, call in calls.items():
        assert hasattr(Observer, name), name
        setattr(observer, name, call)
    return observer
