"""MLflow: an experiment for each study, a run for each run, with its mechanisms as tags.

What is written is a database of SQLite, since MLflow only maintains its store of plain files and
recommends this one. MLflow itself sends nothing: its telemetry is turned off.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import attrs

from bionic_core import Journal, Recorded, RequestError, Tracker
from bionic_core.registry.extras import install

if TYPE_CHECKING:
    from bionic_core import Study, Tracked
    from bionic_core.studies.journal import State

MISSING = "--track mlflow needs MLflow and SQLAlchemy, which are not all installed here: "

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Of MLflow, unless the user's environment says otherwise: it reports nothing to its makers, and a
server that is gone is given up within seconds, since training waits for it."""

HASH = "bionic.hash"
"""The tag by which a run is found again."""

REASON = "bionic.reason"
"""The tag of what made a run fail."""

LONGEST = 6000
"""Letters of a parameter or a tag that MLflow takes."""

EVERY = "train.loss"
"""A figure that every epoch has."""


@attrs.frozen(eq=False)
class MLflow(Tracker):
    """OUT/tracking/mlflow.db, a database of SQLite, with files in mlflow-artifacts beside it.

    ``mlflow ui --backend-store-uri sqlite:///OUT/tracking/mlflow.db`` shows it: an experiment for
    each study, a run for each run, the keys of its spec as parameters and its mechanisms as tags,
    ``mechanism.NAME`` on or off.

    Attributes:
        server: address of an MLflow tracking server, http://HOST:PORT, instead of the database.
    """

    name = "mlflow"
    source = "https://github.com/mlflow/mlflow"

    server: str = ""

    def open(self, study: Study) -> Journal:
        """Return the study's experiment."""
        if not all(find_spec(package) for package in ("mlflow", "sqlalchemy", "alembic")):
            raise RequestError(MISSING + install("mlflow"))
        if self.server and not self.server.startswith(("http://", "https://")):
            raise RequestError(
                f"--server {self.server}: must be the address of an MLflow tracking server, such "
                "as http://localhost:5000"
            )
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        from bionic_core.base.locks import Claim

        study.folder.mkdir(parents=True, exist_ok=True)
        with Claim(study.folder / ".mlflow.lock") as claim, _quietly():
            claim.take(600)  # two processes must not make one database at once
            return self._experiment(study)

    def _experiment(self, study: Study) -> Experiment:
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        files = study.folder / "mlflow-artifacts"
        address = self.server or f"sqlite:///{(study.folder / 'mlflow.db').as_posix()}"
        try:
            client = MlflowClient(tracking_uri=address)
            found = client.get_experiment_by_name(study.name)
            if found is None:
                place = None if self.server else files.as_uri()
                number = client.create_experiment(study.name, artifact_location=place)
            else:
                number = found.experiment_id
                if found.lifecycle_stage == "deleted":
                    client.restore_experiment(number)
        except MlflowException as error:
            first = str(error).strip().splitlines()[0]
            raise RequestError(
                f"--track mlflow: {address} cannot be used ({first}). Name another folder with "
                "--track-to, or a server that runs with --server"
            ) from error
        return Experiment(client, number)


class Experiment(Journal):
    """An experiment of MLflow."""

    def __init__(self, client: Any, number: str) -> None:
        self._client, self._number = client, number
        self._runs: dict[str, str] = {}

    def begin(self, run: Tracked) -> Recorded:
        """Make the run, or find it by its hash."""
        with _quietly():
            found = self._client.search_runs([self._number], f"tags.`{HASH}` = '{run.hash}'")
            if found and found[0].info.status == "FINISHED":
                return Recorded(finished=True)
            tags = _tags(run)
            if found:
                key = found[0].info.run_id
                self._client.update_run(key, status="RUNNING")
                if REASON in found[0].data.tags:
                    self._client.delete_tag(key, REASON)
            else:
                key = self._client.create_run(
                    self._number, run_name=run.name, tags=tags
                ).info.run_id
            self._runs[run.hash] = key
            self._describe(key, tags, {"seed": run.seed, **run.parameters})
            steps = [metric.step for metric in self._client.get_metric_history(key, EVERY)]
            return Recorded(max(steps, default=0))

    def epoch(self, run: Tracked, number: int, figures: Mapping[str, float]) -> None:
        """Log an epoch's figures, all or none."""
        with _quietly():
            self._log(self._runs[run.hash], figures, number)

    def end(self, run: Tracked, state: State, figures: Mapping[str, float], reason: str) -> None:
        """Log the figures and the texts of the run's folder, and its end."""
        key = self._runs.pop(run.hash)
        with _quietly():
            if state == "finished":
                self._log(key, figures, int(figures["result.epochs"]))
                for path in [run.folder / "spec.toml", *sorted(run.folder.glob("*.json*"))]:
                    self._client.log_artifact(key, str(path))
            if reason:
                self._client.set_tag(key, REASON, reason[:LONGEST])
            status = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
            self._client.set_terminated(key, status[state])

    def _describe(self, key: str, tags: Mapping[str, str], values: Mapping[str, Any]) -> None:
        """Log tags and parameters, a hundred at a time, which is as many as MLflow takes."""
        from mlflow.entities import Param, RunTag

        params = [Param(_plain(name), _written(value)) for name, value in values.items()]
        for first in range(0, len(params), 100):
            self._client.log_batch(key, params=params[first : first + 100])
        marks = [RunTag(name, value) for name, value in tags.items()]
        for first in range(0, len(marks), 100):
            self._client.log_batch(key, tags=marks[first : first + 100])

    def _log(self, key: str, figures: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_plain(name), value, now, step) for name, value in figures.items()]
        self._client.log_batch(key, metrics=metrics)


def _tags(run: Tracked) -> dict[str, str]:
    tags = {HASH: run.hash, "bionic.folder": str(run.folder), "bionic.cell": run.cell}
    for name, on in run.mechanisms.items():
        tags[f"mechanism.{_plain(name)}"] = "on" if on else "off"
    return tags


def _plain(name: str) -> str:
    """Return a name with nothing in it that MLflow refuses, cut where it is long."""
    return re.sub(r"[^\w./ -]", "_", name)[:200]


def _written(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:LONGEST]


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep to itself what MLflow warns of within its own parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
