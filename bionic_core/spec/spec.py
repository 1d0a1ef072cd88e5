"""A spec: a TOML file that lists mechanisms, as checked objects."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Container, Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs

from bionic_core.base.strict import plain, structure
from bionic_core.errors import RequestError, listing, nearest
from bionic_core.plugin import ConnectomeSource, DataSource, Mechanism
from bionic_core.registry import Registry
from bionic_core.spec.named import plugin_of
from bionic_core.spec.tables import SECTIONS, DataChoice, Model, Training
from bionic_core.spec.topology import Topology, arrange


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

    @cached_property
    def tables(self) -> Mapping[str, Any]:
        """The resolved spec, all defaults written out, as TOML-ready tables; not to be changed."""
        return resolved(self)

    def document(self) -> dict[str, Any]:
        """Return the resolved spec's tables as a copy, which may be changed."""
        tables: dict[str, Any] = plain(self.tables)
        return tables

    def to_toml(self) -> str:
        """Return the resolved spec as TOML, which loads as the same spec."""
        import tomli_w

        return tomli_w.dumps(self.tables)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the resolved spec, 16 hexadecimal digits."""
        return digest(self.tables)

    def without(self, names: Iterable[str]) -> Spec:
        """Return the spec less these mechanisms and those that require them.

        Raises:
            RequestError: a name is not in the spec.
        """
        gone = set(names)
        if not gone:
            return self
        from bionic_core.spec.requirements import rest

        return attrs.evolve(self, mechanisms=rest(self.mechanisms, gone, where=self.where))


def resolved(spec: Spec) -> dict[str, Any]:
    """Return a spec, all defaults written out, as TOML-ready tables."""
    tables: dict[str, Any] = {"model": plain(spec.model)}
    if spec.connectome is not None:
        tables["connectome"] = _source_table(spec.connectome)
    tables["data"] = plain(spec.data_choice) | plain(spec.data)
    tables["training"] = plain(spec.training)
    tables["mechanisms"] = {name: plain(spec.mechanisms[name]) for name in spec.mechanisms}
    return tables


def digest(document: object) -> str:
    """Return 16 hexadecimal digits that identify JSON-ready data."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compose(document: Mapping[str, Any], *, name: str, where: str = "", registry: Registry) -> Spec:
    """Check a document and return its spec.

    Raises:
        RequestError: with everything that is wrong, each problem with its TOML path.
    """
    document = copy.deepcopy(dict(document))  # objects keep parts of it; the caller may change his
    problems = [
        f"{key}: there is no such table.{nearest(key, SECTIONS)} Allowed are {listing(SECTIONS)}"
        for key in document
        if key not in SECTIONS
    ]
    model, topology, found = checked_model(document.get("model", {}))
    problems += found
    training, found = structure(document.get("training", {}), Training, "training")
    problems += found
    data_choice, data, found = checked_data(document.get("data", {}), registry)
    problems += found
    connectome = None
    if document.get("connectome") is not None:  # a model of plain layers needs none of it
        from bionic_core.spec.connectome import checked_connectome

        connectome, found = checked_connectome(document["connectome"], registry)
        problems += found
    tables = document.get("mechanisms", {})
    mechanisms, found = checked_mechanisms(tables, registry)
    problems += found + unmet(mechanisms, tables)
    if model is not None and "connectome" not in document:
        problems += unwired(model)
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


def checked_model(table: object) -> tuple[Model | None, Topology | None, list[str]]:
    """Return a ``[model]`` table, its graph of layers, and all that is wrong with it.

    The graph is checked even where other keys are wrong.
    """
    model, problems = structure(table, Model, "model")
    graph = model
    if graph is None and isinstance(table, dict):
        keys = {key: table[key] for key in ("layers", "projections", "steps") if key in table}
        graph, _ = structure(keys, Model, "model")
    if graph is None:
        return model, None, problems
    if graph.steps > 1:
        from bionic_core.spec.timing import arrange_in_time

        topology, found = arrange_in_time(graph)
    else:
        topology, found = arrange(graph.layers, graph.projections)
    return model, topology, problems + found


def unwired(model: Model) -> list[str]:
    """Say which layers of a model without a connectome need one."""
    return [
        f'model.layers.{layer}: cell types need a [connectome] table, for example source = "column"'
        for layer, cells in model.layers.items()
        if not isinstance(cells, int)
    ]


def checked_data(
    table: object, registry: Registry
) -> tuple[DataChoice | None, DataSource | None, list[str]]:
    """Return the core's keys of a ``[data]`` table, its source, and all that is wrong with it."""
    if not isinstance(table, dict):
        return None, None, ["data: must be a table"]
    core = {field.name for field in attrs.fields(DataChoice)}
    choice, problems = structure({k: v for k, v in table.items() if k in core}, DataChoice, "data")
    rest = {key: value for key, value in table.items() if key not in core}
    name = choice.source if choice else table.get("source")
    if not isinstance(name, str):
        return choice, None, problems
    source, found = plugin_of(name, DataSource, rest, registry, "data", "data.source")
    return choice, source, problems + found


def checked_mechanisms(
    tables: object, registry: Registry
) -> tuple[dict[str, Mechanism], list[str]]:
    """Return the mechanisms of these tables, sorted by name, and all that is wrong with them."""
    if not isinstance(tables, dict):
        return {}, ["mechanisms: must be a table of tables, one for each mechanism"]
    problems: list[str] = []
    mechanisms: dict[str, Mechanism] = {}
    for name in sorted(tables):
        path = f"mechanisms.{name}"
        mechanism, found = plugin_of(name, Mechanism, tables[name], registry, path, path)
        problems += found
        if mechanism is not None:
            mechanisms[name] = mechanism
    return mechanisms, problems


def unmet(mechanisms: Mapping[str, Mechanism], names: Container[str]) -> list[str]:
    """Say which mechanisms require one that is not among these names."""
    return [
        f"mechanisms.{name}: requires '{needed}', which is not in the spec; "
        f"add [mechanisms.{needed}] or leave '{name}' out"
        for name, mechanism in mechanisms.items()
        for needed in mechanism.requires
        if needed not in names
    ]


def _source_table(source: ConnectomeSource) -> dict[str, Any]:
    from bionic_core.spec.connectome import ConnectomeFile

    if isinstance(source, ConnectomeFile):
        return {"source": source.path}
    return {"source": source.name, **plain(source)}
