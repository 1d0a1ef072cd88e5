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

from bionic_core.errors import BionicError, RequestError, listing
from bionic_plugins.connectomes.microns import answers, cave_errors
from bionic_plugins.connectomes.microns.cave_errors import DegradedError, Judge
from bionic_plugins.connectomes.microns.cells import Cells, Ids, Synapses
from bionic_plugins.connectomes.microns.limits import limited_requests
from bionic_plugins.connectomes.microns.retry import persist

T = TypeVar("T")


@attrs.frozen
class Address:
    """What to ask, whom, and how patiently.

    Attributes:
        server: the address of the global server; empty for caveclient's own default.
        token_file: a JSON file with the key ``token``; empty for caveclient's own places.
        attempts, wait: how often to ask, and the first of the doubling waits in seconds.
        timeout: seconds that a question may take in all, and 1 s more for each 20,000 bytes.
    """

    datastack: str
    version: int
    server: str
    token_file: str
    attempts: int
    wait: float
    timeout: float


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
        self._judge, (client, self.timestamp) = self._connect()
        self._materialize = client.materialize
        self._headers: dict[str, str] = {}
        self._materialize.session.hooks["response"].append(self._remember)
        self.synapse_table: str = self._materialize.synapse_table

    def _connect(self) -> tuple[Judge, tuple[Any, str]]:
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

        def connect() -> tuple[Any, str]:
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
            metadata = client.materialize.get_version_metadata(address.version)
            answers.check_metadata(metadata, address.datastack, address.version)
            answers.check_name(client.materialize.synapse_table, "the table of synapses")
            return client, metadata["time_stamp"].isoformat()

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
        def limited() -> T:
            with limited_requests(self.address.timeout):
                return action()

        with _quiet():
            return persist(
                limited,
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
        expected = answers.number(
            self._ask(
                lambda: self._materialize.query_view(view, get_counts=True, **query),
                f"the number of rows of {view}",
            )
        )
        with answers.understood(f"the view {view}"):
            return self._cells(frame, expected, view, cell_type_source, unit)

    def _cells(self, frame: Any, expected: int, view: str, source: str, unit: float) -> Cells:
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
        answers.check_columns(frame, f"the view {view}")
        answers.check_source(frame, source)
        place = np.stack([answers.numbers(frame, name) for name in position])
        cells = Cells(
            root_id=answers.integers(frame, "pt_root_id", missing=0),
            broad_type=answers.texts(frame, "broad_type"),
            cell_type=answers.texts(frame, "cell_type"),
            region=answers.texts(frame, "visual_area"),
            position=place.T * unit,
        )
        answers.check_cells(cells, one_source=bool(source))
        return cells

    def _nanometres(self) -> float:
        """Return nm per unit of the last answer's positions; the server says what it converted to.

        Raises:
            BionicError: it did not convert, so that the unit is unknown.
        """
        said = re.findall(r"[^\s,\[\]()]+", self._headers.get("dataframe_resolution", ""))
        if [bool(re.fullmatch(r"1(\.0*)?", number)) for number in said] != [True] * 3:
            raise BionicError(
                f"{self.address.datastack}: the server did not give positions in nm as asked "
                f"(dataframe_resolution: {', '.join(said) or 'not given'}), so that their unit is "
                "unknown. A server of CAVE from 2023 on converts them"
            )
        return 1.0

    def count(self, pre: Ids, post: Ids) -> int:
        """Return the number of synapses from the cells ``pre`` to the cells ``post``."""
        return answers.number(
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
        with answers.understood(f"the table {self.synapse_table}"):
            answers.check_columns(frame, f"the table {self.synapse_table}")
            synapses = Synapses(*(answers.integers(frame, name) for name in columns))
            answers.check_synapses(synapses)
        return synapses


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
