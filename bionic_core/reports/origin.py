"""The end of every report: how to repeat it, and how to cite what it stands on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bionic_core
from bionic_core.base.printed import printable
from bionic_core.errors import DamagedError, RequestError
from bionic_core.registry import Registry
from bionic_core.reports.reading import said
from bionic_core.reports.sections import Block, Code, Facts, Points, Section
from bionic_core.runs.files import SPEC
from bionic_core.runs.folder import Run
from bionic_core.spec.find import parse


def origin(command: str, run: Run | None, note: str = "") -> list[Section]:
    """Return how to repeat what was typed, with a run's spec and circumstances, and to cite."""
    text = [note] if note else []
    blocks: list[Block] = [Code(command)]
    if run is None:
        text += said("no-run")
    else:
        blocks.append(Facts(_circumstances(run.manifest)))
        try:
            blocks.append(Code(run.text(SPEC), "".join(said("spec-title")), folded=True))
        except DamagedError as error:
            text.append(f"The spec is not shown: {printable(str(error))}")
    return [Section("How to repeat this", text, blocks), _cite(run)]


def _circumstances(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions, machine = manifest.get("versions", {}), manifest.get("machine", {})
    device, threads = manifest.get("device", ""), manifest.get("threads")
    facts = {
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        "machine": ", ".join(map(str, machine.values())),
        "device": f"{device}, {threads} threads" if threads else device,
        "products": manifest.get("products"),
        "commit": manifest.get("git"),
        "data": manifest.get("data"),
        "data fingerprint": str(manifest["identity"]["data"]["fingerprint"])[:16],
        "connectome": manifest.get("connectome"),
        "begun": manifest.get("started"),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


def _cite(run: Run | None) -> Section:
    """Name the software, the papers that are installed, and what each used plugin comes from."""
    from bionic_core.studies.publication import publications

    registry = Registry.installed()
    lines = [f"bionic {bionic_core.__version__}, software, MIT licence."]
    lines += [f"{paper.authors}. {paper.title}. {paper.code}" for paper in publications(registry)]
    names = _used(run) if run is not None else []
    listed = {plugin.entry.name: plugin.cls for plugin in registry.listing() if plugin.cls}
    sources = {name: getattr(listed.get(name), "source", "") for name in names}
    used = [f"{name}: {source}" for name, source in sources.items() if source]
    parts = [Points(used, "Where its parts come from")] if used else []
    return Section("How to cite", (), [Points(lines), *parts])


def _used(run: Run) -> list[str]:
    try:
        document = parse(run.text(SPEC), where=str(run.folder / SPEC))
    except RequestError:
        return []
    tables = [document.get(key, {}) for key in ("data", "connectome")]
    names = [str(table["source"]) for table in tables if table.get("source")]
    return [*names, *document.get("mechanisms", {})]


def retrain(folder: Path, seed: int) -> str:
    """Return the command that trains a run's spec with its seed."""
    return shlex.join(["bionic", "train", str(folder / SPEC), "--seed", str(seed)])
