"""A spec: a TOML file that lists mechanisms, as checked objects."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from bionic_core.base.strict import plain, structure
from bionic_core.connectome import Connectome
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import ConnectomeSource, DataSource, Mechanism, Plugin
from bionic_core.registry import Registry
from bionic_core.spec.assign import assign
from bionic_core.spec.tables import SECTIONS, ConnectomeChoice, DataChoice, Model, Training
from bionic_core.spec.topology import Topology, arrange

P = TypeVar("P", bound=Plugin)


@attrs.frozen(eq=False)
class ConnectomeFile(ConnectomeSource):
    """A connectome in a file that :meth:`Connectome.save` wrote."""

    name = "file"
    path: str

    def read(self) -> Connectome:
        """Return the connectome in the file."""
        return Connectome.load(Path(self.path))


@attrs.frozen(eq=False)
class Spec:
    """A checked spec: every name is known, every value is allowed, every requirement is met.

    Attributes:
        name: the file's stem, for outputs; not part of the identity.
        topology: the graph of the model's layers.
        connectome, data: the sources, ready to be read.
        mechanisms: by name, sorted.
        where: what errors about the spec begin with: its file, else its name.
    """

    name: str
    model: Model
    topology: Topology
    training: Training
    data_choice: DataChoice
    data: DataSource
    connectome: ConnectomeSource | None
    mechanisms: Mapping[str, Mechanism]
    where: str = attrs.field(
        default=attrs.Factory(lambda self: self.name, takes_self=True), eq=False
    )

    def document(self) -> dict[str, Any]:
        """Return the resolved spec, all defaults written out, as TOML-ready tables."""
        tables: dict[str, Any] = {"model": plain(self.model)}
        if self.connectome is not None:
            tables["connectome"] = _source_table(self.connectome)
        tables["data"] = plain(self.data_choice) | plain(self.data)
        tables["training"] = plain(self.training)
        tables["mechanisms"] = {name: plain(self.mechanisms[name]) for name in self.mechanisms}
        return tables

    def to_toml(self) -> str:
        """Return the resolved spec as TOML, which loads as the same spec."""
        import tomli_w

        return tomli_w.dumps(self.document())

    @property
    def hash(self) -> str:
        """SHA-256 of the resolved spec, 16 hexadecimal digits."""
        return digest(self.document())

    def without(self, names: Iterable[str]) -> Spec:
        """Return the spec less these mechanisms and those that require them.

        Raises:
            RequestError: a name is not in the spec.
        """
        gone = set(names)
        unknown = gone - set(self.mechanisms)
        if unknown:
            raise RequestError(
                [
                    f"mechanism '{name}' is not in the spec.{nearest(name, self.mechanisms)} "
                    f"It has {listing(self.mechanisms)}"
                    for name in sorted(unknown)
                ],
                where=self.where,
            )
        gone |= dependents(gone, self.mechanisms)
        kept = {name: self.mechanisms[name] for name in self.mechanisms if name not in gone}
        return attrs.evolve(self, mechanisms=kept)


def digest(document: object) -> str:
    """Return 16 hexadecimal digits that identify JSON-ready data."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def dependents(names: Iterable[str], mechanisms: Mapping[str, Mechanism]) -> set[str]:
    """Return the mechanisms that require one of the named ones, directly or through others."""
    gone = set(names)
    while True:
        more = {n for n, m in mechanisms.items() if n not in gone and gone & set(m.requires)}
        if not more:
            return gone - set(names)
        gone |= more


def load(
    source: str | os.PathLike[str],
    *,
    set: Sequence[str] = (),
    without: Iterable[str] = (),
    data: str | None = None,
    registry: Registry | None = None,
) -> Spec:
    """Read a spec by path, or one of those that come with bionic by its bare name.

    Args:
        source: for example ``specs/full.toml`` or ``full``.
        set: ``KEY=VALUE`` with a TOML path and a TOML value, for example ``training.lr=1e-3``;
            a mechanism's keys need no ``mechanisms.`` before them.
        without: mechanisms to leave out, with those that require them.
        data: a registered data source, or the path of its files.
        registry: the plugins that can be named; those installed if None.

    Raises:
        RequestError: with everything that is wrong, each problem with its TOML path.
    """
    path = find(source)
    document = read(path)
    for assignment in set:
        assign(document, assignment)
    registry = registry or Registry.installed()
    if data is not None:
        choose_data(document, data, registry)
    return compose(document, name=path.stem, where=str(path), registry=registry).without(without)


