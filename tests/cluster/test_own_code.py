"""Code of a user's own in a sweep: what executes it, what does not, and that the sweep keeps it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient

from cluster.run.notebook_code import asked_sweep
from cluster.storage.sweep_folder import sweep_yaml
from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle
from search_spaces import Sweep, recorded_sweep
from tests.conftest import REPOSITORY, CommandLine, FrontDoor
from trainables.mlflow_contract import Role, Tag, tagged

MINE = """
import torch


class Mine(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, pull=0.9):
        super().__init__(params, {"lr": lr, "pull": pull})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                    mean.lerp_(p.grad, 1 - group["pull"])
                    p.sub_(mean, alpha=group["lr"])
"""
SWEEP = """
name: own
uses: [mine.py]
workload: {name: mlp/digits, epochs: 3}
baseline: sgd
arms:
  sgd: {optimizer: sgd, parameters: {lr: {distribution: log_uniform, min: 0.01, max: 1.0}}}
  mine:
    optimizer: "mine:Mine"
    parameters:
      lr: {distribution: log_uniform, min: 0.01, max: 1.0}
      pull: {distribution: uniform, min: 0.0, max: 0.99}
search: {trials: 2, method: random}
confirm: {seeds: [1, 2]}
"""


def written(folder: Path, code: str = MINE, sweep: str = SWEEP) -> Path:
    (folder / "mine.py").write_text(code, encoding="utf-8")
    (folder / "own.yaml").write_text(sweep, encoding="utf-8")
    return folder / "mine.py"


@pytest.mark.cluster
def test_a_sweep_of_an_own_optimizer_is_judged_gone_on_with_and_replayed_from_its_recorded_code(
    shared_ray: FrontDoor,
) -> None:
    canary = shared_ray.folder / "executed"
    original = written(shared_ray.folder, f"open({str(canary)!r}, 'w').close()\n{MINE}")
    ended = shared_ray("run", "own.yaml")
    assert ended.returncode == 0, ended.stderr
    assert "mine" in ended.stdout
    canary.unlink()

    original.write_text(MINE.replace("0.9", "0.8"), encoding="utf-8")
    refused = shared_ray("run", "own.yaml", "--or-resume")
    assert refused.returncode == 2
    assert 'uses: mine.py: not what "own" was begun with' in refused.stderr
    gone_on = shared_ray("resume", "own")
    assert gone_on.returncode == 0, gone_on.stderr

    original.unlink()
    client = MlflowClient(shared_ray.tracking_uri)
    [experiment] = client.search_experiments(filter_string="name = 'adamant/own'")
    confirmed = client.search_runs(
        [experiment.experiment_id], f"{tagged(Tag.SWEEP_ROLE, Role.CONFIRM)} and {tagged(Tag.ARM, 'mine')}"
    )
    repeated = shared_ray("replay", confirmed[0].info.run_id)
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert "agree to the last digit" in repeated.stdout

    [summary] = client.search_runs([experiment.experiment_id], tagged(Tag.SWEEP_ROLE, Role.SUMMARY))
    assert summary.data.tags[Tag.CODE].startswith("mine.py (sha256 ")
    assert {one.path for one in client.list_artifacts(summary.info.run_id, "code")} == {
        "code/mine.py",
        "code/code.json",
    }
    canary.unlink()
    report = shared_ray("report", "own", "--out", "report")
    assert report.returncode == 0, report.stderr
    assert not canary.exists(), "a report executes nothing"
    assert "optimizer = mine.Mine(" in (shared_ray.folder / "report" / "report.md").read_text(encoding="utf-8")

    # Of another's storage folder the code comes from MLflow, and is not executed unasked.
    elsewhere = shared_ray(
        "replay", confirmed[0].info.run_id, "--storage", "elsewhere", "--tracking-uri", shared_ray.tracking_uri
    )
    assert elsewhere.returncode == 2
    assert "comes from MLflow" in elsewhere.stderr
    trusted = shared_ray(
        *("replay", confirmed[0].info.run_id, "--storage", "elsewhere", "--tracking-uri", shared_ray.tracking_uri),
        "--trust",
    )
    assert trusted.returncode == 0, trusted.stdout + trusted.stderr


def test_commands_that_only_look_execute_nothing(command_line: CommandLine) -> None:
    canary = command_line.folder / "executed"
    written(command_line.folder, f"open({str(canary)!r}, 'w').close()\n{MINE}")
    for command in ("validate", "plan"):
        ended = command_line(command, "own.yaml")
        assert ended.returncode == 0, ended.stderr
        assert "`adamant run` would execute mine.py (sha256 " in ended.stdout
    assert command_line("list", "sweeps").returncode == 0
    probed = command_line("plan", "own.yaml", "--probe")
    assert probed.returncode == 2
    assert not canary.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to somebody else")
def test_code_of_somebody_else_is_executed_only_where_one_says_so(command_line: CommandLine) -> None:
    canary = command_line.folder / "executed"
    original = written(command_line.folder, f"open({str(canary)!r}, 'w').close()\n1 / 0\n{MINE}")
    os.chown(original, 12345, 12345)
    refused = command_line("run", "own.yaml")
    assert refused.returncode == 2
    assert "mine.py" in refused.stderr
    assert "--trust" in refused.stderr
    assert not canary.exists()
    assert not (command_line.folder / "adamant-runs").exists()

    failed = command_line("run", "own.yaml", "--trust")
    assert failed.returncode == 2
    assert canary.exists()


@pytest.mark.parametrize(
    ("sweep", "code", "told"),
    [
        (
            SWEEP.replace("uses: [mine.py]", "uses: [nobody.py]"),
            MINE,
            "own.yaml:3: uses.0: nobody.py: there is no such file in /",
        ),
        (SWEEP.replace("uses: [mine.py]\n", ""), MINE, 'arms.mine.optimizer: "mine:Mine" needs mine under uses'),
        (SWEEP, MINE.replace("class Mine", "class Other"), 'arms.mine.optimizer: mine has no "Mine"'),
        (
            SWEEP,
            "import nothing_of_that_name\n" + MINE,
            "mine.py:1: mine cannot be imported (ModuleNotFoundError: No mod",
        ),
        (SWEEP, "Mine = 3\n", "arms.mine.optimizer: "),
        (SWEEP, "class Mine:\n    pass\n", "arms.mine.optimizer: "),
        (SWEEP.replace("pull:", "push:"), MINE, 'arms.mine.parameters.push: mine:Mine has no hyperparameter "push"'),
    ],
    ids=["file", "uses", "class", "import", "number", "no optimizer", "setting"],
)
def test_what_cannot_work_is_told_before_anything_is_written(
    sweep: str, code: str, told: str, command_line: CommandLine
) -> None:
    written(command_line.folder, code, sweep)
    ended = command_line("run", "own.yaml")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert told in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (command_line.folder / "adamant-runs").exists()


PROGRAM = """
import adamant
{code}

