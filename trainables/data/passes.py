"""How many batches make a pass over training data, by its size alone: for feeds, and for plans without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from optimizers import InputError


@dataclass(frozen=True)
class Size:
    """Of training data the elements along the first axis of inputs and of targets; a text has no targets."""

    inputs: int
    targets: int


def batches(examples: int, batch_size: int, fewest: int = 1) -> int:
    """Return the batches of so many examples; a last one of fewer than ``fewest`` joins the one before."""
    whole, rest = divmod(examples, batch_size)
    return whole + (rest >= fewest) if whole else min(rest, 1)


def rows(tokens: int, batch_size: int) -> int:
    """Return the rows of a text in ``batch_size`` equally long columns. Raises InputError where it fills none."""
    count = (tokens - 1) // batch_size
    if count < 1:
        raise InputError(
            f"the text has {tokens} words, too few for a batch_size of {batch_size}; it can be at most {tokens - 1}"
        )
    return count


def row_batches(tokens: int, batch_size: int, length: int) -> int:
    """Return the batches of a text in columns, ``length`` rows each. Raises InputError as :func:`rows`."""
    return math.ceil(rows(tokens, batch_size) / length)


def windows(tokens: int, length: int) -> int:
    """Return the windows of ``length`` tokens into which a text is cut. Raises InputError where it has not two."""
    if tokens < 2 * length:
        raise InputError(
            f"the text has {tokens} tokens, too few for a context of {length}; it can be at most {tokens // 2}"
        )
    # As many as fit, with the token after the last one, also where the first one begins at token length - 1.
    return (tokens - length) // length
