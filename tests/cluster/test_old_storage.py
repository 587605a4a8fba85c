"""A storage folder that version 0.1.0 wrote is listed, reported, replayed and gone on with.

``storage-0.1.0.tar.xz`` holds three sweeps on mlp/digits: ``finished``, a ``population``, and one ``interrupted`` by
SIGTERM in the middle of a trial, with the verdicts that were told of the first two. The reports' pages and pictures,
which nothing reads, are left out.
"""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.conftest import FrontDoor

pytestmark = pytest.mark.cluster

STORAGE = Path(__file__).with_name("storage-0.1.0.tar.xz")


@pytest.fixture
def old(front_door: FrontDoor) -> FrontDoor:
    with tarfile.open(STORAGE) as archive:
        archive.extractall(front_door.folder, filter="data")
    return front_door


def outcomes(runs: Path) -> dict[str, str]:
    """The text of every record with an outcome, by trial."""
    kept = {str(path.parent.relative_to(runs)): path.read_text() for path in runs.glob("*/trials/**/record.json")}
    return {trial: text for trial, text in kept.items() if "outcome" in json.loads(text)}


def with_lists_as_text(value: Any) -> Any:
    """What a report's JSON says as version 0.1.0 said it: of a parameter that is a list, MLflow's text."""
    if isinstance(value, list):
        return [with_lists_as_text(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: str(one) if isinstance(one, list) else one for name, one in item.items()}
        if key == "parameters"
        else with_lists_as_text(item)
        for key, item in value.items()
    }


def run_id(door: FrontDoor, sweep: str, trial_id: str) -> str:
    client = MlflowClient(door.tracking_uri)
    experiment = client.get_experiment_by_name(f"adamant/{sweep}")
    assert experiment is not None
    [run] = client.search_runs([experiment.experiment_id], f"tags.`trial.id` = '{trial_id}'")
    return run.info.run_id


def test_sweeps_are_found_by_name(old: FrontDoor) -> None:
    told = old("report", "finishd")
    assert told.returncode == 2
    assert "There are: finished, interrupted, population" in told.stderr


def assert_still_said(then: Any, now: Any, key: str = "") -> None:
    """Assert that everything is as it was; what was not told then may stand beside it, and intervals may be wider."""
    if isinstance(then, dict):
        for name, value in then.items():
            assert_still_said(value, now[name], name)
    elif isinstance(then, list):
        assert len(then) == len(now)
        for one, other in zip(then, now, strict=True):
            assert_still_said(one, other, key)
    elif then is not None and key == "detectable":
        assert then <= now <= 1.25 * then  # it counts how far intervals of few seeds reach
    elif then is not None and key in ("low", "high"):
        assert now == pytest.approx(then, abs=0.01)
        assert now <= then if key == "low" else now >= then
    else:
        assert now == then, key


@pytest.mark.parametrize("sweep", ["finished", "population"])
def test_a_report_says_what_was_said_then(sweep: str, old: FrontDoor) -> None:
    ended = old("report", sweep, "--json")
    assert ended.returncode == 0, ended.stderr
    then = json.loads((old.folder / f"{sweep}.json").read_text())
    now = with_lists_as_text(json.loads(ended.stdout))
    assert now["schema_version"] > then.pop("schema_version")
    assert now["sentences"]
    then.pop("sentences")  # which say the same in other words
    assert_still_said(then, now)


@pytest.mark.parametrize(
    ("sweep", "trial_id"), [("finished", "scheduled/confirm/0"), ("finished", "adam/0"), ("population", "found/7")]
)
def test_a_run_trains_to_the_same_curve(sweep: str, trial_id: str, old: FrontDoor) -> None:
    replayed = old("replay", run_id(old, sweep, trial_id))
    assert f"{trial_id}: " in replayed.stdout, replayed.stderr
    # Another kind of processor adds up in another order.
    differing = re.findall(r"recorded (\S+), repeated (\S+)$", replayed.stdout, re.MULTILINE)
    for recorded, repeated in differing:
        assert float(repeated) == pytest.approx(float(recorded), rel=1e-4), replayed.stdout
    assert differing or f"{trial_id}: equal" in replayed.stdout


def test_an_interrupted_sweep_goes_on(old: FrontDoor) -> None:
    before = outcomes(old.runs)
    resumed = old("resume", "interrupted")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    after = outcomes(old.runs)
    assert {trial: after[trial] for trial in before} == before, "nothing is trained again"
    of_sweep = [trial for trial in after if trial.startswith("interrupted/")]
    assert len(of_sweep) == 2 * (3 + 1)
