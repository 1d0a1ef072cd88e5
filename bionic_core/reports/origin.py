"""The end of every report: how to repeat it, and how to cite what it stands on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bionic_core
from bionic_core.errors import DamagedError, RequestError
from bionic_core.registry import Registry
from bionic_core.reports.html import printable
from bionic_core.reports.sections import Block, Code, Facts, Points, Section
from bionic_core.runs.train import SPEC, Run
from bionic_core.spec.find import parse

Document = Mapping[str, Any]


def origin(command: str, run: Run | None, note: str = "") -> list[Section]:
    """Return the sections "How to repeat this" and "How to cite".

    Args:
        command: what was, or is to be, typed.
        run: one whose spec and circumstances are the study's; None where none is left.
        note: a sentence about the command.
    """
    return [_repeat(command, run, note), _cite(run)]


def _repeat(command: str, run: Run | None, note: str) -> Section:
    text = [note] if note else []
    blocks: list[Block] = [Code(command)]
    if run is None:
        text.append("No run's folder is left, so neither its spec nor its versions are known.")
        return Section("How to repeat this", text, blocks)
    blocks.append(Facts(_circumstances(run.manifest)))
    title = "The spec, every default written out: save it as a .toml file to train the same"
    try:
        blocks.append(Code(run.text(SPEC), title, folded=True))
    except DamagedError as error:
        text.append(f"The spec is not shown: {printable(str(error))}")
    return Section("How to repeat this", text, blocks)


def _circumstances(manifest: Document) -> list[tuple[str, str]]:
    versions = manifest.get("versions", {})
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    machine = manifest.get("machine", {})
    threads = manifest.get("threads")
    pairs = [
        ("versions", named),
        ("machine", ", ".join(str(part) for part in machine.values())),
        ("device", f"{manifest.get('device', '')}" + (f", {threads} threads" if threads else "")),
        ("products", str(manifest.get("products", ""))),
        ("commit", str(manifest.get("git") or "")),
        ("data", str(manifest.get("data", ""))),
        ("data fingerprint", str(manifest["identity"]["data"]["fingerprint"])[:16]),
        ("connectome", str(manifest.get("connectome", ""))),
        ("begun", str(manifest.get("started", ""))),
    ]
    return [(name, value) for name, value in pairs if value]


def _cite(run: Run | None) -> Section:
    """Name the software, the papers that are installed, and what each used plugin comes from."""
    lines = [f"bionic {bionic_core.__version__}, software, MIT licence."]
    registry = Registry.installed()
    from bionic_core.studies.publication import publications

    for published in publications(registry):
        lines.append(f"{published.authors}. {published.title}. {published.code}")
    used: Sequence[tuple[str, str]] = _sources(run, registry) if run is not None else ()
    blocks: list[Block] = [Points(lines)]
    if used:
        text = [f"{name}: {source}" for name, source in used]
        blocks.append(Points(text, "Where its parts come from"))
    return Section("How to cite", (), blocks)


def _sources(run: Run, registry: Registry) -> list[tuple[str, str]]:
    try:
        document = parse(run.text(SPEC), where=str(run.folder / SPEC))
    except RequestError:
        return []
    tables = [document.get(key, {}) for key in ("data", "connectome")]
    names = [str(table["source"]) for table in tables if table.get("source")]
    names += list(document.get("mechanisms", {}))
    listed = {plugin.entry.name: plugin for plugin in registry.listing() if plugin.cls}
    return [
        (name, source)
        for name in names
        if name in listed and (source := getattr(listed[name].cls, "source", ""))
    ]


def retrain(folder: Path, seed: int) -> str:
    """Return the command that trains a run's spec with its seed."""
    return shlex.join(["bionic", "train", str(folder / SPEC), "--seed", str(seed)])
