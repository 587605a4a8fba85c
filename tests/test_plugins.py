"""What an installed package offers by entry points is listed, used and recorded; what is wrong with one is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optimizers import InputError
from optimizers.registry import Registry
from tests.conftest import REPOSITORY
from tests.optimizers.test_registration import Thing

THINGS = '''
import torch
from optuna.samplers import RandomSampler
from torch import nn

from optimizers import Hyperparameter, OptimizerEntry
from optimizers.domains import NOT_NEGATIVE
from trainables import Task

SIGN = OptimizerEntry(
    "sign", "lab.things:Sign", "steps along the sign of the gradient", "theta <- theta - lr sign(g)", "a lab",
    {"lr": Hyperparameter(0.5, "learning rate", NOT_NEGATIVE)},
)


class Sign(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad.sign(), alpha=group["lr"])


class Line(Task):
    """A straight line through points."""

    metrics = {"val/loss": "minimize"}
    epochs = 3

    def data(self, root):
        x = torch.arange(64.0).reshape(-1, 1) / 64
        return x, 2 * x

    def build_model(self):
        return nn.Linear(1, 1)

    def loss(self, model, batch):
        inputs, targets = batch
        return (model(inputs) - targets).square().mean()


def decay(base, step, rate=0.5):
    """Falls with the root of the step."""
    return base * step**-rate


class Upper(RandomSampler):
    """Draws as RandomSampler does."""
'''
ENTRY_POINTS = """
[adamant.optimizers]
lab_sign = lab.things:SIGN
lab_plain = lab.things:Sign
adam = lab.things:Sign
lab_gone = lab.nothing:Sign
lab_broken = lab.broken:Sign
lab_wrong = lab.things:decay_of
lab_twice = lab.things:SIGN

[adamant.workloads]
lab/line = lab.things:Line

[adamant.schedules]
lab_decay = lab.things:decay

[adamant.samplers]
lab_upper = lab.things:Upper
"""
SWEEP = """
name: lab
workload: {name: lab/line}
baseline: sign
arms:
  sign: {optimizer: lab_sign, parameters: {lr: {distribution: log_uniform, min: 1e-3, max: 1}}}
  plain: {optimizer: lab_plain, parameters: {lr: {value: 0.01}}}
  decayed:
    optimizer: moment_adam
    parameters:
      beta1_schedule: {value: lab_decay}
      beta1_schedule.rate: {distribution: uniform, min: 0.1, max: 0.9}
      training.lr_schedule: {values: [constant, lab_decay]}
search: {method: lab_upper, trials: 4}
confirm: {seeds: [1]}
"""
PROGRAM = """
import json, sys
from typer.testing import CliRunner
import adamant
told = {}
for kind in ("optimizers", "workloads", "schedules", "samplers"):
    told[kind] = json.loads(CliRunner().invoke(adamant.app, ["list", kind, "--json"]).stdout)
told["imported"] = "lab" in sys.modules
for name in ("lab_sign", "lab_plain", "lab_broken", "lab_wrong", "lab_twice", "adam"):
    told[name] = CliRunner().invoke(adamant.app, ["list", "optimizers", name]).output
told["line"] = json.loads(CliRunner().invoke(adamant.app, ["list", "workloads", "lab/line", "--json"]).stdout)
told["data"] = CliRunner().invoke(adamant.app, ["data"]).stdout
told["validate"] = CliRunner().invoke(adamant.app, ["validate", "sweep.yaml"]).output
from search_spaces.study.assignment import default_assignment
from cluster.planning.schedule_lengths import check_schedules
from cluster.tracking.run_description import describe, trial_spec
from pathlib import Path
from search_spaces import load_sweep
from search_spaces.study.first_draws import check_sampler
sweep = load_sweep("sweep.yaml")
check_schedules(sweep, Path())
check_sampler(sweep)
told["versions"] = json.loads(describe(sweep, default_assignment(sweep, "decayed")).tags["versions"])
print(json.dumps(told))
"""
TRAINING = """
import json
from pathlib import Path
import torch, trainables
from search_spaces.study.assignment import default_assignment
from cluster.tracking.run_description import trial_spec
from search_spaces import load_sweep
from trainables.training.training_run import open_training
losses = {}
sweep = load_sweep("sweep.yaml")
for arm in sweep.arms:
    spec = trial_spec(sweep, default_assignment(sweep, arm))
    training = open_training(spec, trainables.get(spec.workload).load_data(Path()), torch.device("cpu"))
    training.advance(1000)
    losses[arm] = [point["val/loss"] for point in training.curve]
