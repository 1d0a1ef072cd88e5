"""Which column is what: given by the user, or recognised by the names that sources use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bionic_core.errors import RequestError, nearest

SYNAPSE_ROLES: dict[str, tuple[str, ...]] = {
    "pre": (
        *("pre_pt_root_id", "pre_root_id", "pre_pt_supervoxel_root_id", "bodyId_pre", "pre_id"),
        *("pre", "presynaptic", "pre_cell", "pre_neuron", "source", "from", "neuron_1", "id_pre"),
        *("presyn_segid", "presyn_id", "pre_synaptic_site_neuron_id", "upstream", "origin"),
        *("sending_neuron", "sender", "start_id", "i"),
    ),
    "post": (
        *("post_pt_root_id", "post_root_id", "post_pt_supervoxel_root_id", "bodyId_post"),
        *("post_id", "post", "postsynaptic", "post_cell", "post_neuron", "target", "to"),
        *("neuron_2", "id_post", "postsyn_segid", "postsyn_id"),
        *("post_synaptic_partner_neuron_id", "downstream", "receiving_neuron", "receiver"),
        *("end_id", "j"),
    ),
    "synapse_id": ("synapse_id", "syn_id", "id"),
    "size": ("size", "cleft_size", "synapse_size", "sum_size", "total_size", "cleft_score_size"),
    "count": (
        *("count", "syn_count", "n_syn", "num_synapses", "synapse_count", "synapses", "weight"),
        *("nbr", "number_of_synapses", "number_of_connections", "connectivity", "nsyn"),
        *("connected", "is_connected"),
    ),
    "kind": ("kind", "synapse_type", "connection_type", "type"),
}
"""Roles in a table of synapses or connections, and names in the order of preference: CAVE's,
FlyWire's, neuPrint's, CATMAID's, H01's, those of edge lists of C. elegans (White, Varshney; Cook;
Witvliet; OpenWorm) and of Drosophila (Shiu)."""

_CELL = r"(pt|cell|neuron|node|body|skeleton|skel|seg|segment|root)*(id|ids|skid|name|label)?"
_MANY = r"(n|nr|no|num|number|count|cnt|total|tot|sum)(of)?(the)?(all)?"
_SYNAPSES = r"(syn|syns|synapse|synapses|connection|connections|contacts|conns|psds|sections|edges)"

PATTERNS: dict[str, str] = {
    "pre": rf"(pre|presyn|presynaptic|source|src|from|upstream|origin|sender){_CELL}|{_CELL}pre",
    "post": rf"(post|postsyn|postsynaptic|target|tgt|to|downstream|dest|destination|receiver)"
    rf"{_CELL}|{_CELL}post",
    "count": rf"{_MANY}{_SYNAPSES}|{_SYNAPSES}(count|counts|number|num|cnt|total|weight)"
    r"|(edge)?weights?|(edge)?counts?|ncount|multiplicity",
}
"""Names by which a role is recognised where none of those above is there, without case and marks.
"""

CELL_ROLES: dict[str, tuple[str, ...]] = {
    "cell_id": (
        *("pt_root_id", "root_id", "bodyId", "body_id", "cell_id", "neuron_id", "id"),
        *("neuron", "cell", "name", "skeleton_id", "skid", "node_id", "node", "segid", "seg_id"),
        "segment_id",
    ),
    "cell_name": ("cell_name", "name", "neuron_name"),
    "cell_type": (
        *("cell_type", "primary_type", "type", "cell_class", "class", "hemibrain_type"),
        *("super_class", "celltype", "neuron_type", "cell_type_manual", "category"),
    ),
    "broad_type": (
        *("broad_type", "classification_system", "ei", "e_i", "sign", "excitatory_inhibitory"),
        *("polarity",),
    ),
    "transmitter": (
        *("nt_type", "top_nt", "predicted_nt", "consensus_nt", "conf_nt", "neurotransmitter"),
        *("neurotransmitters", "transmitter", "nt", "known_nt", "nt_prediction"),
        *("neurotransmitter_verified", "neurotransmitter_predicted", "celltype_predicted_nt"),
    ),
    "layer": ("layer", "cortical_layer"),
    "position": (
        *("pt_position", "soma_position", "soma_location", "position", "nucleus_position"),
        *("somaLocation", "location", "coordinates", "xyz", "pos", "soma"),
    ),
    "x": ("pt_position_x", "soma_x", "position_x", "pos_x", "x"),
    "y": ("pt_position_y", "soma_y", "position_y", "pos_y", "y"),
    "z": ("pt_position_z", "soma_z", "position_z", "pos_z", "z"),
}
"""Roles in a table of cells."""

ROLES = (*SYNAPSE_ROLES, *CELL_ROLES)


def parse_columns(assignments: Sequence[str]) -> dict[str, str]:
    """Return what ``ROLE=NAME`` say; an empty name means that there is no such column.

    Raises:
        RequestError: one is not of that form, its role is not known, or is given twice.
    """
    given: dict[str, str] = {}
    problems = []
    for text in assignments:
        role, equals, name = (part.strip() for part in text.partition("="))
        if not equals:
            problems.append(f"--column {text}: must be ROLE=NAME, for example pre=source_cell")
        elif role not in ROLES:
            problems.append(
                f"--column {text}: there is no role '{role}'.{nearest(role, ROLES)} Roles are "
                f"{', '.join(SYNAPSE_ROLES)} of synapses and {', '.join(CELL_ROLES)} of cells"
            )
        elif role in given:
            problems.append(f"--column {text}: {role} is given twice")
        else:
            given[role] = name
    if problems:
        raise RequestError(problems)
    return given


def assign(
    names: Sequence[str],
    roles: Mapping[str, Sequence[str]],
    given: Mapping[str, str],
    *,
    needed: Sequence[str],
    where: str,
) -> dict[str, str]:
    """Return the column of each role that has one.

    Args:
        names: the table's columns; the third also goes by ``column 3``.
        roles: roles and the names by which they are recognised.
        given: columns by role, as the user says; empty for none.
        needed: roles that must have a column.
        where: the file, for messages.

    Raises:
        RequestError: a given column is not there, a needed role has none, or two columns have
            the name of a role.
    """
    problems = []
    meant: dict[str, str] = {}
    for role, name in given.items():
        column = called(name, names)
        if column is not None:
            meant[role] = column
        elif name:
            problems.append(
                f"--column {role}={name}: there is no such column.{nearest(name, names)} Columns "
                f"are {_listed(names)}"
            )
    found = recognised(names, {r: s for r, s in roles.items() if r not in given}, meant)
    found |= {role: column for role, column in meant.items() if role in roles}
    found = {role: found[role] for role in roles if role in found}
    for role, column in found.items():
        twin = next(
            (name for name in names if name.lower().startswith(f"{column.lower()} (column ")), ""
        )
        if twin and role not in given:
            problems.append(
                f"two columns are called '{column}'. Say which is {role}: --column "
                f"{role}='column {names.index(column) + 1}' or --column {role}='column "
                f"{names.index(twin) + 1}'"
            )
    missing = [role for role in needed if role not in found and not given.get(role)]
    if missing:
        problems.append(
            f"no column is recognised as {' or '.join(missing)}; columns are {_listed(names)}. "
            f"Name it: {' '.join(f'--column {role}=NAME' for role in missing)}"
        )
    if problems:
        raise RequestError(problems, where=where)
    return found


def recognised(
    names: Sequence[str], roles: Mapping[str, Sequence[str]], taken: Mapping[str, str]
) -> dict[str, str]:
    """Return the column of each role whose name is known, but none that is taken already."""
    plain = {_plain(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    for role, spellings in roles.items():
        free = {p: n for p, n in plain.items() if n not in {*found.values(), *taken.values()}}
        known = [free[_plain(spelling)] for spelling in spellings if _plain(spelling) in free]
        pattern = PATTERNS.get(role)
        if not known and pattern:
            known = [name for name in names if re.fullmatch(pattern, _plain(name))]
            known = [name for name in known if name in free.values()]
        if known:
            found[role] = known[0]
    return found


def called(name: str, names: Sequence[str]) -> str | None:
    """Return the column that is meant, by its name or as ``column 3``; None if there is none."""
    if name in names:
        return name
    match = re.fullmatch(r"column (\d+)", name)
    if match and 1 <= int(match[1]) <= len(names):
        return names[int(match[1]) - 1]
    return None


_COUNTED = r"(count|counts|number|num|n|total|sum|nsyn|weight|weights|freq|frequency)"

_OTHERS: dict[str, str] = {
    "a place": r"(xyz|position|positions|pos|location|loc|coord|coords|coordinate|coordinates"
    r"|ctr|centroid|bbox|point)",
    "an id or index": r"(id|ids|index|idx|segid|svid|supervoxel|skid|root|node|connector|treenode"
    r"|body|uuid|key|row|unnamed|bodyid)",
    "a score": r"(score|scores|confidence|conf|prob|probability|likelihood|certainty)",
    "a time or version": r"(version|time|date|created|valid|timestamp|year|age|day)",
    "a length": r"(length|distance|dist|radius|area|volume|width|height|depth)",
    "a part of the tissue or data": r"(layer|section|slice|frame|animal|dataset|hemisphere|side"
    r"|group|cluster|neuropil|roi|region|compartment|sample|worm|stage|lineage)",
}
"""What columns that nothing reads are about, by the words of their names."""


def about(column: str) -> str:
    """Return what an unread column is about, by its name; empty where that does not say."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    tokens = [word for word in re.split(r"[^a-z0-9]+", words.lower()) if word]
    if any(re.fullmatch(_COUNTED, token) for token in tokens):
        return ""
    if tokens and {"x", "y", "z"} & {tokens[0], tokens[-1]}:
        return "a place"
    for what, pattern in _OTHERS.items():
        if any(re.fullmatch(pattern, token) for token in tokens):
            return what
    return ""


_NEO4J = re.compile(
    r":(START_ID|END_ID|ID)(\([^()]*\))?|([^:]+):(int|long|float|double|string|boolean)(\[\])?"
)
"""Headers of Neo4j's tables, neuPrint's among them: ``:START_ID(Body-ID)``, ``weight:int``."""


def _plain(name: str) -> str:
    written = _NEO4J.fullmatch(name)
    if written:
        name = written[1] or written[3]
    return re.sub(r"[\W_]", "", name).lower() or name


def _listed(names: Sequence[str], shown: int = 20) -> str:
    """Return the columns in their order, many of them cut short."""
    more = f" … ({len(names)} in all)" if len(names) > shown else ""
    return ", ".join(name[:40] for name in names[:shown]) + more
