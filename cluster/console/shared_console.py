"""The terminal that commands print to."""

from __future__ import annotations

from rich.console import Console

# A class may be called Wave, and a module:Class: is no emoji.
console = Console(emoji=False)
