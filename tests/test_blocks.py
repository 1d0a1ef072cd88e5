"""Every block of code and every command on a page is run by a test, or read as bionic reads it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import bionic_core as bionic
from bionic_core.cli.families import Family
from bionic_core.spec.find import shipped_specs
from tests.statistics.test_analysis import FILTRATION, rows_of
from tests.support import pages
from tests.support.pages import DOCS, FENCE, module_of
from tests.support.rooms import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *pages.PAGES,
]
TUTORIALS = sorted((DOCS / "tutorials").glob("*.py"))

RUN = {
    "README.md": "tests/actions/test_page.py",
    "docs/how-to/python.md": "tests/actions/test_page.py",
    "docs/how-to/package.md": "tests/test_pages.py",
    "docs/how-to/plugins.md": "tests/test_pages.py",
    "docs/reference/hooks.md": "tests/test_pages.py",
    "docs/explanation/designs.md": "tests/test_blocks.py",
    "docs/how-to/trained-models.md": "tests/runs/test_trained.py",
    "docs/how-to/tracking.md": "tests/plugins/trackers/test_trackers.py",
}
"""Pages with Python, and the tests that run it as it stands."""

OTHERS = {"git", "mlflow", "pytest", "ray", "scontrol", "source", "srun", "tensorboard", "uv"}
"""Programs that are not ours, which no test here starts; what they start of ours is read."""

SHELLS = ("console", "sh", "bash")
SHOWN = ("text", "csv")
"""What a program prints or reads; nothing in it is carried out."""


def told(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(block: str) -> Iterator[list[str]]:
    """Yield a shell's commands as words, comments and line ends taken as a shell takes them."""
    for line in re.sub(r"\\\n\s*", " ", block).splitlines():
        words = shlex.split(re.sub(r"\$\(([^)]*)\)", r"'\1'", line), comments=True)
        while "&&" in words:
            yield words[: words.index("&&")]
            words = words[words.index("&&") + 1 :]
        if words:
            yield words


def refusal(words: list[str], *, mention: bool = False) -> str:
    """Return why a command line would not do, or nothing; ``mention`` may leave out arguments."""
    words = [word for word in words if not re.fullmatch(r"\w+=\S*", word) or "." in word]
    while words and words[0] == "uv" and words[1:2] == ["run"]:
        words = words[2:]
        while words and words[0] == "--group":
            words = words[2:]
    if not words:
        return ""
    if words[0] == "bionic":
        return of_ours(words[1:], mention=mention)
    if words[:3] == ["python", "-m", "pip"]:
        words = words[2:]
    if words[:2] == ["python", "-m"]:
        return "" if importlib.util.find_spec(words[2]) else f"there is no module {words[2]}"
    if words[0] == "python":
        return "" if (ROOT / words[1]).is_file() else f"there is no script {words[1]}"
    if "pip" in words[:2]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        named = re.findall(r"\[([\w,]+)\]", " ".join(words))
        asked = {extra for group in named for extra in group.split(",")}
        return "" if asked <= set(extras["optional-dependencies"]) else f"no extra of {asked}"
    if words[0] == "sphinx-build":
        return "" if (ROOT / words[-2] / "conf.py").is_file() else "there is no such site"
    if words[0] not in OTHERS and "=" not in words[0]:
        return f"nobody knows {words[0]}"
    within = [shlex.split(word) for word in words if word.startswith("bionic ")]
    if "bionic" in words:
        within.append(words[words.index("bionic") :])
    return "".join(refusal(one) for one in within)


def of_ours(words: list[str], *, mention: bool) -> str:
    """Return why bionic would not take these words, by its own tree of commands."""
    command: Any = Family()
    while isinstance(command, Family):
        words = [word for word in words if word not in ("--traceback", "--install-completion")]
        if not words or words[0] in ("--version", "--help", "COMMAND", "NAME"):
            return ""
        word, *words = words
        command = command.get_command(None, word)
        if command is None:
            return f"there is no command {word}"
    if mention and not words:
        return ""
    try:
        context = command.make_context(word, list(words))
    except typer.Exit:  # --help
        return ""
    except Exception as error:
        said = str(error) or type(error).__name__
        return "" if mention and "issing" in said else f"{word} {words}: {said}"
    return of_a_spec(context.params)


