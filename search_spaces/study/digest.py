"""What a sweep found, as a text that is the same for everybody who runs its file, and the digest of that text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.assignment import Assignment, Outcome, arm_path
from trainables.mlflow_contract import Role, Status


def digest_of(arms: Mapping[str, ArmStudies]) -> str:
    """Return the SHA-256, in hexadecimal digits, of :func:`canonical_lines`."""
    digest = hashlib.sha256()
    for line in canonical_lines(arms):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def canonical_lines(arms: Mapping[str, ArmStudies]) -> Iterator[str]:
    """Yield a line of JSON for each run that has ended, with every number to its last digit.

    Arms come in the sweep's order, trials by number, confirmations by configuration and seed. A line holds what was
    trained, the metric at each decision, and how it ended. It holds no time, no place and no name of the sweep, and
    nothing of the order in which things happened, so that a sweep that got more has the digest of one that asked for as
    much from the start: a confirmation that failed and was run again counts once, those of configurations that further
    trials have beaten do not count, and the first study of several is told as that also where its runs have no number.
    """
    several = any(arm.sweep.contest.study for arm in arms.values())
    for arm in arms.values():
        path = _path(arm, several)
        trials = [run for run in arm.ended() if run[0].role == Role.TRIAL]
        decided = {trial.number: trial.intermediate_values for trial in arm.search.trials()}
        for assignment, outcome in sorted(trials, key=lambda run: run[0].number):
            yield _line(path, assignment, outcome, decided[assignment.number])
        best = arm.search.best(arm.sweep.confirm.top_k)
        confirmed = {(run.confirms, run.seed): (run, outcome) for run, outcome in arm.ended() if run.confirms in best}
        for _, (assignment, outcome) in sorted(confirmed.items(), key=lambda found: found[0]):
            yield _line(path, assignment, outcome, {})


def _path(arm: ArmStudies, several: bool) -> str:
    contest = arm.sweep.contest
    return arm_path(replace(contest, study=(contest.study or 1) if several else None), arm.search.arm)


def _line(path: str, assignment: Assignment, outcome: Outcome, decided: Mapping[int, float]) -> str:
    confirms = assignment.role == Role.CONFIRM
    failed = outcome.status == Status.FAILED
    found = {
        "arm": path,
        "role": assignment.role,
        "number": assignment.confirms if confirms else assignment.number,
        "seed": assignment.seed,
        "hyperparameters": assignment.hyperparameters,
        "training": assignment.training,
        "parent": assignment.parent and f"{path}/{assignment.parent.rpartition('/')[2]}",
        "decided": sorted(decided.items()),
        "status": outcome.status,
        "epoch": None if failed else outcome.epoch,
        "value": None if failed or outcome.status == Status.DIVERGED else outcome.value,
        "tradeoffs": list(outcome.tradeoffs),
        "tested": dict(outcome.tested),
    }
    return json.dumps(found, sort_keys=True)
