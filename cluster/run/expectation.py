"""Whether a sweep has found what somebody else's run of the same file had found."""

from __future__ import annotations

import re

from cluster.run.ended import EndedSweep
from optimizers import InputError

FEWEST_DIGITS = 8


def check_expected(digest: str | None) -> None:
    """Raise InputError for what is not the start of a digest."""
    if digest is not None and not re.fullmatch(rf"[0-9a-f]{{{FEWEST_DIGITS},64}}", digest):
        raise InputError(f"--expect {digest}: not a digest, which is {FEWEST_DIGITS} to 64 hexadecimal digits")


def unexpected(ended: EndedSweep, digest: str | None) -> str | None:
    """Return, in words, that a sweep has another digest than was expected; None where it has not."""
    if digest is None or ended.digest.startswith(digest):
        return None
    return (
        f"error: {ended.name} has the digest {ended.digest[:12]}, and not {digest}: it did not find the same. The "
        "report says on which processors it ran, and what in it need not repeat"
    )
