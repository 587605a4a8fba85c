"""The front door is instant where it can be, and what the documentation shows works as shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import optimizers
from cluster.cli import listing
from cluster.planning.preflight import check_workload
from search_spaces import parse_sweep
from search_spaces.schema.sweep import Contest
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


@pytest.mark.parametrize(("kind", "what"), [("sweeps", "question"), ("workloads", "model"), ("optimizers", "what")])
def test_a_list_can_be_read_on_a_terminal_of_80_columns(front_door: FrontDoor, kind: str, what: str) -> None:
    front_door.environment["COLUMNS"] = "80"
    shown = front_door("list", kind).stdout
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    for row in listing.rows(kind):
        assert set(row[what].split()) <= set(shown.split())
    if kind != "optimizers":  # of which all columns fit
        assert f"adamant list {kind} " in shown.splitlines()[-1]


@pytest.mark.parametrize("name", [*optimizers.names(), "lookahead(sgd)"])
def test_the_documentation_of_an_optimizer_says_everything(name: str) -> None:
    entry, row = optimizers.get(name), listing.row("optimizers", name)
    assert list(row) == ["optimizer", "what", "source", "update_rule", "special_cases", "hyperparameters"]
    assert len(row["update_rule"]) > 1
    assert [one["name"] for one in row["hyperparameters"]] == list(entry.hyperparameters)
    assert "NaN" not in json.dumps(row, allow_nan=False)


def test_one_of_a_kind_is_shown_whole(front_door: FrontDoor) -> None:
    shown = front_door("list", "optimizers", "lookahead(sgd)").stdout
    assert "theta <- phi" in shown
    assert "lookahead_alpha  0.5" in shown
    assert json.loads(front_door("list", "sweeps", "quickstart", "--json").stdout)["workload"] == "mlp/digits"
    refused = front_door("list", "spaces", "beta_shedules")
    assert refused.returncode == 2
    assert 'Did you mean "beta_schedules"?' in refused.stderr


def test_data_is_listed_with_what_is_missing(front_door: FrontDoor) -> None:
    checked = front_door("data", "check", "--data", "here")
    assert checked.returncode == 0
    told = " ".join(checked.stdout.split())
    assert "mlp/digits there" in told
    assert "lstm/text there" in told
    assert "this MNIST file is missing" in told
    assert not (front_door.folder / "here").exists()
    refused = front_door("data", "fetch", "mlp/mnst")
    assert refused.returncode == 2
    assert 'Did you mean "mlp/mnist"?' in refused.stderr


def test_our_rooms_are_imported_and_not_others_of_the_same_name() -> None:
    import analysis
    import cluster

    assert cluster.__file__ == str(REPOSITORY / "cluster" / "__init__.py")
    assert analysis.__file__ == str(REPOSITORY / "analysis" / "__init__.py")


def test_the_sweep_of_the_readme_is_valid() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    sweep, several, workload, adversarial, resources = examples
    assert set(parse_sweep(sweep, "README.md").arms) == {"adam", "scheduled", "origin"}
    of_another = re.sub(r"workload: \{.*\}\nmetric: \{.*\}.*\n", workload, sweep)
    checked = check_workload(parse_sweep(of_another, "README.md", ["metric.name=val/perplexity"]))
    assert checked.workload.options["folder"] == "text/kjv"
    without_workload = re.sub(r"workload: \{.*\}\nmetric: \{.*\}.*\n", several, sweep)
    assert list(check_workload(parse_sweep(without_workload, "README.md")).contests()) == [
        Contest("small-batch"), Contest("large-batch"), Contest("words"),
    ]  # fmt: skip
    for line in resources.splitlines():
        assert parse_sweep(re.sub(r"resources: \{.*\}", line, sweep), "README.md").resources.gpu > 0
    pair = check_workload(parse_sweep(f"name: pair\nbaseline: adam\n{adversarial}", "README.md"))
    assert "generator.lr" in pair.arms["adam"].parameters
