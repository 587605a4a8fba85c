"""The one error for bad input, and the nearest name to offer with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: one sentence that names the thing, what was given and what would be right."""


def did_you_mean(name: object, choices: Iterable[str]) -> str:
    """Return ' Did you mean "adam"?' for the choice nearest to `name`, or '' when none is near.

    The text starts with a space, so that it can follow a sentence as it is.
    """
    by_lower_case = {choice.lower(): choice for choice in choices}
    nearest = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1, cutoff=0.6)
    return f' Did you mean "{by_lower_case[nearest[0]]}"?' if nearest else ""
