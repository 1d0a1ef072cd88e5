"""The page about Python: every block is run, as it stands."""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib as mpl
import pytest

import bionic_core as bionic
from tests.support.pages import DOCS, FENCE, blocks, module_of


def test_every_block_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    page = module_of("how-to/python.md", tmp_path)
    assert page.run.hash in {run.hash for run in page.study.runs}
    assert page.inhibited.sizes == {"neuron": 349}
    assert isinstance(page.study, bionic.FactorialStudy)
    assert list(page.ablation.effects.index) == ["masks"]
    assert page.graph.number_of_edges() == 2
    assert bionic.Connectome.load(tmp_path / "three.npz").label == "three cells"
    assert "mechanisms: 'masks,noise' is one text" in capsys.readouterr().out
    assert (tmp_path / "page.html").stat().st_size > 10_000
    assert page.again.hash == page.capped.hash
    assert page.again.spec.mechanisms["ceiling"].most == 2.0
    assert len(list((tmp_path / "runs").glob("*/result.json"))) == 5


def test_the_readmes_five_lines_are_the_pages() -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (lines,) = (code for kind, code in FENCE.findall(text) if "bionic.factorial" in code)
    assert len(list(filter(None, lines.splitlines()))) == 5
    page = "".join(code for _, code in blocks("how-to/python.md"))
    for node in ast.walk(ast.parse(lines)):
        if isinstance(node, ast.Attribute):
            assert f".{node.attr}" in page, f"README's .{node.attr} is on no page that is run"
