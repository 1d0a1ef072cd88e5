"""Whether studies that go on until their effects are decided keep their error rates, at what cost.

``uv run python docs/results/scripts/deciding.py [DIR]`` simulates 2,000 studies of each kind by the
library's own looks and verdicts, in some minutes, writes ``deciding.json`` to DIR
(docs/results/data) and prints the tables. All is in SDs of a run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special, stats

import bionic_core as bionic
from bionic_core.statistics.crossed import Certainty
from bionic_core.statistics.linear import Matrix
from bionic_core.statistics.looks import Look
from bionic_core.statistics.until import UNDECIDED, Rule, followed
from bionic_core.statistics.verdicts import LEVEL, against, together
from bionic_core.studies.publication import open_publication

STUDIES = 2000
OF_COST = 200
"""Studies that tell mean runs."""

MOST = 20
MARGIN = 1.0

FACTORIAL, LEAVE_ONE_OUT = "2³ factorial", "12 left out"
EFFECTS = {FACTORIAL: 7, LEAVE_ONE_OUT: 12}
RUNS = {FACTORIAL: 8, LEAVE_ONE_OUT: 13}
"""Of each seed."""


def paper() -> Matrix:
    """Return Table 4's SDs, the whole model's first, in units of the 0.32 points of most rows."""
    found = open_publication("bionic2025", bionic.Registry.installed())
    rows = [found.whole, *(row for row in found.rows if row.without)]
    return np.array([row.accuracy[1] for row in rows]) / 0.32


def contrasts(design: str, kind: str, seeds: int, rng: np.random.Generator) -> Matrix:
    """Return what each effect is in each seed, (T, seeds, S), if none is there."""
    shape = RUNS[design], seeds, STUDIES
    noise = rng.standard_t(3, shape) if kind == "t3" else rng.standard_normal(shape)
    if kind == "one cell ×10":
        noise[0] *= 10
    elif kind == "the paper's Table 4":
        noise *= paper()[:, None, None]
    elif kind == "outlier":
        noise[rng.integers(RUNS[design]), rng.integers(seeds), :] += 8
    if design == LEAVE_ONE_OUT:
        return np.asarray(noise[0] - noise[1:])
    signs = np.array([[1 - 2 * (bin(c & t).count("1") % 2) for c in range(8)] for t in range(1, 8)])
    found = np.tensordot(signs, noise, 1) / 4
    if kind == "seed × effect 1":
        found += rng.standard_normal(found.shape)
    return np.asarray(found)


def truth(name: str, count: int) -> Matrix:
    """Return true effects."""
    half = np.arange(count) < count // 2
    beyond = MARGIN * (1 + 1e-9)
    return {
        "all nil": np.zeros(count),
        "all 2 SD": np.full(count, 2.0),
        "half 2 SD, half nil": np.where(half, 2.0, 0.0),
        "all at the margin, inside": np.full(count, MARGIN),
        "all at the margin, outside": np.full(count, beyond),
        "half at the margin, outside, half nil": np.where(half, beyond, 0.0),
    }[name]


def fixed(noise: Matrix, effects: Matrix, seeds: int) -> Matrix:
    """Return verdicts of studies with a fixed number of seeds, (T, S)."""
    part = noise[:, :seeds] + effects[:, None, None]
    errors = part.std(1, ddof=1) / np.sqrt(seeds)
    sure = Certainty.over_runs(errors, np.full_like(errors, seeds - 1))
    _, within, both = against(part.mean(1), sure, MARGIN)
    return together(both, within, len(part))


def false_findings() -> list[dict[str, Any]]:
    """Return the share of studies with a wrong verdict, or an interval or p that is wrong."""
    kinds = ("iid", "t3", "one cell ×10", "outlier")
    extra = {FACTORIAL: "seed × effect 1", LEAVE_ONE_OUT: "the paper's Table 4"}
    rows = []
    for design, count in EFFECTS.items():
        rule = Rule(3, MOST, MARGIN, "", count, RUNS[design])
        for kind in (*kinds, extra[design]):
            noise = contrasts(design, kind, MOST, np.random.default_rng(31))
            for name in (
                "all nil",
                "all at the margin, inside",
                "all at the margin, outside",
                "half at the margin, outside, half nil",
            ):
                effects = truth(name, count)
                end = followed(rule, noise + effects[:, None, None])
                inside = np.abs(effects)[:, None] <= MARGIN
                wrong = np.where(inside, end.words == 0, end.words == 1).any(0)
                row = {"design": design, "runs": kind, "effects": name}
                row["wrong"] = round(float(wrong.mean()), 4)
                if name == "all nil":
                    row |= at_the_end(rule, noise, end.looks.max(0))
                rows.append(row)
    return rows


def at_the_end(rule: Rule, noise: Matrix, looks: Any) -> dict[str, float]:
    """Return what the last look's p and intervals say of effects that are nil."""
    covered, plain, found, naive = [], [], [], []
    for number, n in enumerate(rule.looks.seeds):
        part = noise[:, :n, looks == number]
        if not part.shape[2]:
            continue
        errors = part.std(1, ddof=1) / np.sqrt(n)
        degrees, means = np.full_like(errors, n - 1), part.mean(1)
        sure = Certainty.over_runs(errors, degrees, Look(rule.looks, number))
        alone = Certainty.over_runs(errors, degrees)
        covered.append(np.abs(means) <= sure.half(0.95))
        plain.append(np.abs(means) <= alone.half(0.95))
        found.append((len(means) * sure.p(means)).min(0) < LEVEL)
        naive.append((len(means) * alone.p(means)).min(0) < LEVEL)
    return {
        "covered": round(float(np.concatenate(covered, 1).mean()), 4),
        "covered_plain": round(float(np.concatenate(plain, 1).mean()), 4),
        "found": round(float(np.concatenate(found).mean()), 4),
        "found_plain": round(float(np.concatenate(naive).mean()), 4),
    }


