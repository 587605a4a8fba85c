"""Where the code of this installation is."""

from __future__ import annotations

from pathlib import Path

# The folder that holds the rooms and adamant.py: a checkout, or site-packages.
SOURCE_ROOT = Path(__file__).resolve().parent.parent
