"""What a sweep finds follows from its file: not from how many run at once, which is faster, or when it was killed."""

from __future__ import annotations

import json
import random

import pytest
from optuna.storages import InMemoryStorage

from benchmarks.recorded_curves import DIGITS, RecordedCurves, sweep_of_the_table
from cluster.ray.simulation import simulate
from search_spaces.study.arm_studies import open_arms
from search_spaces.study.assignment import Assignment
from search_spaces.study.digest import canonical_lines, digest_of
from tests.conftest import ONE_STUDY, FrontDoor, options_of, slow

CURVES = RecordedCurves(DIGITS, sweep_of_the_table().arms["adam"].space.parameters)
METHODS = ["tpe", "random", "cmaes", "qmc", "nsgaii", "grid", "NSGAIIISampler", "gp"]
SCHEDULERS = ["asha", "hyperband", "median", "none"]
# In the gate every method but the dear one, and every scheduler, and not every pair of them.
PAIRS = [
    (method, scheduler) if place % 4 == SCHEDULERS.index(scheduler) and method != "gp" else slow(method, scheduler)
    for place, method in enumerate(METHODS)
    for scheduler in SCHEDULERS
]


def curve(assignment: Assignment, epoch: int) -> float:
    return CURVES.value(assignment.hyperparameters, epoch)


def found(method: str, scheduler: str, slots: int, chance: random.Random, kills: int = 0) -> tuple[str, list[str]]:
    """The digest and the lines of a sweep whose trials are up to ten times as fast as others."""
    overrides = {"search__points": 2} if method == "grid" else {}
    kind = {"type": scheduler, **({"grace": 1, "eta": 3} if scheduler in ("asha", "hyperband") else {})}
    of = sweep_of_the_table(search__method=method, search__trials=16, scheduler=kind, **overrides)
    storage, pace = InMemoryStorage(), {}

    def seconds(assignment: Assignment) -> float:
        return pace.setdefault(assignment.trial_id, chance.uniform(1, 10))

    for _ in range(kills):
        simulate(of, curve, slots=slots, seconds=seconds, storage=storage, stop_after=chance.randint(1, 4))
    simulate(of, curve, slots=slots, seconds=seconds, storage=storage)
    arms = open_arms(storage, of)
    return digest_of(arms), list(canonical_lines(arms))


@pytest.mark.parametrize(("method", "scheduler"), PAIRS)
def test_one_digest(method: str, scheduler: str) -> None:
    digest, lines = found(method, scheduler, 1, random.Random(0))
    assert len(lines) == 17, "16 trials and a confirmation"
    for slots, kills in ((3, 0), (16, 5)):
        again, others = found(method, scheduler, slots, random.Random(slots), kills)
        assert others == lines
        assert again == digest


def test_another_seed_is_another_digest() -> None:
    one = sweep_of_the_table(search__trials=4, search__seed=0)
    other = sweep_of_the_table(search__trials=4, search__seed=1)
    digests = []
    for of in (one, other):
        storage = InMemoryStorage()
        simulate(of, curve, slots=1, storage=storage)
        digests.append(digest_of(open_arms(storage, of)))
    assert digests[0] != digests[1]


@pytest.mark.cluster
def test_another_run_of_a_file_finds_the_same_and_says_so(shared_ray: FrontDoor) -> None:
    small = ["search.trials=6", "confirm.seeds=[1]", "workload.epochs=3", "scheduler={type: asha, grace: 1, eta: 3}"]
    settings = [*ONE_STUDY, *options_of(*small)]
    first = shared_ray("run", "quickstart", *settings, "--json", "first.json")
    assert first.returncode == 0, first.stdout + first.stderr
    found = json.loads((shared_ray.folder / "first.json").read_text())["digest"]
    assert f"Digest {found['sha256'][:12]} ({found['processors']})." in first.stdout
    assert found["doubts"] == []
    again = shared_ray("run", "quickstart", *settings, "--set", "name=again", "--expect", found["sha256"][:12])
    assert again.returncode == 0, again.stdout + again.stderr
    other = [*settings, "--set", "name=other", "--set", "search.trials=1", "--expect", found["sha256"][:12]]
    differs = shared_ray("run", "quickstart", *other)
    assert differs.returncode == 1
    assert f"and not {found['sha256'][:12]}: it did not find the same" in differs.stdout
    refused = shared_ray("run", "quickstart", "--set", "name=never", "--expect", "first")
    assert refused.returncode == 2
    assert "--expect first: not a digest" in refused.stderr
