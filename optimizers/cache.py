"""Where a machine keeps what can be made again."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from optimizers.private import check_place, make_private


def cache_folder(*parts: str) -> Path:
    """Return `$ADAMANT_CACHE`, or `adamant` under the user's cache folder, or a folder below it, made if need be.

    Kernels are loaded from there as code, so each of these folders is this user's alone. A folder that cannot be made
    is left to whoever writes there. Raises InputError for one that another user can have written to, or can replace.
    """
    given = os.environ.get("ADAMANT_CACHE")
    folder = Path(given or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adamant")
    for part in ("", *parts):
        folder = folder / part
        with suppress(OSError):
            make_private(folder)
            check_place(folder.resolve().parent)
    return folder
