"""Effects of a 2⁵ factorial over three seeds, with intervals and p, beside statsmodels alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.peers.duel import Contest, Peer, Work, library

MORE = (
    "it also finds which effects the runs can tell apart, how each differs between seeds and with "
    "what power, Holm's correction, and what is to be said of the runs"
)
NAMES = ("a", "b", "c", "d", "e")


def contests(*, quick: bool) -> Iterator[Contest]:
    """Give both errors that statsmodels has too."""
    seeds = 3
    cells = list(itertools.product((False, True), repeat=2 if quick else 5))
    rng = np.random.default_rng(0)
    base = {cell: rng.normal(0.6, 0.02) for cell in cells}
    shift = rng.normal(0, 0.01, seeds)
    runs = [
        (cell, seed, base[cell] + shift[seed] + rng.normal(0, 0.01))
        for seed in range(seeds)
        for cell in cells
    ]
    words = f"2^{len(cells[0])} cells × {seeds} seeds"
    yield _contest(f"{words}, one pooled error", runs, "pooled")
    yield _contest(f"{words}, errors by seed", runs, "seeds")


def _contest(words: str, runs: list[Any], error: str) -> Contest:
    names = NAMES[: len(runs[0][0])]

    def ours() -> Work:
        from bionic_core.statistics.designs import Factor
        from bionic_core.statistics.effects import estimate_effects

        factors = [Factor(name) for name in names]
        rows = [(dict(zip(names, cell, strict=True)), seed, y) for cell, seed, y in runs]

        def work() -> Any:
            found = estimate_effects(factors, rows, error=error)
            return np.array([(e.estimate, e.low, e.high, e.p) for e in found.effects], float)

        return work

    def check(mine: Any, theirs: Any, name: str) -> None:
        np.testing.assert_allclose(theirs, mine, rtol=1e-8, atol=1e-12, err_msg=name)

    arrays = "statsmodels, arrays"
    peers = [
        Peer(arrays, "statsmodels", lambda: _statsmodels(runs, error), MORE),
        Peer("statsmodels, formula", "statsmodels", lambda: _formula(runs, names, error)),
    ]
    return Contest("factorial effects", words, ours, peers, check)


def _columns(runs: list[Any]) -> tuple[Any, Any, Any]:
    """Return the design of blocks and products of −1 and 1, the seeds, and the responses."""
    signs = np.array([np.where(cell, 1.0, -1.0) for cell, *_ in runs])
    seeds = np.array([seed for _, seed, _ in runs])
    width = signs.shape[1]
    terms = [
        signs[:, list(places)].prod(1)
        for order in range(1, width + 1)
        for places in itertools.combinations(range(width), order)
    ]
    blocks = [np.ones(len(runs)), *((seeds == s).astype(float) for s in np.unique(seeds)[1:])]
    return np.stack([*blocks, *terms], axis=1), seeds, np.array([y for *_, y in runs])


def _statsmodels(runs: list[Any], error: str) -> Work:
    api = library("statsmodels.api")

    def work() -> Any:
        design, seeds, y = _columns(runs)
        return _table(api.OLS(y, design), seeds, error)

    return work


def _formula(runs: list[Any], names: tuple[str, ...], error: str) -> Work:
    api, pandas = library("statsmodels.formula.api"), library("pandas")

    def work() -> Any:
        table = pandas.DataFrame(
            [dict(zip(names, np.where(c, 1.0, -1.0), strict=True), s=s, y=y) for c, s, y in runs]
        )
        model = api.ols(f"y ~ C(s) + {' * '.join(names)}", table)
        found = _table(model, table["s"], error)
        terms = [name for name in model.exog_names if "C(s)" not in name and name != "Intercept"]
        ranks = [(name.count(":"), [names.index(n) for n in name.split(":")]) for name in terms]
        return found[sorted(range(len(ranks)), key=ranks.__getitem__)]

    return work


def _table(model: Any, seeds: Any, error: str) -> Any:
    """Return effects with intervals and p; those by seed on seeds − 1 degrees of freedom.

    Its clusters' errors without its own correction, times √(G / (G − 1)), are CR2 in a balanced
    design.
    """
    from scipy import stats

    terms = slice(len(np.unique(seeds)), None)
    if error == "pooled":
        fit = model.fit()
        low, high = np.asarray(fit.conf_int()).T
        values = (2 * fit.params, 2 * low, 2 * high, fit.pvalues)
        return np.stack([np.asarray(v)[terms] for v in values], axis=1)
    options = {"groups": np.asarray(seeds), "use_correction": False}
    fit = model.fit(cov_type="cluster", cov_kwds=options)
    count = len(np.unique(seeds))
    estimates = 2 * np.asarray(fit.params)[terms]
    errors = 2 * np.asarray(fit.bse)[terms] * np.sqrt(count / (count - 1))
    half = stats.t.ppf(0.975, count - 1) * errors
    p = 2 * stats.t.sf(np.abs(estimates / errors), count - 1)
    return np.stack([estimates, estimates - half, estimates + half, p], axis=1)
