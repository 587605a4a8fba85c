"""The digest of what a sweep found, as its summary run tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from optimizers import InputError
from trainables.mlflow_contract import Tag

SHOWN_DIGITS = 12
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FoundDigest:
    """A SHA-256 over all that was found, to the last digit, which a second run of the same sweep repeats.

    Attributes:
        sha256: 64 hexadecimal digits.
        processors: The kinds of processors that it was trained on, on which the last digits may depend.
        doubts: Why a second run need not repeat it, a clause each; none where nothing stands against it.
    """

    sha256: str
    processors: str
    doubts: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """Return enough of its digits to tell it from others."""
        return self.sha256[:SHOWN_DIGITS]

    def __str__(self) -> str:
        where = f" ({self.processors})" if self.processors else ""
        why = f"; a second run need not repeat it: {'; '.join(self.doubts)}" if self.doubts else ""
        return f"Digest {self.short}{where}{why}."


def read_digest(tags: Mapping[str, str], run_id: str) -> FoundDigest | None:
    """Read the tags of a summary run; None where the sweep has not ended, or was run before sweeps had digests.

    Raises InputError where they hold something else.
    """
    if not tags.get(Tag.DIGEST):
        return None
    if not _SHA256.fullmatch(tags[Tag.DIGEST]):
        raise InputError(f"Run {run_id}: tag {Tag.DIGEST} is not a SHA-256.")
    try:
        doubts = json.loads(tags.get(Tag.DIGEST_DOUBTS, "[]"))
    except ValueError:
        doubts = None
    if not isinstance(doubts, list):
        raise InputError(f"Run {run_id}: tag {Tag.DIGEST_DOUBTS} is not a list in JSON.")
    return FoundDigest(tags[Tag.DIGEST], tags.get(Tag.DIGEST_PROCESSORS, ""), tuple(map(str, doubts)))
