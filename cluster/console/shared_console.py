"""The terminal that commands print to."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from optimizers.shown_text import shown


class Terminal(Console):
    """Takes no control characters from the texts that it prints; its own colours are put around them."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print as Rich does, texts as :func:`optimizers.shown_text.shown`."""
        super().print(*(shown(one) if isinstance(one, str) else one for one in objects), **settings)


# A class may be called Wave, and a module:Class: is no emoji.
console = Terminal(emoji=False)
