"""The conformance suite for workloads: what is sound passes, and each fault is caught by the case that is for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from optimizers.testing.runner import run_cases
from tests.conftest import REPOSITORY
from tests.trainables.broken_tasks import CAUGHT_BY, CAUGHT_BY_OTHERS, LossOfEach
from tests.trainables.tasks import Diabetes, FromFile, Players, Wine
from trainables import Task
from trainables.testing import WorkloadSuite, cases, workload_cases

OF_PROCESSES = ("data_is_fixed", "two_workers_train_as_one")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def problems(cls: type[Task], *names: str) -> dict[str, str]:
    results = run_cases(case for case in cases(cls) if case.name in names)
    assert len(results) == len(names)
    return {result.case.name: result.problem for result in results if result.problem is not None}


@pytest.mark.parametrize("cls", [Wine, Diabetes, Players])
def test_a_sound_task_passes(cls: type[Task]) -> None:
    assert problems(cls, *(name for name in workload_cases.CHECKS if name not in OF_PROCESSES)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("cls", [Wine, Diabetes, Players])
def test_a_sound_task_passes_what_other_processes_do(cls: type[Task]) -> None:
    assert problems(cls, *OF_PROCESSES) == {}


@pytest.mark.parametrize(("cls", "name"), CAUGHT_BY.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_is_caught_by_its_case(cls: type[Task], name: str) -> None:
    found = problems(cls, name)
    assert name in found, f"{cls.__name__} is not caught"
    assert len(found[name].splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "name"), CAUGHT_BY_OTHERS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_fault_that_one_process_does_not_show_is_caught_by_its_case(cls: type[Task], name: str) -> None:
    assert name in problems(cls, name)


def test_every_case_has_a_sentence_and_catches_something() -> None:
    assert {*CAUGHT_BY.values(), *CAUGHT_BY_OTHERS.values()} == {*workload_cases.CHECKS} - {
        "fingerprint_follows_the_data"
    }
    assert all(case.checks.endswith(".") for case in cases(Wine))
    assert all(hasattr(WorkloadSuite, f"test_{name}") for name in workload_cases.CHECKS)


TESTS = """
from pathlib import Path
from mine import FromFile, Wine
from trainables.testing import WorkloadSuite

class TestFromFile(WorkloadSuite):
    workload = FromFile
    options = {"file": "rows.csv", "width": 4}

class TestBroken(WorkloadSuite):
    class workload(Wine):
        def evaluate(self, model, split):
            found = super().evaluate(model, split)
            return {"loss": found["loss"]}
    test_data_is_fixed = test_two_workers_train_as_one = None
    exceptions = {"metrics_are_those_declared": "planned", "it_learns": "it does"}
"""


@pytest.mark.slow
def test_it_is_a_class_of_tests_for_pytest(tmp_path: Path) -> None:
    """In a folder of a user's own, with a file beside the class."""
    (tmp_path / "mine.py").write_bytes(Path(REPOSITORY / "tests" / "trainables" / "tasks.py").read_bytes())
    (tmp_path / "rows.csv").write_text("".join(f"{i % 9},{i * i % 7},{i},{i % 3}\n" for i in range(60)))
    (tmp_path / "test_mine.py").write_text(TESTS)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = ended.stdout.splitlines()
    count = len(workload_cases.CHECKS)
    failed = [line for line in told if line.startswith("FAILED")]
    assert all("TestBroken" in line for line in failed), ended.stdout
    assert any("it_learns holds: take it out of the exceptions" in line for line in told), ended.stdout
    assert not any("test_metrics_are_those_declared" in line for line in failed), ended.stdout
    assert f"{len(failed)} failed, {2 * count - 2 - len(failed)} passed" in told[-1]


def test_relative_paths_of_options_begin_beside_the_class() -> None:
    subject_of_file = next(iter(cases(FromFile, {"file": "rows.csv"}))).run.args[0]  # pyright: ignore
    assert subject_of_file.options["file"] == str(Path(__file__).with_name("rows.csv"))


def test_a_loss_that_is_no_scalar_is_told_once() -> None:
    results = run_cases(case for case in cases(LossOfEach) if case.name not in OF_PROCESSES)
    assert [result.case.name for result in results if result.failed] == ["loss_is_a_finite_scalar"]
