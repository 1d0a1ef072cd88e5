"""What a connectome holds, as JSON-ready data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bionic_core.connectome import EXCITATORY, INHIBITORY, Connectome


def summarise(connectome: Connectome) -> dict[str, Any]:
    """Return cells, degrees and synapses by type, density, reciprocity and provenance.

    Degrees count connections, not synapses; ``density`` is the share of ordered pairs of
    different cells that are connected; ``reciprocity`` the share of connections whose reverse
    exists.
    """
    cells, pre, post = connectome.cells, connectome.pre, connectome.post
    out = np.bincount(pre, minlength=cells)
    into = np.bincount(post, minlength=cells)
    forth = pre.astype(np.int64) * cells + post
    back = post.astype(np.int64) * cells + pre
    inhibitory = connectome.broad_type == INHIBITORY
    types = list(dict.fromkeys(connectome.cell_type.tolist()))
    return {
        "label": connectome.label,
        "fingerprint": connectome.fingerprint,
        "cells": cells,
        "connections": len(pre),
        "synapses": int(connectome.count.sum()),
        "density": len(pre) / max(1, cells * (cells - 1)),
        "reciprocity": float(np.isin(back, forth).mean()) if len(pre) else 0.0,
        "broad_types": {
            name: int((connectome.broad_type == name).sum()) for name in (EXCITATORY, INHIBITORY)
        },
        "types": {
            name: {
                "broad_type": str(connectome.broad_type[rows[0]]),
                "cells": len(rows),
                "out_degree": _spread(out[rows]),
                "in_degree": _spread(into[rows]),
            }
            for name in types
            for rows in [connectome.of_type(name)]
        },
        "synapses_per_connection": {
            f"{one}->{other}": _mean(
                connectome.count[(inhibitory[pre] == from_i) & (inhibitory[post] == to_i)]
            )
            for one, from_i in ((EXCITATORY, False), (INHIBITORY, True))
            for other, to_i in ((EXCITATORY, False), (INHIBITORY, True))
        },
        "provenance": dict(connectome.provenance),
    }


def _spread(values: npt.NDArray[np.int64]) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std())}


def _mean(values: npt.NDArray[np.int32]) -> float | None:
    return float(values.mean()) if len(values) else None
