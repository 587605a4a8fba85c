"""Whoever may write to a store may write anything there: a report reads it, or says in a sentence what is wrong."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from analysis.report.judged_sweep import JudgedSweep
from optimizers import InputError
from tests.analysis.conftest import Store

if TYPE_CHECKING:
    from tests.analysis.conftest import Make

TAGS = {
    "summary": [
        *("sweep.id", "score.metric", "score.goal", "score.note", "plan.search_steps", "plan.wall_s", "sessions"),
        *(
            "session.1.wall_s",
            "looks",
            "digest",
            "digest.doubts",
            "digest.processors",
            "versions",
            "git.commit",
            "code",
        ),
    ],
    "trial": [
        "arm",
        "seed",
        "trial.id",
        "trial.spec",
        "status.reason",
        "status.detail",
        "sweep.workload",
        "sweep.study",
    ],
    "confirm": ["arm", "seed", "trial.id", "trial.spec", "confirm.of", "sweep.study", "sweep.workload"],
}
VALUES = ["x", "{", "[]", "null", "-1", "1e999", "NaN", "../../etc", "<b>\x1b[2J", "9" * 400, '{"a": {"b": 1}}']
# In the gate one value each, another for each tag; with --full all of them.
CASES = [
    pytest.param(role, tag, value, marks=[] if number == place % len(VALUES) else pytest.mark.slow)
    for place, (role, tag) in enumerate((role, tag) for role, tags in TAGS.items() for tag in tags)
    for number, value in enumerate(VALUES)
]


@pytest.fixture(scope="module")
def written(store: Store, make: type[Make]) -> Store:
    store.write(make.confirmed({"adam": [0.97, 0.96, 0.95], "scheduled": [0.94, 0.93, 0.96]}, name="hostile"))
    return store


@pytest.mark.parametrize(("role", "tag", "value"), CASES)
def test_any_text_in_any_tag_is_read_or_refused(
    written: Store, role: str, tag: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    shutil.copy(written.folder / "mlflow.db", tmp_path / "mlflow.db")
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(address)
    experiment = client.get_experiment_by_name("adamant/hostile")
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id], f"tags.`sweep.role` = '{role}'")[0]
    client.set_tag(run.info.run_id, tag, value)
    with suppress(InputError):
        judged = JudgedSweep.load("hostile", address)
        assert "\x1b" not in str(judged)
        judged.report(tmp_path / "report")
        assert "<b>" not in (tmp_path / "report" / "report.md").read_text()
