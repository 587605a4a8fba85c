"""MLflow's parameters, which are text, as the values that they were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def typed(params: Mapping[str, str]) -> dict[str, Any]:
    """MLflow keeps parameters as text; a report shows numbers as numbers."""
    return {name: _plain(text) for name, text in sorted(params.items())}


def _plain(text: str) -> Any:
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text