def peeking() -> list[dict[str, Any]]:
    """Return what looking after each seed finds in nothing without spending: any p below 5 %."""
    rows = []
    for design in EFFECTS:
        noise = contrasts(design, "iid", MOST, np.random.default_rng(32))
        any_, one = np.zeros(STUDIES, bool), np.zeros(STUDIES, bool)
        for n in range(3, MOST + 1):
            part = noise[:, :n]
            t = part.mean(1) / (part.std(1, ddof=1) / np.sqrt(n))
            p = 2 * special.stdtr(n - 1, -np.abs(t))
            any_ |= len(p) * p.min(0) < LEVEL
            one |= p[0] < LEVEL
        rows.append(
            {
                "design": design,
                "one": round(float(one.mean()), 4),
                "any_corrected": round(float(any_.mean()), 4),
            }
        )
    return rows


def costs() -> list[dict[str, Any]]:
    """Return mean runs of studies that end when decided, and of fixed ones as likely to decide.

    The last look is the earliest with which a study decides as many effects as the fixed one does.
    """
    rows = []
    for design, count in {"1 effect": 1, **EFFECTS}.items():
        of = FACTORIAL if count == 1 else design
        noise = contrasts(of, "iid", 90, np.random.default_rng(33))[:count, :, :OF_COST]
        cells = RUNS[of]
        for name in ("all nil", "all 2 SD", "half 2 SD, half nil")[: 2 if count == 1 else 3]:
            effects = truth(name, count)
            needed, share = 3, 0.0
            while share < 0.9:
                needed += 1
                share = float((fixed(noise, effects, needed) != UNDECIDED).mean())
            most = round(1.1 * needed)
            while True:
                rule = Rule(3, most, MARGIN, "", count, cells)
                end = followed(rule, noise[:, :most] + effects[:, None, None])
                decided = float((end.words != UNDECIDED).mean())
                if decided >= share - 0.005:
                    break
                most += max(1, needed // 20)
            own = 3 + end.looks  # seeds until each effect is decided
            last = own.max(0)
            runs = cells * last
            if design == LEAVE_ONE_OUT:  # a variant that is decided is trained no further
                runs = own.sum(0) + last
            rows.append(
                {
                    "design": design,
                    "effects": name,
                    "fixed_seeds": needed,
                    "fixed_runs": needed * cells,
                    "last_look": most,
                    "decided": round(decided, 3),
                    "mean_seeds_of_an_effect": round(float(own.mean()), 1),
                    "mean_runs": round(float(runs.mean()), 1),
                    "of_fixed": round(float(runs.mean()) / needed / cells, 2),
                    "of_last": round(float(runs.mean()) / most / cells, 2),
                }
            )
    return rows


def against_the_most() -> list[dict[str, Any]]:
    """Return mean runs as a share of those of all seeds that are allowed, which nobody knew."""
    rows = []
    for design, count, most in (("1 effect", 1, 20), (FACTORIAL, 7, 20), (LEAVE_ONE_OUT, 12, 50)):
        of = FACTORIAL if count == 1 else design
        noise = contrasts(of, "iid", most, np.random.default_rng(35))[:count, :, :OF_COST]
        rule = Rule(3, most, MARGIN, "", count, RUNS[of])
        for size in (0.0, 2.0, 4.0):
            end = followed(rule, noise + size)
            own = 3 + end.looks
            last = own.max(0)
            runs = own.sum(0) + last if design == LEAVE_ONE_OUT else RUNS[of] * last
            row = {"design": design, "effects": size, "most_seeds": most}
            row["decided"] = round(float((end.words != UNDECIDED).mean()), 3)
            row["mean_seeds"] = round(float(last.mean()), 1)
            rows.append({**row, "of_most": round(float(runs.mean()) / most / RUNS[of], 2)})
    return rows


def leave_one_out_power() -> list[dict[str, Any]]:
    """Return how often leave-one-out finds effects, and so does the paired t test with Bonferroni.

    Three of twelve effects are there, of one size; spreads are those of Table 4 or alike.
    """
    from bionic_core.statistics.comparisons import compare

    rows = []
    for seeds in (3, 5, 10):
        for kind, sds in {"all alike": np.ones(13), "the paper's Table 4": paper()}.items():
            rng = np.random.default_rng(34)
            for size in (1.0, 2.0, 4.0, 8.0):
                hits, paired, studies = 0, 0, 200
                for _ in range(studies):
                    values = rng.standard_normal((13, seeds)) * sds[:, None]
                    values[1:4] -= size
                    found = compare(values).differences
                    ours = np.array([one.p_adjusted for one in found], np.float64)
                    theirs = 12 * stats.ttest_rel(values[:1], values[1:], axis=1).pvalue
                    hits += int((ours[:3] < LEVEL).sum())
                    paired += int((theirs[:3] < LEVEL).sum())
                power = round(hits / 3 / studies, 4), round(paired / 3 / studies, 4)
                row = {"seeds": seeds, "spreads": kind, "effect": size}
                rows.append({**row, "leave_one_out": power[0], "paired_bonferroni": power[1]})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as Markdown."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(str(row.get(c, '')) for c in columns)} |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    """Write the figures, and print the tables."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/results/data")
    found: dict[str, Any] = {"studies": STUDIES, "studies_of_cost": OF_COST}
    for part in (leave_one_out_power, against_the_most, costs, peeking, false_findings):
        rows = found[part.__name__] = part()
        print(f"\n{part.__name__}\n{table(rows)}", flush=True)
    text = json.dumps(found, indent=0, ensure_ascii=False)
    (folder / "deciding.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