if __name__ == "__main__":
    sweep = {{
        "name": "from-python",
        "workload": {{"name": "mlp/digits", "epochs": 2}},
        "baseline": "sgd",
        "arms": {{
            "sgd": {{"optimizer": "sgd"}},
            "mine": {{"optimizer": "descent", "parameters": {{"lr": {{"values": [0.1, 0.3]}}}}}},
        }},
        "search": {{"trials": 2, "method": "random"}},
        "confirm": {{"seeds": [1, 2]}},
    }}
    judged = adamant.run(sweep, optimizers={{"descent": Mine}}, address={address!r})
    assert {{arm.name for arm in judged.verdict.arms}} == {{"sgd", "mine"}}
    assert len(judged.trials) == 4
    print(judged.report("written"))
"""


class Momentum(torch.optim.SGD):
    def __init__(self, params, lr=0.1, momentum=0.9):
        super().__init__(params, lr=lr, momentum=momentum)


def asked(**optimizers: Any) -> Sweep:
    """A sweep of two arms, the second of which is ``mine``."""
    arms = {"sgd": {"optimizer": "sgd"}, "mine": {"optimizer": "mine", "parameters": {"lr": {"values": [0.1, 0.3]}}}}
    sweep = {"name": "own", "workload": {"name": "mlp/digits"}, "baseline": "sgd", "arms": arms}
    return asked_sweep(sweep, optimizers, {})


def test_the_source_of_a_class_is_kept_under_its_name_in_the_sweep() -> None:
    sweep = asked(mine=Momentum)
    source = sweep.code.source("notebook")
    assert source is not None
    ast.parse(source)
    assert source.endswith("mine = Momentum\n")
    recorded = recorded_sweep(sweep_yaml(sweep), "sweep.yaml", sweep.code)
    assert {"lr", "momentum"} <= recorded.arms["mine"].space.entry.hyperparameters.keys()
    user_code.load(CodeBundle())


def test_a_class_in_place_of_its_name_and_a_name_that_is_nearly_that_of_an_object_are_told() -> None:
    sweep = {"arms": {"mine": {"optimizer": Momentum}}}
    with pytest.raises(InputError, match=r"arms\.mine\.optimizer: is a class; .* optimizers=\{'Momentum': Momentum\}"):
        asked_sweep(sweep, {}, {})
    with pytest.raises(InputError, match=r'arms\.mine\.optimizer: "mine" is not among optimizers .* "mime"'):
        asked(mime=Momentum)


def test_a_file_that_is_beside_the_others_and_not_listed_is_told(command_line: CommandLine) -> None:
    (command_line.folder / "helper.py").write_text("", encoding="utf-8")
    written(command_line.folder, f"import helper\n{MINE}")
    ended = command_line("run", "own.yaml")
    assert ended.returncode == 2
    assert "helper.py is beside it: list it too, as in uses: [mine.py, helper.py]" in ended.stderr


@pytest.mark.cluster
def test_a_class_of_a_program_is_pickled_into_the_sweep(shared_ray: FrontDoor) -> None:
    program = shared_ray.folder / "program.py"
    program.write_text(PROGRAM.format(code=MINE, address=shared_ray.ray_address), encoding="utf-8")
    environment = {**shared_ray.environment, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(
        [sys.executable, str(program)],
        check=False,
        cwd=shared_ray.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    program.unlink()
    gone_on = shared_ray("resume", "from-python")
    assert gone_on.returncode == 0, gone_on.stderr
    assert "class Mine" in (shared_ray.runs / "from-python" / "code" / "notebook.py").read_text(encoding="utf-8")
    reported = shared_ray("report", "from-python", "--out", "again")
    assert reported.returncode == 0, reported.stderr
