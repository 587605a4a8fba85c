"""Whether what a sweep found can be found again: its digest, on which processors, and what stands against it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from search_spaces import Sweep
from search_spaces.schema.words import listing, plural
from trainables.mlflow_contract import TRAIN_SECONDS, Status, Tag

if TYPE_CHECKING:
    from search_spaces.study.arm_studies import ArmStudies

_NAMED = 3


def reproducibility_tags(sweep: Sweep, arms: Mapping[str, ArmStudies], processors: Collection[str]) -> dict[str, str]:
    """Return the tags of the summary run: the digest, the kinds of ``processors``, and doubts as a list in JSON."""
    from search_spaces.study.digest import digest_of

    return {
        Tag.DIGEST: digest_of(arms),
        Tag.DIGEST_PROCESSORS: ", ".join(sorted(processors)),
        Tag.DIGEST_DOUBTS: json.dumps([*_doubts(sweep, arms, processors)]),
    }


def _doubts(sweep: Sweep, arms: Mapping[str, ArmStudies], processors: Collection[str]) -> Iterator[str]:
    """What a second run need not repeat."""
    if TRAIN_SECONDS in (objective.name for objective in sweep.objectives):
        yield f"the search weighs {TRAIN_SECONDS}, a time"
    failed = [
        assignment.trial_id
        for arm in arms.values()
        for assignment, outcome in arm.ended()
        if outcome.status == Status.FAILED
    ]
    if failed:
        named = listing(failed[:_NAMED]) + (" and others" if len(failed) > _NAMED else "")
        yield f"{plural(len(failed), 'run')} failed ({named}), which may have been for a reason of the machine's"
    if len(processors) > 1:
        yield f"it was trained on several kinds of processors: {listing(sorted(processors))}"