print(json.dumps(losses))
"""


def install(folder: Path, name: str, version: str, entry_points: str) -> None:
    """As pip does, for what a package's metadata say."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two such packages are installed."""
    folder = tmp_path_factory.mktemp("plugins")
    site = folder / "site"
    install(site, "lab-things", "1.2", ENTRY_POINTS)
    install(site, "other-lab", "0.3", "[adamant.optimizers]\nlab_twice = other:Twice\n")
    (site / "lab").mkdir()
    (site / "lab" / "__init__.py").write_text("", encoding="utf-8")
    (site / "lab" / "things.py").write_text(THINGS, encoding="utf-8")
    (site / "lab" / "broken.py").write_text("import nothing_of_the_kind\n", encoding="utf-8")
    (folder / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return folder


def answer(folder: Path, program: str) -> dict[str, Any]:
    """What a program prints in a process that finds the packages."""
    environment = {
        **os.environ, "PYTHONPATH": f"{folder / 'site'}:{REPOSITORY}", "COLUMNS": "400",
        "ADAMANT_CACHE": str(folder / "cache"),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    """What the front door says there."""
    return answer(folder, PROGRAM)


def listed(told: dict[str, Any], kind: str, name: str) -> str:
    """What stands beside a name in the last row that has it."""
    return [one for row in told[kind] for one in [list(row.values())] if one[0] == name][-1][1]


def test_plugins_are_listed_without_being_imported(told: dict[str, Any]) -> None:
    assert listed(told, "optimizers", "lab_sign") == "lab.things:SIGN of lab-things 1.2; loaded when it is used"
    assert listed(told, "workloads", "lab/line") == "lab.things:Line of lab-things 1.2; loaded when it is used"
    assert listed(told, "schedules", "lab_decay") == "lab.things:decay of lab-things 1.2; loaded when it is used"
    assert listed(told, "samplers", "lab_upper") == "lab.things:Upper of lab-things 1.2; loaded when it is used"
    assert told["samplers"][0]["sampler"] == "tpe"
    assert not told["imported"]


def test_what_is_wrong_with_a_plugin_stands_in_its_row_and_harms_no_other(told: dict[str, Any]) -> None:
    assert listed(told, "optimizers", "lab_gone").endswith("; cannot be used: there is no module lab.nothing")
    assert listed(told, "optimizers", "adam").endswith(
        '"adam" is the name of another optimizer, optimizers.baselines.torch_baselines:Adam; rename the entry point'
    )
    assert listed(told, "optimizers", "lab_twice").endswith(
        '"lab_twice" is an entry point of lab.things:SIGN of lab-things 1.2 and of other:Twice of other-lab 0.3; '
        "uninstall one"
    )
    assert "mean of the gradient" in told["adam"] or "Adam" in told["adam"]


def test_a_plugin_is_loaded_when_it_is_asked_for(told: dict[str, Any]) -> None:
    assert "theta <- theta - lr sign(g)" in told["lab_sign"]
    assert "required" in told["lab_plain"]
    assert told["line"]["model"] == "A straight line through points"
    assert (
        'the optimizer "lab_broken" is lab.broken:Sign of lab-things 1.2: it cannot be loaded (Module'
        in told["lab_broken"]
    )
    assert "it cannot be loaded (AttributeError" in told["lab_wrong"]
    assert 'the optimizer "lab_twice" cannot be used: ' in told["lab_twice"]


def test_a_sweep_over_plugins_is_valid_and_records_their_versions(told: dict[str, Any]) -> None:
    assert told["validate"].startswith("lab: valid. 3 arms")
    assert told["versions"]["lab-things"] == "1.2"
    assert "other-lab" not in told["versions"]
    assert "as lab.things:Line returns it" in told["data"]


@pytest.mark.slow
def test_a_sweep_over_plugins_trains(folder: Path) -> None:
    losses = answer(folder, TRAINING)
    assert {arm: len(curve) for arm, curve in losses.items()} == {"sign": 3, "decayed": 3, "plain": 3}
    assert losses["decayed"][-1] < losses["decayed"][0]


def test_a_registry_of_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "lab-things", "1.2", "[tests.things]\ntable = json:dumps\nlamp = json.nothing:x\nbed = json\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry(
        "thing", [Thing("chair", "here")], None, "tests.things", lambda name, target, found: Thing(name, target)
    )
    assert registry.names() == ("chair", "bed", "lamp", "table")
    assert registry.get("table") is registry.get("table")
    assert registry.get("table").origin == "json:dumps"
    assert [(one.name, problem) for one, problem in registry.plugins()] == [
        ("bed", 'its entry point names a module alone, "json"; write module:attribute'),
        ("lamp", "there is no module json.nothing"),
        ("table", ""),
    ]
    with pytest.raises(InputError, match=r'the thing "table" is registered already, by json:dumps of lab-things 1\.2'):
        registry.register(Thing("table", "there"))
    with pytest.raises(InputError, match=r'no thing is called "tabel"; there are chair, bed.* Did you mean "table"'):
        registry.get("tabel")
