"""The length of a run is known beforehand, and the first steps of a run have the schedules of its whole length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optimizers import schedules
from trainables import TrialSpec
from trainables.tune.dry_step import look
from trainables.tune.lengths import any_depends_on_length, depends_on_length, lengths_of

SPEC = TrialSpec("mlp/digits", 2, 64, "moment_adam", {"lr": 0.01}, seed=1)


@pytest.fixture(autouse=True)
def late(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "data-cache"))

    @schedules.register
    def late(total: int, step: int) -> float:
        return (total - step) / (total - 30)

    yield
    schedules.KINDS.unregister("late")


def test_steps_and_passes(tmp_path: Path) -> None:
    in_steps = replace(SPEC, evaluate_every=15, epochs=3)
    [whole, part] = lengths_of([SPEC, in_steps], tmp_path)
    a_pass = whole[0] // 2
    assert whole == (2 * a_pass, 2)
    assert part == (45, -(-45 // a_pass))


def test_schedules_are_known_by_their_names_alone() -> None:
    assert depends_on_length("late")
    assert depends_on_length({"kind": "warmup", "steps": 9, "then": {"kind": "late"}})
    assert not depends_on_length({"kind": "demon", "total": 9})
    assert any_depends_on_length({"generator": {"beta1_schedule": "late"}})
    assert not any_depends_on_length({"lr": 0.1, "device": "cuda:0", "mode": "late", "beta1_schedule": "linear"})


def test_the_first_steps_are_those_of_the_whole_run(tmp_path: Path) -> None:
    # Over two steps the factor would be negative.
    look([replace(SPEC, training={"lr_schedule": "late"})], tmp_path)
