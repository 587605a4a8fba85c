"""The README shows what `quickstart` prints."""

from __future__ import annotations

import re

import pytest
from mlflow import MlflowClient

from tests.conftest import REPOSITORY, FrontDoor

pytestmark = pytest.mark.cluster
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def told(text: str) -> list[str]:
    """From the question to the digest, without what takes its time."""
    lines = text[text.rindex("quickstart   Do scheduled") :].splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith("Digest "))
    return [line for line in lines[: end + 1] if not line.startswith("Wall time")]


def finding_in_mlflow(tracking_uri: str) -> str:
    """What the summary run says of the arm, in words."""
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("adamant/quickstart")
    assert experiment is not None
    (summary,) = client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'summary'")
    assert "finding.adam" not in summary.data.tags
    return summary.data.tags["finding.scheduled"].replace("_", " ")


def test_the_readme_shows_a_real_run(shared_ray: FrontDoor) -> None:
    ended = shared_ray("run", "quickstart")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert finding_in_mlflow(shared_ray.tracking_uri) in ended.stdout
    shown = told((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    found = told(ended.stdout)
    if found[-1] == shown[-1]:
        assert found == shown
        return
    # Another kind of processor may find otherwise, and its verdict may be another; the layout is the same.
    assert [line.split("  ")[0] for line in found[:6]] == [line.split("  ")[0] for line in shown[:6]]
    for row, other in zip(found[4:6], shown[4:6], strict=True):
        numbers, others = (list(map(float, _NUMBER.findall(one))) for one in (row, other))
        assert numbers[:2] == pytest.approx(others[:2], rel=0.6, abs=0.05), "loss and accuracy"
