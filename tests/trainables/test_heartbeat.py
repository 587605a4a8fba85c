"""What a trial shows while it makes progress, and what it leaves where it makes none."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from optimizers.user_code import CodeBundle
from tests.trainables.test_training import SCHEDULED, spec
from tests.trainables.test_trial import config
from trainables.tune import heartbeat
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.child_process import ChildProcess
from trainables.tune.heartbeat import STALLED_FILE, beating
from trainables.tune.trial import MOST_STEPS, Trial, _steps_of_chunk


def test_a_heartbeat_changes_with_progress_and_is_gone_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.0)
    folder = TrialFolder(tmp_path)
    assert folder.heartbeat() is None
    with beating(tmp_path, 60.0) as beat:
        assert folder.heartbeat() is None, "it has not begun"
        beat()
        first = folder.heartbeat()
        assert first is not None
        time.sleep(0.02)  # clocks of file systems tick more coarsely than processors
        beat()
        assert folder.heartbeat() != first
    assert not list(tmp_path.iterdir())


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


def test_what_makes_no_progress_writes_down_where_it_stands(tmp_path: Path) -> None:
    with beating(tmp_path, 0.4) as beat:
        beat()
        stand_still(0.6)
        assert "stand_still" in (tmp_path / STALLED_FILE).read_text()
    assert not list(tmp_path.iterdir()), "it has gone on"


def test_what_a_process_was_at_stays_where_it_is_asked_to_end(tmp_path: Path) -> None:
    """Ray asks first, by a signal that raises SystemExit, and kills what has not ended."""

    def asked_to_end() -> None:
        with beating(tmp_path, 0.4) as beat:
            beat()
            stand_still(0.6)
            raise SystemExit

    with pytest.raises(SystemExit):
        asked_to_end()
    assert "stand_still" in (tmp_path / STALLED_FILE).read_text()


def test_a_trial_leaves_no_trace_of_its_heartbeat(tmp_path: Path) -> None:
    Trial(config(spec(**SCHEDULED), tmp_path)).step()
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "record.json"}


@pytest.mark.parametrize(
    ("steps", "seconds", "chunk"), [(0, 0.0, 1), (1, 30.0, 1), (10, 10.0, 2), (1000, 1.0, MOST_STEPS)]
)
def test_a_trial_is_heard_of_every_few_seconds_however_slow_its_steps(steps: int, seconds: float, chunk: int) -> None:
    training = SimpleNamespace(step=steps, train_seconds=seconds)
    assert _steps_of_chunk(cast(Any, training)) == chunk


def test_a_process_that_does_not_end_is_told_and_ended() -> None:
    began = time.monotonic()
    with (
        ChildProcess(CodeBundle(), time.sleep, 60) as process,
        pytest.raises(ChildProcessError, match=r"it has not ended after 0\.3 s"),
    ):
        process.result(0.3)
    assert time.monotonic() - began < 30
