"""Values of examples, ours and others', that nobody has put their own in place of."""

from __future__ import annotations

import re
from collections.abc import Iterator

EXAMPLES = re.compile(
    r"""
    \b(?:ami|sg|fs|subnet|vpc|vol|i)-0123456789abcdef[0-9a-f]*
    | (?<![\w-])(?:my|your)-(?:bucket|project|cluster|image|registry|key)(?![\w-])
    | (?i:(?<!\w)(?:your|my)_[a-z][a-z_]*(?!\w))
    | \b(?:[\w-]+\.)?example\.(?:org|com|net)\b
    # Addresses that are reserved for documentation (RFC 5737).
    | \b(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+(?:/\d+)?
    | <[A-Za-z][\w -]*>
    | (?<!\w)(?:CHANGE_?ME|TODO|XXX+)(?!\w)
    """,
    re.VERBOSE,
)


def problems(text: str, source: str) -> Iterator[str]:
    """Lines that hold an example's value, comments left out."""
    for number, line in enumerate(text.splitlines(), start=1):
        written = "" if line.lstrip().startswith("#") else line.partition(" #")[0]
        for found in dict.fromkeys(EXAMPLES.findall(written)):
            yield f"{source}:{number}: {found} is the value of an example; write your own"
