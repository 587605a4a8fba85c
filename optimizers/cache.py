"""Where a machine keeps what can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$ADAMANT_CACHE`, or `adamant` under the user's cache folder."""
    given = os.environ.get("ADAMANT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "adamant"
