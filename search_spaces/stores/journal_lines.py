"""A line of a study journal: an operation of Optuna's as JSON, with a digest of it as the last key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from optimizers.files import sha256_of

_KEY = "digest"
_DIGITS = 16
# Bytes. The search for a flipped bit takes time with the square of them; the lines that are written are shorter.
MOST_SEARCHED = 8192
_SEALED = re.compile(rb'(.*),"%b":"([0-9a-f]{%d})"}' % (_KEY.encode(), _DIGITS))


def sealed_line(log: Mapping[str, Any]) -> str:
    """Return an operation as a line, without its end."""
    text = _text(log)
    return f'{text[:-1]},"{_KEY}":"{_digest(text)}"}}'


def unsealed_line(log: dict[str, Any]) -> dict[str, Any]:
    """Return the operation of a line that was read. Raises ValueError where it is not the one that was written."""
    digest = log.pop(_KEY, None)
    if digest is not None and digest != _digest(_text(log)):
        raise ValueError("its contents do not match its digest")
    return log


def corrected(line: bytes) -> list[bytes] | None:
    """Return the line, or two that were joined, as it was written, where no bit or one bit of it has flipped.

    Returns None where more has changed. A line without a digest is as it was written if it is JSON.
    """
    if _is_whole(line):
        return [line]
    if len(line) > MOST_SEARCHED:
        return None
    flipped = bytearray(line)
    for position in range(8 * len(line)):
        flipped[position // 8] ^= 1 << position % 8
        parts = bytes(flipped).split(b"\n")
        if all(_SEALED.fullmatch(part) and _is_whole(part) for part in parts):
            return parts
        flipped[position // 8] ^= 1 << position % 8
    return None


def _is_whole(line: bytes) -> bool:
    """Whether the line is as it was written, by its digest; without one, whether it is an operation."""
    match = _SEALED.fullmatch(line)
    if match is not None:
        return sha256_of(match[1] + b"}")[:_DIGITS].encode() == match[2]
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return False


def _text(log: Mapping[str, Any]) -> str:
    return json.dumps(log, separators=(",", ":"))


def _digest(text: str) -> str:
    return sha256_of(text.encode())[:_DIGITS]
