"""The rounds of a sweep that grows until it is decided: when it is judged, and how long it may take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.schema.words import listing


@dataclass(frozen=True)
class Rounds:
    """Looks that were planned before the first one, those taken so far, and time.

    Attributes:
        planned: The numbers of studies after which the sweep is judged, rising.
        taken: Those of the looks so far.
        at_most_s: Seconds that all sessions together may take; a round that would not end in time is not begun.
        spent_s: Seconds that sessions have taken; one that was killed, and not interrupted, counts nothing.
    """

    planned: tuple[int, ...]
    taken: tuple[int, ...] = ()
    at_most_s: float | None = None
    spent_s: float = 0.0

    @classmethod
    def of_equal_size(cls, studies: int, most_studies: int, at_most_s: float | None) -> Rounds:
        """Return rounds of so many studies each; the last, which ends at the most of them, may be smaller."""
        return cls((*range(studies, most_studies, studies), most_studies), at_most_s=at_most_s)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Rounds:
        """Return what ``dataclasses.asdict`` had made of rounds, also when it comes from JSON."""
        return cls(**{**kept, "planned": tuple(kept["planned"]), "taken": tuple(kept["taken"])})

    @property
    def looks(self) -> str:
        """The tag of a summary run by which its verdict knows the looks."""
        return json.dumps({"planned": self.planned, "taken": self.taken})

    @property
    def in_words(self) -> str:
        """The planned numbers: 3, 6 and 9 studies."""
        return f"{listing(map(str, self.planned))} studies"

    @property
    def further_studies(self) -> int:
        """How many the next round adds after the newest look; 0 after the last planned one."""
        studies = self.taken[-1]
        return next((planned - studies for planned in self.planned if planned > studies), 0)

    @property
    def next_s(self) -> float:
        """Seconds that the next round will take, by what the studies so far took."""
        return self.spent_s / self.taken[-1] * self.further_studies

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None without a limit."""
        return None if self.at_most_s is None else max(0.0, self.at_most_s - self.spent_s)

    def with_look(self, studies: int) -> Rounds:
        """Return the rounds with a look after so many studies among those taken."""
        return self if studies in self.taken else replace(self, taken=(*self.taken, studies))
