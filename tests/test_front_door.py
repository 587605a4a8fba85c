"""The front door is instant where it can be, and what the documentation shows works as shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from search_spaces import parse_sweep
from tests.conftest import REPOSITORY, FrontDoor

HEAVY = {"torch", "ray", "mlflow", "optuna", "sklearn", "torchvision", "scipy", "pandas"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["validate", "quickstart"], ["list", "optimizers"], ["list", "sweeps"]]
)
def test_quick_commands_import_nothing_heavy(arguments: list[str]) -> None:
    script = f"""
import sys
sys.argv = ["adamant", *{arguments!r}]
import adamant
try:
    adamant.app()
except SystemExit as ended:
    assert not ended.code, ended.code
print("imported:", sorted({HEAVY!r} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert "imported: []" in ended.stdout


@pytest.mark.parametrize(
    ("kind", "name", "column"),
    [
        ("workloads", "mlp/digits", "workload"),
        ("optimizers", "moment_adam", "optimizer"),
        ("spaces", "beta_schedules", "space"),
        ("schedules", "exponential_decay", "schedule"),
        ("sweeps", "quickstart", "sweep"),
    ],
)
def test_everything_can_be_listed_for_people_and_for_programs(
    front_door: FrontDoor, kind: str, name: str, column: str
) -> None:
    assert name in front_door("list", kind).stdout
    rows = json.loads(front_door("list", kind, "--json").stdout)
    assert name in [row[column] for row in rows]


def test_our_rooms_are_imported_and_not_others_of_the_same_name() -> None:
    import analysis
    import cluster

    assert cluster.__file__ == str(REPOSITORY / "cluster" / "__init__.py")
    assert analysis.__file__ == str(REPOSITORY / "analysis" / "__init__.py")


def test_the_sweep_of_the_readme_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    assert set(parse_sweep(example, "README.md").arms) == {"adam", "scheduled", "origin"}
