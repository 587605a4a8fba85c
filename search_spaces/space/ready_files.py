"""The named spaces and ready sweeps that ship with Adamant, by name."""

from __future__ import annotations

from pathlib import Path

_ROOM = Path(__file__).resolve().parent.parent
SPACES = _ROOM / "spaces"
DEFAULT_SPACES = SPACES / "defaults"
SWEEPS = _ROOM / "sweeps"


def names(folder: Path) -> list[str]:
    """Names of the YAML files in ``folder``, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))
