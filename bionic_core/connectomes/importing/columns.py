"""Which column is what: given by the user, or recognised by the names that sources use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bionic_core.errors import RequestError, nearest

SYNAPSE_ROLES: dict[str, tuple[str, ...]] = {
    "pre": (
        *("pre_pt_root_id", "pre_root_id", "pre_pt_supervoxel_root_id", "bodyId_pre", "pre_id"),
        *("pre", "presynaptic", "pre_cell", "pre_neuron", "source", "from", "neuron_1", "id_pre"),
    ),
    "post": (
        *("post_pt_root_id", "post_root_id", "post_pt_supervoxel_root_id", "bodyId_post"),
        *("post_id", "post", "postsynaptic", "post_cell", "post_neuron", "target", "to"),
        *("neuron_2", "id_post"),
    ),
    "synapse_id": ("synapse_id", "syn_id", "id"),
    "size": ("size", "cleft_size", "synapse_size", "sum_size", "total_size", "cleft_score_size"),
    "count": (
        *("count", "syn_count", "n_syn", "num_synapses", "synapse_count", "synapses", "weight"),
        *("nbr", "number_of_synapses"),
    ),
    "kind": ("kind", "type", "synapse_type", "connection_type"),
}
"""Roles in a table of synapses or connections, and names in the order of preference: CAVE's,
FlyWire's, neuPrint's, those of edge lists of C. elegans (White, Varshney; Cook; Witvliet)."""

CELL_ROLES: dict[str, tuple[str, ...]] = {
    "cell_id": (
        *("pt_root_id", "root_id", "bodyId", "body_id", "cell_id", "neuron_id", "id"),
        *("neuron", "cell", "name"),
    ),
    "cell_type": (
        *("cell_type", "primary_type", "type", "cell_class", "class", "hemibrain_type"),
        "super_class",
    ),
    "broad_type": (
        *("broad_type", "classification_system", "ei", "e_i", "sign", "nt_type", "top_nt"),
        *("predicted_nt", "consensus_nt", "neurotransmitter", "transmitter"),
    ),
    "layer": ("layer", "cortical_layer"),
    "position": ("pt_position", "soma_position", "soma_location", "position", "nucleus_position"),
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
        names: the table's columns.
        roles: roles and the names by which they are recognised.
        given: columns by role, as the user says; empty for none.
        needed: roles that must have a column.
        where: the file, for messages.

    Raises:
        RequestError: a given column is not there, or a needed role has none.
    """
    plain = {_plain(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    problems = []
    for role, spellings in roles.items():
        if role in given:
            if given[role] in names:
                found[role] = given[role]
            elif given[role]:
                problems.append(
                    f"--column {role}={given[role]}: there is no such column."
                    f"{nearest(given[role], names)} Columns are {_listed(names)}"
                )
            continue
        taken = {*found.values(), *given.values()}
        for spelling in spellings:
            column = plain.get(_plain(spelling))
            if column is not None and column not in taken:
                found[role] = column
                break
    missing = [role for role in needed if role not in found and not given.get(role)]
    if missing:
        problems.append(
            f"no column is recognised as {' or '.join(missing)}; columns are {_listed(names)}. "
            f"Name it: {' '.join(f'--column {role}=NAME' for role in missing)}"
        )
    if problems:
        raise RequestError(problems, where=where)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", name).lower()


def _listed(names: Sequence[str], shown: int = 20) -> str:
    """Return the columns in their order, many of them cut short."""
    more = f" … ({len(names)} in all)" if len(names) > shown else ""
    return ", ".join(name[:40] for name in names[:shown]) + more
