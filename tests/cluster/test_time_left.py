"""The time left, from what happened so far: recorded events of a real sweep, and events as they should not matter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cluster.run._time_left import Kind, Pace, in_words
from trainables.mlflow_contract import Status

EVENTS = Path(__file__).parent / "data" / "events.txt"
ARMS = ("adam", "adamw", "scheduled", "orders", "memory", "sgd")
TRIAL: Kind = ("adam", "trial")


def kind_of(trial_id: str) -> Kind:
    return trial_id.partition("/")[0], "confirm" if "/confirm/" in trial_id else "trial"


def recorded() -> list[tuple[float, str, str, str]]:
    """Time in seconds, started or ended, trial, status: 114 runs of six arms, the first of which loaded the data."""
    rows = [line.split() for line in EVENTS.read_text().splitlines()]
    return [(float(at), what, trial_id, status) for at, what, trial_id, status in rows]


def test_over_a_recorded_sweep_it_is_measured_first_and_then_near_the_truth() -> None:
    events, pace = recorded(), Pace()
    left: Counter[Kind] = Counter({(arm, role): runs for arm in ARMS for role, runs in (("trial", 16), ("confirm", 3))})
    end, told = events[-1][0], list[tuple[float, float]]()
    for at, what, trial_id, status in events:
        if what == "started":
            pace.started(trial_id, kind_of(trial_id), at)
            continue
        pace.ended(trial_id, Status(status), at)
        left[kind_of(trial_id)] -= 1
        seconds = pace.seconds_left(left, at)
        assert (seconds is None) == (sum(left.values()) > 114 - 5), "five runs are the first and three that tell"
        if seconds is not None:
            told.append((seconds, end - at))
    assert all(truth / 2.5 < seconds < 2.5 * truth for seconds, truth in told if truth > 3)
    assert all(truth / 1.4 < seconds < 1.4 * truth for seconds, truth in told[8:] if truth > 3)


def pace_of(*seconds: float) -> tuple[Pace, float]:
    """One run after the other of so many seconds each, after a first one of ten, and when the last ended."""
    pace, now = Pace(), 0.0
    for number, took in enumerate((10.0, *seconds)):
        pace.started(str(number), TRIAL, now)
        now += took
        pace.ended(str(number), Status.FINISHED, now)
    return pace, now


def test_the_first_run_does_not_count_once_others_do() -> None:
    pace, now = pace_of(2.0, 2.0, 2.0)
    assert pace.seconds_left({TRIAL: 5}, now) == pytest.approx(10.0)


def test_too_few_short_runs_tell_nothing_and_one_long_run_does() -> None:
    pace, now = pace_of(2.0, 2.0)
    assert pace.seconds_left({TRIAL: 5}, now) is None
    pace = Pace()
    pace.started("0", TRIAL, 0.0)
    assert pace.seconds_left({TRIAL: 5}, 3000.0) is None
    pace.ended("0", Status.FINISHED, 3600.0)
    assert pace.seconds_left({TRIAL: 4}, 3600.0) == pytest.approx(4 * 3600)


def test_what_failed_and_what_was_lost_changes_nothing() -> None:
    pace, now = pace_of(2.0, 2.0, 2.0)
    before = pace.seconds_left({TRIAL: 5}, now)
    for number in range(3):
        pace.started(f"failed {number}", TRIAL, now)
        pace.ended(f"failed {number}", Status.FAILED, now)
    pace.started("lost", TRIAL, now)
    pace.lost("lost")
    pace.ended("never started", Status.FAILED, now)
    assert pace.seconds_left({TRIAL: 5}, now) == pytest.approx(before)


def test_two_at_once_take_half_the_time_but_no_less_than_one_run() -> None:
    pace = Pace()
    for number in range(10):
        pace.started(str(number), TRIAL, 10.0 * (number // 2))
        pace.ended(str(number), Status.FINISHED, 10.0 * (number // 2) + 10.0)
    assert pace.seconds_left({TRIAL: 6}, 50.0) == pytest.approx(30.0)
    pace.started("last", TRIAL, 50.0)
    assert pace.seconds_left({TRIAL: 1}, 52.0) == pytest.approx(8.0)


def test_a_confirmation_is_expected_to_take_what_a_whole_trial_takes() -> None:
    pace, now = pace_of(20.0, 20.0, 20.0)
    for number in range(20):
        pace.started(f"pruned {number}", TRIAL, now)
        now += 2.0
        pace.ended(f"pruned {number}", Status.PRUNED, now)
    assert pace.seconds_left({("adam", "confirm"): 3}, now) == pytest.approx(60.0)


def test_a_run_that_takes_ever_longer_is_never_about_to_end_at_once() -> None:
    pace, now = pace_of(10.0, 10.0, 10.0)
    pace.started("slow", TRIAL, now)
    told = [pace.seconds_left({TRIAL: 1}, now + waited) or 0.0 for waited in (0.0, 5.0, 100.0, 1000.0)]
    assert told == pytest.approx([10.0, 5.0, 25.0, 250.0], rel=0.2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"), (7.4, "7 s"), (38, "40 s"), (89, "90 s"), (95, "2 min"), (600, "10 min"), (3590, "1 h"),
        (7900, "2 h 10 min"), (36_000, "10 h"), (100_000, "28 h"), (260_000, "3 days"),
    ],
)  # fmt: skip
def test_a_duration_is_told_as_precisely_as_it_is_known(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