def find(source: str | os.PathLike[str]) -> Path:
    """Return the path of a spec given by path or by the bare name of one that is shipped."""
    path = Path(source)
    if path.is_file():
        return path
    shipped = shipped_specs()
    if str(source) in shipped:
        return shipped[str(source)]
    raise RequestError(
        f"no such spec. Give the path of a TOML file, or one of the names {listing(shipped)}."
        f"{nearest(path.stem, shipped)}",
        where=str(source),
    )


def shipped_specs() -> dict[str, Path]:
    """Return the specs that come with bionic, by bare name."""
    here = Path(__file__).parents[1]
    folder = here / "specs" if (here / "specs").is_dir() else here.parent / "specs"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read(path: Path) -> dict[str, Any]:
    """Return a TOML file's tables."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot be read as text: {error}", where=str(path)) from error
    return parse(text, where=str(path))


def parse(text: str, *, where: str) -> dict[str, Any]:
    """Return the tables of TOML text; ``where`` is its file, for errors."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.splitlines() or [""]
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the file"
        words = str(error).replace("at end of document", end)
        raise RequestError(f"no valid TOML: {words}", where=where) from error
    except (RecursionError, ValueError) as error:
        raise RequestError(f"no TOML that can be read: {error}", where=where) from error


def choose_data(document: dict[str, Any], data: str, registry: Registry) -> None:
    """Take the data from a registered source, or from a path; how it is split stays.

    Raises:
        RequestError: it is neither.
    """
    table = document.setdefault("data", {})
    ours = {key.name for key in attrs.fields(DataChoice)} - {"source"}
    kept = {key: value for key, value in table.items() if key in ours}
    choice = data_table(data, registry)
    same = choice == {"source": table.get("source")}
    document["data"] = (table if same else kept) | choice


def data_table(data: str, registry: Registry) -> dict[str, Any]:
    """Return the ``[data]`` table of a registered source, or of the one that claims a path.

    Raises:
        RequestError: it is neither.
    """
    path = Path(data)
    if not path.exists():
        if data not in registry.names:
            near = nearest(data, registry.names)
            raise RequestError(
                f"no such file or folder, and no registered data source.{near}", where=data
            )
        registry.get(data, DataSource)
        return {"source": data}
    found = registry.listing()
    readers = [listed.cls for listed in found if listed.cls is not None and not listed.error]
    sources = [cls for cls in readers if issubclass(cls, DataSource)]
    claims = sorted((-cls.claims(path), cls.name) for cls in sources if cls.claims(path) > 0)
    if not claims:
        failed = {listed.entry.name for listed in found if listed.error}
        broken = f". Plugins that failed, see 'bionic plugins': {listing(failed)}" if failed else ""
        known = listing(source.name for source in sources)
        raise RequestError(
            f"no installed data source reads it; sources are {known}{broken}", where=data
        )
    return {"source": claims[0][1], "path": data}


def open_data(data: str, registry: Registry | None = None) -> DataSource:
    """Return a registered data source by name, or the one that claims a path.

    Raises:
        RequestError: it is neither.
    """
    registry = registry or Registry.installed()
    _, source, problems = _data(data_table(data, registry), registry)
    if source is None:
        raise RequestError(problems, where=data)
    return source


def open_connectome(source: str, registry: Registry | None = None) -> ConnectomeSource:
    """Return a registered connectome source by name, or a file.

    Raises:
        RequestError: it is neither.
    """
    found, problems = _connectome({"source": source}, registry or Registry.installed())
    if found is None:
        raise RequestError([p.removeprefix("connectome.source: ") for p in problems], where=source)
    return found


