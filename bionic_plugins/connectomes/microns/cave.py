"""CAVE through caveclient: tables of cells and synapses, verified to be complete.

A server may cut an answer at its row limit and say so in a header only, which caveclient merely
logs; so each answer is compared with the count that the server gives for the same query.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from bionic_core.errors import BionicError, RequestError, listing
from bionic_plugins.connectomes.microns import cave_errors
from bionic_plugins.connectomes.microns.cave_errors import DegradedError, Judge
from bionic_plugins.connectomes.microns.cells import Cells, Ids, Synapses
from bionic_plugins.connectomes.microns.retry import persist

TIMEOUT = 600.0
"""Seconds without a byte after which a query counts as lost; caveclient itself waits for ever."""

T = TypeVar("T")


@attrs.frozen
class Address:
    """What to ask, whom, and how patiently.

    Attributes:
        server: the address of the global server; empty for caveclient's own default.
        token_file: a JSON file with the key ``token``; empty for caveclient's own places.
        attempts, wait: how often to ask, and the first of the doubling waits in seconds.
    """

    datastack: str
    version: int
    server: str
    token_file: str
    attempts: int
    wait: float


class Cave:
    """One materialization of a datastack.

    Attributes:
        timestamp: when the materialization was frozen, ISO 8601.
        synapse_table: the name of the datastack's table of synapses.
    """

    def __init__(self, address: Address, say: Callable[[str], None]) -> None:
        """Connect.

        Raises:
            RequestError: no token or a refused one, unaccepted terms, no such datastack,
                an unknown or expired materialization.
            BionicError: the server fails, also when asked again.
        """
        self.address = address
        self._say = say
        self._judge, self._client = self._connect()
        self._materialize = self._client.materialize
        self._headers: dict[str, str] = {}
        self._materialize.session.hooks["response"].append(self._remember)
        _limit_time(self._materialize.session)
        self.timestamp: str = self._client.timestamp.isoformat()
        self.synapse_table: str = self._materialize.synapse_table

    def _connect(self) -> tuple[Judge, Any]:
        from caveclient import CAVEclient
        from caveclient.auth import AuthClient
        from caveclient.endpoints import default_global_server_address

        address = self.address
        server = (address.server or default_global_server_address).rstrip("/")
        file = Path(address.token_file).expanduser() if address.token_file else None
        if file is not None and not file.is_file():
            raise RequestError(f"--token-file {file}: no such file. {cave_errors.remedy(server)}")
        place = str(file or "~/.cloudvolume/secrets/cave-secret.json")
        auth = None
        with suppress(ValueError, AttributeError, OSError):  # no JSON, no table, unreadable
            auth = AuthClient(token_file=file and str(file), server_address=server)
        if auth is None:  # not raised above: the exception there holds the text of the file
            raise RequestError(
                f"{place}: the file with the token cannot be read, or is no JSON of the form "
                '{"token": "…"}'
            )
        if not isinstance(auth.token, str) or not auth.token.strip():
            raise cave_errors.missing(address.datastack, server, place)
        judge = Judge(address.datastack, address.version, server, auth.token)

        def connect() -> Any:
            client = CAVEclient(
                address.datastack,
                server_address=server,
                auth_token=auth.token,
                max_retries=0,  # asking again is done here, for 429 too
                write_server_cache=False,
            )
            if int(client.materialize.api_version) < 3:
                # Where the question for the versions fails, caveclient takes 2, which has no views.
                raise DegradedError("the server did not say which versions of its API it speaks")
            self._check_version(client.materialize, address)
            client.version = address.version
            return client

        return judge, self._ask(connect, f"connecting to {server}", judge)

    @staticmethod
    def _check_version(materialize: Any, address: Address) -> None:
        served = tuple(int(version) for version in materialize.get_versions())
        if address.version in served:
            return
        ever = materialize.get_versions(expired=True)
        reason = cave_errors.expired if address.version in ever else cave_errors.unknown
        raise reason(address.datastack, address.version, served)

    def _ask(self, action: Callable[[], T], what: str, judge: Judge | None = None) -> T:
        with _quiet():
            return persist(
                action,
                judge=judge or self._judge,
                attempts=self.address.attempts,
                wait=self.address.wait,
                say=self._say,
                what=what,
            )

    def _remember(self, response: Any, *_: Any, **__: Any) -> None:
        self._headers = dict(response.headers)

    def cells(self, view: str, cell_type_source: str) -> Cells:
        """Return the cells of a view, of one source of types or (where empty) of all.

        Raises:
            RequestError: there is no such view, or it is no table of cells.
            BionicError: the server fails, or cuts the table.
        """
        query: dict[str, Any] = {"split_positions": True, "metadata": False}
        if cell_type_source:
            query["filter_equal_dict"] = {"cell_type_source": cell_type_source}

        def rows() -> tuple[Any, float]:
            frame = self._materialize.query_view(view, desired_resolution=[1, 1, 1], **query)
            return frame, self._nanometres()

        frame, unit = self._ask(rows, f"the view {view}")
        expected = _number(
            self._ask(
                lambda: self._materialize.query_view(view, get_counts=True, **query),
                f"the number of rows of {view}",
            )
        )
        if len(frame) != expected:
            raise BionicError(
                f"{self.address.datastack}: the view {view} came with {len(frame):,} of its "
                f"{expected:,} rows: the server cuts its answers. Ask for fewer cells with "
                "--cell-type-source"
            )
        position = [f"pt_position_{axis}" for axis in "xyz"]
        needed = ["pt_root_id", "broad_type", "cell_type", *position]
        if lacking := set(needed) - set(frame.columns):
            raise RequestError(
                f"--view {view}: no table of cells: it lacks {listing(lacking)}; its columns are "
                f"{listing(map(str, frame.columns))}"
            )
        place = np.stack([frame[name].to_numpy(np.float64, na_value=np.nan) for name in position])
        return Cells(
            root_id=_integers(frame, "pt_root_id", missing=0),
            broad_type=_texts(frame, "broad_type"),
            cell_type=_texts(frame, "cell_type"),
            region=_texts(frame, "visual_area"),
            position=place.T * unit,
        )

    def _nanometres(self) -> float:
        """Return nm per unit of the last answer's positions; the server says what it converted to.

        Raises:
            BionicError: it did not convert, so that the unit is unknown.
        """
        said = re.findall(r"[\d.]+", self._headers.get("dataframe_resolution", ""))
        if [float(number) for number in said] != [1, 1, 1]:
            raise BionicError(
                f"{self.address.datastack}: the server did not give positions in nm as asked "
                f"(dataframe_resolution: {', '.join(said) or 'not given'}), so that their unit is "
                "unknown. A server of CAVE from 2023 on converts them"
            )
        return 1.0

    def count(self, pre: Ids, post: Ids) -> int:
        """Return the number of synapses from the cells ``pre`` to the cells ``post``."""
        return _number(
            self._ask(
                lambda: self._materialize.query_table(
                    self.synapse_table,
                    filter_in_dict={
                        "pre_pt_root_id": pre.tolist(),
                        "post_pt_root_id": post.tolist(),
                    },
                    get_counts=True,
                    split_positions=True,
                    metadata=False,
                    merge_reference=False,
                ),
                "the number of synapses",
            )
        )

    def synapses(self, pre: Ids, post: Ids) -> Synapses:
        """Return the synapses from ``pre`` to ``post`` (root ids), as many as the server sends."""
        frame = self._ask(
            lambda: self._materialize.synapse_query(
                pre_ids=pre.tolist(),
                post_ids=post.tolist(),
                remove_autapses=False,  # what the client drops could not be counted
                split_positions=True,
                metadata=False,
            ),
            "synapses",
        )
        columns = ("id", "pre_pt_root_id", "post_pt_root_id", "size")
        if lacking := set(columns) - set(frame.columns):
            raise BionicError(
                f"{self.address.datastack}: the table {self.synapse_table} lacks "
                f"{listing(lacking)}; its columns are {listing(map(str, frame.columns))}"
            )
        return Synapses(*(_integers(frame, name) for name in columns))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep caveclient's log off the screen: its one message, a cut answer, is acted upon here."""
    log = logging.getLogger("caveclient")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _limit_time(session: Any) -> None:
    """Give a session's requests a time limit; requests has no setting for it but an adapter."""
    from requests import PreparedRequest, Response
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):
        def send(
            self,
            request: PreparedRequest,
            stream: bool = False,
            timeout: Any = None,
            verify: Any = True,
            cert: Any = None,
            proxies: Any = None,
        ) -> Response:
            return super().send(request, stream, timeout or TIMEOUT, verify, cert, proxies)

    for scheme in ("http://", "https://"):
        session.mount(scheme, Limited(max_retries=0))


