"""When, where and with what a run is trained: written down, and deciding nothing."""

from __future__ import annotations

import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from bionic_core import __version__
from bionic_core.model.network import Network
from bionic_core.model.notes import drawn, notes
from bionic_core.runs.commit import commit_of
from bionic_core.runs.images_and_wiring import Inputs
from bionic_core.spec.spec import Spec
from bionic_core.training.precision import taken_in
from bionic_core.training.void import of_classes


def circumstances(device: torch.device, precision: str) -> dict[str, Any]:
    """Return when, where and with what a run is trained; none of it decides its numbers.

    They differ by rounding between devices, and between numbers of threads: ``products`` says what
    those are taken in, where the spec allows ``precision``.
    """
    packages = ("torch", "torchvision", "numpy", "scikit-learn")
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), "bionic": __version__}
        | {n: _version(n) for n in packages},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "products": taken_in(precision, device),
        "threads": torch.get_num_threads(),
        "git": commit_of(Path.cwd()),
    }


def told(
    spec: Spec, network: Network, inputs: Inputs, note: Callable[[str], None]
) -> dict[str, Any]:
    """Return what a manifest says of how a network's wiring was drawn; note what must be known."""
    counts = inputs.splits.train.counts(spec.model.classes).tolist()
    for words in (*of_classes(spec, counts), *notes(network, spec)):
        note(words)
    how = drawn(network)
    return {"wiring": how} if how else {}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
