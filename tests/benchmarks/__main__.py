"""Speed, measured: run by hand, never in the suite.

::

    python -m tests.benchmarks                           # everything, about a quarter of an hour
    python -m tests.benchmarks --quick                   # whether it runs; the figures say nothing
    python -m tests.benchmarks --only training,start --json docs/results/data/benchmarks.json
    python -m tests.benchmarks --compare docs/results/data/benchmarks.json
    python -m tests.benchmarks peers                     # beside other libraries; see there
    python -m tests.benchmarks --only target --fast-run RUN --full-run RUN --json FILE

``--json FILE`` keeps what other parts have written there before. ``--compare FILE`` ends with 1
when a figure has become worse by more than 15 %. ``docs/results/speed.md`` says what the parts are.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import equal_work, limit, rates, start, study, target
from tests.benchmarks.guard import compare
from tests.benchmarks.images import image_file
from tests.benchmarks.machine import machine
from tests.benchmarks.peers import __main__ as peers
from tests.benchmarks.table import markdown, shown

PARTS = ("training", "start", "memory", "study", "equal-work", "limit", "target")
BY_HAND = "target"  # needs runs that take hours


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, show it, keep it, compare it; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["peers"]:
        return peers.main(given[1:])
    parser = _parser()
    options = parser.parse_args(given)
    results: dict[str, Any] = {"parts": {}}
    if options.given:
        results = json.loads(options.given.read_text())
    elif options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    if BY_HAND in options.only and not options.given:
        if not (options.fast_run and options.full_run):
            parser.error("--only target: needs --fast-run and --full-run, folders of real runs")
        if "training" not in (*options.only, *results["parts"]):
            parser.error("--only target: needs the part training, here or before in --json FILE")
    for part in () if options.given else options.only:
        begun = time.perf_counter()
        print(f"— {part}", file=sys.stderr, flush=True)
        before = machine()
        found = _measure(part, options, results["parts"])
        results["parts"][part] = {
            "machine": before,
            "quick": options.quick,
            "took": round(time.perf_counter() - begun, 1),
        } | found
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results) if options.markdown else shown(results))
    if not options.compare:
        return 0
    changes = compare(json.loads(options.compare.read_text()), results)
    print("\n".join(change.words for change in changes))
    return int(any(change.dropped for change in changes))


def _measure(part: str, options: argparse.Namespace, parts: Mapping[str, Any]) -> dict[str, Any]:
    quick = options.quick
    data = str(image_file(quick=quick))
    rounds = options.rounds or (1 if quick else 5)
    images = 320 if quick else 3_200
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "training": lambda: rates.measure(data, images=images, rounds=rounds),
        "start": lambda: start.measure(data, rounds=rounds),
        "memory": lambda: start.memory(data),
        "study": lambda: study.measure(quick=quick),
        "equal-work": lambda: equal_work.measure(
            data, images=images, epochs=1 if quick else 3, seeds=2 if quick else 3
        ),
        "limit": lambda: limit.measure(data, quick=quick),
        "target": lambda: _target(options, parts),
    }
    return {"images_from": Path(data).name} | measures[part]()


def _target(options: argparse.Namespace, parts: Mapping[str, Any]) -> dict[str, Any]:
    rate = parts["training"]
    fast, full = (target.curve(folder) for folder in (options.fast_run, options.full_run))
    found = target.measure(
        fast,
        full,
        rate["images_per_second"],
        rate["reference"],
        (target.images_of(options.fast_run), target.images_of(options.full_run)),
        target=options.target,
        over=target.over(options.full_run),
    )
    return {"curves": {"fast": fast, "full": full}} | found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--only", type=_parts, default=[p for p in PARTS if p != BY_HAND], help=", ".join(PARTS)
    )
    parser.add_argument("--quick", action="store_true", help="tiny settings, to see that it runs")
    parser.add_argument("--rounds", type=int, help="readings of each (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where results are kept")
    parser.add_argument("--given", type=Path, metavar="FILE", help="measure nothing; show these")
    parser.add_argument("--markdown", action="store_true", help="only the table, for a page")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="earlier results")
    parser.add_argument("--fast-run", type=Path, metavar="RUN", help="of fast.toml, for target")
    parser.add_argument("--full-run", type=Path, metavar="RUN", help="of full.toml, for target")
    parser.add_argument("--target", type=float, default=target.TARGET, help="accuracy (0.585)")
    return parser


def _parts(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"no part '{name}'; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in names]


if __name__ == "__main__":
    sys.exit(main())
