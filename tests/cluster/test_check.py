"""`adamant check`: what it tells of an optimizer, by a table, as data and by its exit code."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizers import user_code
from optimizers.user_code import CodeBundle
from tests.conftest import REPOSITORY, CommandLine
from tests.optimizers import broken

SOURCE = inspect.getsource(broken)


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    yield
    user_code.load(CodeBundle())


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_a_sound_optimizer_is_told_of_with_the_cost_of_a_step(command_line: CommandLine, mine: Path) -> None:
    ended = command_line("check", "mine.py:Sound", "--set", "momentum=0.5")
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["resumes", "bit", "for", "bit", "ok"] in lines
    assert any(line[:1] == ["mine:Sound"] and line[-1] == "8.0" for line in lines)
    assert "Adam fused" in ended.stdout


@pytest.mark.slow
def test_a_workload_goes_through_its_own_suite(command_line: CommandLine, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "cluster" / "cli" / "new_project" / "my_workload.py", tmp_path / "my_workload.py")
    ended = command_line("check", "my_workload.py:MyTask", "--set", "width=8", "--json")
    assert ended.returncode == 0, ended.stdout
    as_data = json.loads(ended.stdout)
    assert "interrupted_equals_uninterrupted" in {one["case"] for one in as_data["cases"]}
    assert {one["problem"] for one in as_data["cases"]} == {None}


def test_what_fails_is_told_in_its_line(command_line: CommandLine, mine: Path) -> None:
    ended = command_line("check", "mine.py:WritesGradients", "--bare")
    assert ended.returncode == 1
    assert "gradients are left as they were" in ended.stdout
    assert "writes into p.grad" in ended.stdout
    as_data = json.loads(command_line("check", "torch.optim:LBFGS", "--json").stdout)
    assert [one["case"] for one in as_data["cases"]] == ["takes_steps"]
    assert "torch.optim:LBFGS needs a closure" in as_data["cases"][0]["problem"]
    assert as_data["cost"] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing.py:Mine"], "no such file"),
        (["mine.py"], "name the class after the file, as in mine.py:MyAdam"),
        (["mine.py:Soun"], 'mine has no "Soun". Did you mean "Sound"?'),
        (["mine.py:GUARDED"], "neither a class nor a function"),
        (["not_installed:Mine"], 'no module "not_installed" is installed'),
        (["mine.py:Sound", "--set", "lr"], "write a name and a value"),
        (["mine.py:Sound", "--set", "rate=1"], 'has no hyperparameter "rate"'),
        (["mine.py:Sound", "--data", "."], "--data is for workloads"),
        (["adamm"], 'no optimizer is called "adamm"'),
        (["mlp/digits", "--bare"], "--bare is for optimizers"),
    ],
)
def test_what_cannot_be_checked_is_bad_input(
    command_line: CommandLine, mine: Path, arguments: list[str], told: str
) -> None:
    ended = command_line("check", *arguments)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