def compose(document: Mapping[str, Any], *, name: str, where: str = "", registry: Registry) -> Spec:
    """Check a document and return its spec.

    Raises:
        RequestError: with everything that is wrong, each problem with its TOML path.
    """
    document = copy.deepcopy(dict(document))
    problems = [
        f"{key}: there is no such table.{nearest(key, SECTIONS)} Allowed are {listing(SECTIONS)}"
        for key in document
        if key not in SECTIONS
    ]
    model, found = structure(document.get("model", {}), Model, "model")
    problems += found
    topology, found = _topology(document.get("model", {}))
    problems += found
    training, found = structure(document.get("training", {}), Training, "training")
    problems += found
    data_choice, data, found = _data(document.get("data", {}), registry)
    problems += found
    connectome, found = _connectome(document.get("connectome"), registry)
    problems += found
    mechanisms, found = _mechanisms(document.get("mechanisms", {}), registry)
    problems += found
    if model is not None and connectome is None and "connectome" not in document:
        problems += [
            f"model.layers.{layer}: cell types need a [connectome] table, "
            'for example source = "column"'
            for layer, cells in model.layers.items()
            if not isinstance(cells, int)
        ]
    if problems:
        raise RequestError(problems, where=where or name)
    assert model is not None
    assert topology is not None
    assert training is not None
    assert data_choice is not None
    assert data is not None
    return Spec(
        name, model, topology, training, data_choice, data, connectome, mechanisms, where or name
    )


def _topology(table: object) -> tuple[Topology | None, list[str]]:
    """Check the graph of layers even where other keys of ``[model]`` are wrong."""
    keys = (
        {k: table[k] for k in ("layers", "projections") if k in table}
        if isinstance(table, dict)
        else {}
    )
    graph, _ = structure(keys, Model, "model")
    return arrange(graph.layers, graph.projections) if graph is not None else (None, [])


def _data(
    table: object, registry: Registry
) -> tuple[DataChoice | None, DataSource | None, list[str]]:
    if not isinstance(table, dict):
        return None, None, ["data: must be a table"]
    core = {field.name for field in attrs.fields(DataChoice)}
    choice, problems = structure({k: v for k, v in table.items() if k in core}, DataChoice, "data")
    rest = {key: value for key, value in table.items() if key not in core}
    name = choice.source if choice else table.get("source")
    if not isinstance(name, str):
        return choice, None, problems
    source, found = _plugin(name, DataSource, rest, registry, "data", "data.source")
    return choice, source, problems + found


def _connectome(table: object, registry: Registry) -> tuple[ConnectomeSource | None, list[str]]:
    if table is None:
        return None, []
    if not isinstance(table, dict):
        return None, ["connectome: must be a table"]
    core, rest = {k: v for k, v in table.items() if k == "source"}, dict(table)
    rest.pop("source", None)
    choice, problems = structure(core, ConnectomeChoice, "connectome")
    if choice is None:
        return None, problems
    name = choice.source
    if name not in registry.names and (name.endswith(".npz") or Path(name).is_file()):
        problems += [f"connectome.{key}: a file has no such key" for key in rest]
        return ConnectomeFile(name), problems
    return _plugin(name, ConnectomeSource, rest, registry, "connectome", "connectome.source")


def _mechanisms(tables: object, registry: Registry) -> tuple[dict[str, Mechanism], list[str]]:
    if not isinstance(tables, dict):
        return {}, ["mechanisms: must be a table of tables, one for each mechanism"]
    problems: list[str] = []
    mechanisms: dict[str, Mechanism] = {}
    for name in sorted(tables):
        path = f"mechanisms.{name}"
        mechanism, found = _plugin(name, Mechanism, tables[name], registry, path, path)
        problems += found
        if mechanism is not None:
            mechanisms[name] = mechanism
    problems += [
        f"mechanisms.{name}: requires '{needed}', which is not in the spec; "
        f"add [mechanisms.{needed}] or leave '{name}' out"
        for name, mechanism in mechanisms.items()
        for needed in mechanism.requires
        if needed not in tables
    ]
    return mechanisms, problems


def _plugin(
    name: str, role: type[P], table: object, registry: Registry, path: str, name_path: str
) -> tuple[P | None, list[str]]:
    """Return a plugin's instance from its table, or all that is wrong."""
    try:
        cls = registry.get(name, role)
    except RequestError as error:
        return None, [f"{name_path}: {problem}" for problem in error.problems]
    return structure(table, cls, path)


def _source_table(source: ConnectomeSource) -> dict[str, Any]:
    if isinstance(source, ConnectomeFile):
        return {"source": source.path}
    return {"source": source.name, **plain(source)}
