"""Text of others, so that it is only shown: on a terminal that takes commands, and in Markdown, which takes HTML."""

from __future__ import annotations

import re

_INVISIBLE = (
    *range(0x20),
    *range(0x7F, 0xA0),
    # Marks and overrides of the direction of writing, which show a text in another order than it has.
    *(0x061C, 0x200E, 0x200F),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    # What some programs take for the end of a line.
    *(0x2028, 0x2029),
)
_WRITTEN_OUT = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _INVISIBLE if code != 0x09}


def shown_line(text: object) -> str:
    """Return a text as one line: every control character but a tab is written out, such as ``\\x1b`` and ``\\x0a``."""
    return str(text).translate(_WRITTEN_OUT)


def shown(text: object) -> str:
    """Return a text of several lines, each as `shown_line`."""
    return "\n".join(map(shown_line, str(text).split("\n")))


_TO_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "\\$", "\\": "\\\\"})
# What makes a link, its definition, a picture, and at the start of a text a block of its own.
_ACTIVE = re.compile(r"\](?=[(:\[])|!(?=\[)|^(?=#|[-+*]\s|```|~~~|---|===)|^\d+(?=[.)]\s)")


def markdown(text: object) -> str:
    """Return a text as one line of Markdown that shows it as it is: no HTML, no link, no picture, no other block."""
    line = " ".join(str(text).split())
    return _ACTIVE.sub(lambda found: f"{found[0]}\\", shown_line(line).translate(_TO_MARKDOWN))


def code_block(text: str, language: str = "") -> str:
    """Return a text as a block of code in Markdown, between fences that are longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{shown(text.rstrip())}\n{fence}"
