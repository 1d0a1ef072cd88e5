"""Results as JSON whose numbers are finite, as its grammar has them."""

from __future__ import annotations

import json
import math
from typing import Any

from bionic_core.base.records import to_document


def finite_json(result: Any) -> tuple[str, list[str]]:
    """Return a result as JSON, and where null stands for a number that is not finite."""
    lost: list[str] = []
    text = json.dumps(_finite(to_document(result), "", lost), indent=1, allow_nan=False)
    return text, lost


def _finite(document: Any, path: str, lost: list[str]) -> Any:
    if isinstance(document, dict):
        return {k: _finite(v, f"{path}.{k}".lstrip("."), lost) for k, v in document.items()}
    if isinstance(document, list):
        return [_finite(value, f"{path}[{n}]", lost) for n, value in enumerate(document)]
    if isinstance(document, float) and not math.isfinite(document):
        lost.append(f"{path} ({document})")
        return None
    return document