def _number(frame: Any) -> int:
    """Return the count in an answer to ``get_counts``: a table of one row and one column."""
    if frame.shape != (1, 1):
        raise BionicError(
            f"the server answered a question for a count with a table of {frame.shape[0]} rows and "
            f"{frame.shape[1]} columns; without counts an answer cannot be verified"
        )
    return int(frame.iloc[0, 0])


def _integers(frame: Any, name: str, missing: int | None = None) -> npt.NDArray[np.int64]:
    """Return a column of whole numbers, which must not have passed through floats.

    Args:
        missing: stands for a missing value; None if there must be none.
    """
    from pandas.api.types import is_integer_dtype

    column = frame[name]
    if missing is not None and is_integer_dtype(column.dtype):
        column = column.fillna(missing)
    if len(column) and (not is_integer_dtype(column.dtype) or column.isna().any()):
        raise BionicError(
            f"{name} came as {column.dtype}, or with values missing; a float cannot hold the 18 "
            "digits of a root id, so that nothing is taken from it. A narrower "
            "--cell-type-source may leave the incomplete rows out"
        )
    return np.array(column.to_numpy(np.int64))


def _texts(frame: Any, name: str) -> npt.NDArray[np.str_]:
    """Return a column of text, empty where there is none."""
    if name not in frame.columns:
        return np.full(len(frame), "", np.str_)
    return np.array(frame[name].fillna("").astype(str).tolist(), np.str_)
