"""The front door is instant where it can be, and lists what there is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import optimizers
from cluster.cli import listing
from tests.conftest import REPOSITORY, CommandLine

HEAVY = {"torch", "ray", "mlflow", "optuna", "sklearn", "torchvision", "scipy", "pandas"}
OF_SWEEPS = {
    "numpy",
    "yaml",
    "filelock",
    "sqlalchemy",
    "search_spaces.sweep.resolved",
    "trainables.workloads.catalogue",
}


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (["--help"], HEAVY | OF_SWEEPS),
        (["run", "--help"], HEAVY | OF_SWEEPS),
        (["validate", "quickstart"], HEAVY),
        (["list", "optimizers"], HEAVY),
        (["list", "sweeps"], HEAVY),
    ],
)
def test_quick_commands_import_nothing_heavy(arguments: list[str], unneeded: set[str]) -> None:
    script = f"""
import sys
sys.argv = ["adamant", *{arguments!r}]
import adamant
try:
    adamant.app()
except SystemExit as ended:
    assert not ended.code, ended.code
print("imported:", sorted({unneeded!r} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert "imported: []" in ended.stdout


@pytest.mark.parametrize(
    ("kind", "name", "columns"),
    [
        ("workloads", "mlp/digits", ["workload", "model"]),
        ("optimizers", "moment_adam", ["optimizer", "what"]),
        ("spaces", "beta_schedules", ["space"]),
        ("schedules", "exponential_decay", ["schedule"]),
        ("sweeps", "quickstart", ["sweep", "question"]),
    ],
)
def test_everything_can_be_listed_for_people_with_80_columns_and_for_programs(
    command_line: CommandLine, kind: str, name: str, columns: list[str]
) -> None:
    rows = json.loads(command_line("list", kind, "--json").stdout)
    assert name in [row[columns[0]] for row in rows]
    command_line.width = 80
    shown = command_line("list", kind).stdout
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    for row in rows:
        assert {word for column in columns for word in row[column].split()} <= set(shown.split())
    if kind in ("sweeps", "workloads"):  # of which not all columns fit
        assert f"adamant list {kind} " in shown.splitlines()[-1]


@pytest.mark.parametrize("name", [*optimizers.names(), "lookahead(sgd)"])
def test_the_documentation_of_an_optimizer_says_everything(name: str) -> None:
    entry, row = optimizers.get(name), listing.row("optimizers", name)
    assert list(row) == ["optimizer", "what", "source", "update_rule", "special_cases", "hyperparameters"]
    assert len(row["update_rule"]) > 1
    assert [one["name"] for one in row["hyperparameters"]] == list(entry.hyperparameters)
    assert "NaN" not in json.dumps(row, allow_nan=False)


def test_one_of_a_kind_is_shown_whole(command_line: CommandLine) -> None:
    shown = command_line("list", "optimizers", "lookahead(sgd)").stdout
    assert "theta <- phi" in shown
    assert "lookahead_alpha  0.5" in shown
    assert json.loads(command_line("list", "sweeps", "quickstart", "--json").stdout)["workload"] == "mlp/digits"
    refused = command_line("list", "spaces", "beta_shedules")
    assert refused.returncode == 2
    assert 'Did you mean "beta_schedules"?' in refused.stderr


def test_data_is_listed_with_what_is_missing(command_line: CommandLine) -> None:
    checked = command_line("data", "check", "--data", "here")
    assert checked.returncode == 0
    told = " ".join(checked.stdout.split())
    assert "mlp/digits there" in told
    assert "lstm/text there" in told
    assert "this MNIST file is missing" in told
    assert not (command_line.folder / "here").exists()
    refused = command_line("data", "fetch", "mlp/mnst")
    assert refused.returncode == 2
    assert 'Did you mean "mlp/mnist"?' in refused.stderr


def test_our_rooms_are_imported_and_not_others_of_the_same_name() -> None:
    import analysis
    import cluster

    assert cluster.__file__ == str(REPOSITORY / "cluster" / "__init__.py")
    assert analysis.__file__ == str(REPOSITORY / "analysis" / "__init__.py")
