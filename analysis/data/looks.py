"""When a sweep that grows was to be judged, and when it was."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

from optimizers import InputError
from trainables.mlflow_contract import Tag


@dataclass(frozen=True)
class Looks:
    """The numbers of pairs at each look: studies of an arm, or in a sweep with one study its seeds.

    `planned` were settled before the first look; `taken` are those so far, and the newest verdict is the last one's.
    Both rise, and none that was taken lies beyond the last planned one.
    """

    planned: tuple[int, ...]
    taken: tuple[int, ...] = ()


def read_looks(text: str, run_id: str) -> Looks:
    """Read the tag of a summary run, ``{"planned": [3, 6, 9], "taken": [3]}``.

    Raises InputError where it holds something else.
    """
    try:
        told = json.loads(text)
        looks = Looks(tuple(told["planned"]), tuple(told["taken"]))
        sound = bool(looks.planned) and all(type(pairs) is int for pairs in (*looks.planned, *looks.taken))
        sound = sound and all(_rises(numbers) for numbers in (looks.planned, looks.taken))
        sound = sound and max(looks.taken, default=0) <= looks.planned[-1]
    except (ValueError, KeyError, TypeError):
        sound, looks = False, Looks(())
    if sound:
        return looks
    raise InputError(
        f'Run {run_id}: tag {Tag.LOOKS} is "{text}", not {{"planned": [...], "taken": [...]}} with rising numbers '
        "from 2, of which none that was taken lies beyond the last planned one."
    )


def _rises(numbers: tuple[int, ...]) -> bool:
    return all(pairs >= 2 for pairs in numbers[:1]) and all(one < other for one, other in itertools.pairwise(numbers))