def of_a_spec(asked: dict[str, Any]) -> str:
    """Return why a shipped spec would not take what is set, left out and put in."""
    name = asked.get("spec")
    if name not in shipped_specs() or "divisive" in str(asked):
        return ""
    lists = {key: str(asked.get(key) or "").split(",") for key in ("with_", "without")}
    given: dict[str, Any] = {k: [name for name in names if name] for k, names in lists.items()}
    try:
        bionic.load(name, set=asked.get("set_") or (), **given)
    except bionic.RequestError as error:
        return str(error)
    return ""


def code(text: str) -> list[str]:
    """Return what is set as code within sentences, as command lines without their brackets."""
    found = re.findall(r"`(bionic [^`]+)`", FENCE.sub("", text))
    plain = [re.sub(r"[\[\]]", "", " ".join(one.split())) for one in found]
    return [re.sub(r"(?<= )N(?= |$)", "1", one.replace("…", "")) for one in plain]


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_blocks_are_run_or_read(page: Path) -> None:
    wrong = []
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in SHELLS:
            wrong += [refusal(words) for words in lines(block)]
        elif language == "python":
            test = RUN.get(told(page), "")
            name = page.name if page.parent == ROOT else page.relative_to(DOCS).as_posix()
            if not test or name not in (ROOT / test).read_text(encoding="utf-8"):
                wrong.append(f"no test runs the Python of {told(page)}")
        elif language == "toml":
            wrong.append(of_toml(tomllib.loads(block), told(page)))
        elif language not in SHOWN:
            wrong.append(f"nobody knows what is to be done with {language}")
    assert [words for words in wrong if words] == []


def test_the_analysis_on_the_page_of_designs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of explanation/designs.md: its Python, on the table that it names."""
    table = ["A,B,C,D,rate"]
    for levels, _, rate in rows_of("ABCD", FILTRATION):
        signs = ["+" if levels[name] else "-" for name in "ABCD"]
        table.append(",".join([*signs, str(rate)]))
    (tmp_path / "filtration.csv").write_text("\n".join(table))
    monkeypatch.chdir(tmp_path)
    page = module_of("explanation/designs.md", tmp_path)
    found = {effect.term: effect.estimate for effect in page.analysis.effects.effects}
    assert found["A"] == pytest.approx(21.625)  # Montgomery's table 6.12
    assert found["A:C"] == pytest.approx(-18.125)


def of_toml(document: dict[str, Any], page: str) -> str:
    """Return why a block is no spec, or part of one; those of plugins are judged with them."""
    if page in RUN or "project" in document:
        return ""
    if unknown := set(document) - {"model", "connectome", "data", "training", "mechanisms"}:
        return f"no spec has {unknown}"
    if "model" in document:
        try:
            bionic.compose(document, name=page, registry=bionic.Registry.installed())
        except bionic.RequestError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("page", PAGES, ids=told)
def test_commands_within_sentences_are_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    announced = re.findall(r'"?([\w.]+)"? = (?:"\w[\w.]*:\w+"|…)', text)
    own = tuple(f"bionic {name.replace('.', ' ')}" for name in announced)
    found = [line for line in code(text) if not line.startswith(own or ("-",))]
    wrong = [refusal(shlex.split(line), mention=True) for line in found]
    assert [words for words in wrong if words] == []


def test_every_fence_is_seen() -> None:
    for page in PAGES:
        fences = re.findall(r"^```(\S*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert "" not in fences[::2], f"{told(page)} has a block that does not say what it is"


@pytest.mark.parametrize("script", TUTORIALS, ids=told)
def test_commands_of_tutorials_are_commands(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    compile(text, script.name, "exec")  # building the site runs it
    found = re.findall(r"^#\s+(bionic .*)$", text, re.MULTILINE)
    assert [words for line in found if (words := refusal(shlex.split(line)))] == []


def test_what_is_wrong_would_be_seen() -> None:
    assert refusal(shlex.split("bionic tarin demo"))
    assert refusal(shlex.split("bionic train demo --sed 3"))
    assert refusal(shlex.split("bionic train demo --set noise.sigm=3"))
    assert refusal(shlex.split("bionic factorial --seeds none"))
    assert refusal(shlex.split("pip install 'bionic-connectome[rays]'"))
    assert refusal(shlex.split("python -m tests.benchmark"))
    assert refusal(["ray", "exec", "cluster.yaml", "bionic factoril demo"])
    assert refusal(shlex.split("srun ray symmetric-run -- bionic factorial --mechansms a"))
    assert refusal(shlex.split("make html"))
    assert code("see `bionic plugins [NAME]`") == ["bionic plugins NAME"]
    assert not refusal(shlex.split("bionic factorial --engine ray --gpus 0.25"))
