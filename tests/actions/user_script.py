"""A user's script, as a user writes it: no guard, checked by ``mypy --strict``, run by a test."""

import sys
from pathlib import Path

import numpy as np

import bionic_core as bionic

spec = bionic.load(sys.argv[1])
study = bionic.factorial(spec, mechanisms=["noise"], seeds=2, jobs=2, device="cpu", out="runs")
accuracy: list[float] = [run.test.accuracy for run in study.runs]
best: bionic.Run = study.runs[int(np.argmax(accuracy))]
figures = bionic.evaluate(best, split="validation", against=[study.runs[0]]).figures
page: Path = study.report("page.html")
opened = bionic.open("runs")
assert isinstance(opened, bionic.FactorialStudy)
try:
    bionic.train(spec, seed=-1)
except bionic.RequestError as error:
    problems: tuple[str, ...] = error.problems
    print(problems[0])
print(len(accuracy), figures.images, page.stat().st_size > 10_000, list(opened.effects.index))
