"""Directed graphs, GraphML and networkx's JSON, as tables of nodes and edges.

A library that builds a graph of a file joins what has one name and makes up nodes that only edges
name; here each is told instead.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bionic_core.base.arrays import check_unpacking, unpacked
from bionic_core.errors import RequestError, listing

Row = Mapping[str, Any]

UNDIRECTED = (
    "is an undirected graph, so that nothing says which cell is pre. If each edge stands "
    "for both directions, write it so: networkx's graph.to_directed()"
)


def graph_columns(path: Path, edges: bool) -> dict[str, list[Any]]:
    """Return the nodes, or the edges, of a directed graph, by column.

    Raises:
        RequestError: it is no directed graph, a node or an edge is there twice, or an edge is
            between nodes that it does not list.
        ValueError: it is damaged.
    """
    packed = path.name.lower().endswith(".gz")
    data = unpacked(path) if packed else path.read_bytes()
    if packed:
        check_unpacking(len(data), path.stat().st_size)
    read = _of_json if path.name.lower().endswith(".json") else _of_graphml
    nodes, links = read(data, path)
    return _columns(links if edges else nodes)


def _of_json(data: bytes, path: Path) -> tuple[list[Row], list[Row]]:
    document = json.loads(
        data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number
    )
    if not isinstance(document, dict) or "nodes" not in document:
        raise RequestError(
            "is no graph: of .json files those of networkx.node_link_data are read. Write "
            "records as a table (pandas: read_json(…).to_csv(…, index=False))",
            where=str(path),
        )
    if "links" in document and "edges" in document:
        raise RequestError(
            "has both 'links' and 'edges', and one is read; leave one out", where=str(path)
        )
    if document.get("directed") is not True:
        raise RequestError(UNDIRECTED, where=str(path))
    nodes: Any = document["nodes"]
    links: Any = document.get("links", document.get("edges", []))
    for name, rows, keys in (("nodes", nodes, ("id",)), ("edges", links, ("source", "target"))):
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"its {name} are no list of objects")
        for row in rows:
            for key in keys:
                if type(row.get(key)) not in (int, str):
                    raise ValueError(f"one of its {name} has the {key} {row.get(key)!r:.40}")
    ends = [(row["source"], row["target"]) for row in links]
    _check([row["id"] for row in nodes], ends, path)
    return (
        [{"cell_id": row["id"], **_others(row, ("id", "cell_id"))} for row in nodes],
        [
            {"pre": pre, "post": post} | _others(row, ("source", "target", "key", "pre", "post"))
            for (pre, post), row in zip(ends, links, strict=True)
        ],
    )


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(n for n, _ in pairs).items() if times > 1)
        raise ValueError(f"'{twice[:60]}' is there twice in one object")
    return found


def _no_number(word: str) -> None:
    if word != "NaN":  # which is how some write that there is none
        raise ValueError(f"{word} is no number")


def _of_graphml(data: bytes, path: Path) -> tuple[list[Row], list[Row]]:
    import networkx as nx

    _check_graphml(data, path)
    graph = nx.read_graphml(io.BytesIO(data))
    if not graph.is_directed():
        raise RequestError(UNDIRECTED, where=str(path))
    return (
        [{"cell_id": node} | _others(row, ("cell_id",)) for node, row in graph.nodes(data=True)],
        [
            {"pre": pre, "post": post} | _others(row, ("pre", "post"))
            for pre, post, row in graph.edges(data=True)
        ],
    )


def _check_graphml(data: bytes, path: Path) -> None:
    """Check what networkx passes over: it keeps the first graph, and the last of one name."""
    from xml.etree import ElementTree

    graphs, nodes, ends, names = 0, [], [], []
    for _, item in ElementTree.iterparse(io.BytesIO(data)):
        kind = item.tag.rpartition("}")[2]
        graphs += kind == "graph"
        if kind == "node":
            nodes.append(item.get("id"))
        elif kind == "edge":
            ends.append((item.get("source"), item.get("target")))
            names.append(item.get("id"))
    if graphs != 1:
        raise RequestError(f"holds {graphs:,} graphs; one is read", where=str(path))
    _check_once([name for name in names if name is not None], "edge", path)
    _check(nodes, ends, path)


def _check(nodes: Sequence[Any], ends: Iterable[tuple[Any, Any]], path: Path) -> None:
    _check_once(nodes, "node", path)
    known = set(nodes)
    unknown = list(dict.fromkeys(one for pair in ends for one in pair if one not in known))
    if unknown:
        raise RequestError(
            f"has edges of {len(unknown):,} nodes that it does not list: "
            f"{listing(map(str, unknown[:5]))}. List them, or take their edges out",
            where=str(path),
        )


def _check_once(names: Sequence[Any], what: str, path: Path) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name, times in Counter(names).items() if times > 1)
        raise RequestError(
            f"has the {what} {twice} twice; which of them counts, nothing says", where=str(path)
        )


def _others(data: Mapping[str, Any], taken: Iterable[str]) -> dict[str, Any]:
    return {str(key): value for key, value in data.items() if str(key) not in taken}


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}
