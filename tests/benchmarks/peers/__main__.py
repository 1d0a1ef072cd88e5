"""Plays all contests, or those of the parts named, in this process; see the package.

::

    python -m tests.benchmarks peers                     # ten minutes on a quiet machine
    python -m tests.benchmarks peers --only recurrent,masked --json docs/results/data/peers.json
    python -m tests.benchmarks peers --quick             # no installation, tiny work
    python -m tests.benchmarks peers --given docs/results/data/peers.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = ("recurrent", "wiring", "tables", "masked", "effects")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
HERE = "--here"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the environment and go on in it, or play; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    if options.given:
        print(markdown(json.loads(options.given.read_text())))
        return 0
    if not options.here and not options.quick:
        return _there(given)
    results: dict[str, Any] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    for part in options.only:
        print(f"— {part}", file=sys.stderr, flush=True)
        results[part] = played(part, quick=options.quick, rounds=options.rounds)
        if options.json:
            options.json.write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results))
    return 0


def played(part: str, *, quick: bool, rounds: int) -> dict[str, Any]:
    """Play a part's contests with one thread; return its rows, and what is missing."""
    import attrs
    import torch

    from tests.benchmarks.machine import machine
    from tests.benchmarks.peers.duel import Contest, Row, play

    torch.set_num_threads(1)
    contests: Callable[..., Iterable[Contest]]
    contests = import_module(f"tests.benchmarks.peers.{part}").contests
    before, rows, missing = machine(), list[Row](), list[str]()
    for contest in contests(quick=quick):
        found, left = play(contest, 1 if quick else rounds)
        rows += found
        missing += left
    told = {"machine": before, "quick": quick, "missing": missing}
    return told | {"rows": [attrs.asdict(row) for row in rows]}


def markdown(results: Mapping[str, Any]) -> str:
    """Return the table of all parts."""
    lines = [
        "| work | library | CPU: ours | theirs | clock: ours | theirs | theirs ÷ ours | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for part in results.values():
        for row in part["rows"]:
            differs = f" ({row['differs']})" if row["differs"] else ""
            times = " | ".join(
                _seconds(row[name]) for name in ("ours", "theirs", "ours_wall", "theirs_wall")
            )
            lines.append(
                f"| {row['part']}: {row['work']} | {row['peer']} {row['version']}{differs} "
                f"| {times} | {row['ratio']:.2f} | {row['verdict']} |"
            )
    lines += ["", *(f"- {said}" for part in results.values() for said in part["missing"])]
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"


def _there(arguments: Sequence[str]) -> int:
    from tests.benchmarks.peers.environment import python_of_peers
    from tests.benchmarks.processes import ROOT, plain_environment

    environment = plain_environment() | dict.fromkeys(THREADS, "1") | {"PYTHONPATH": str(ROOT)}
    command = [python_of_peers(), "-W", "ignore", "-m", "tests.benchmarks.peers", HERE, *arguments]
    return subprocess.run(command, check=False, cwd=os.getcwd(), env=environment).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="tiny work, in this environment")
    parser.add_argument("--rounds", type=int, default=5, help="readings of each (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where results are kept")
    parser.add_argument("--given", type=Path, metavar="FILE", help="measure nothing; show these")
    parser.add_argument(HERE, action="store_true", help=argparse.SUPPRESS)
    return parser


def _parts(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"no part '{name}'; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in names]


if __name__ == "__main__":
    sys.exit(main())
