"""Optimizers from packages on PyPI, by "module:Class": each runs through a sweep to the same bits, or is refused.

``python tests/by_hand/foreign_optimizers.py``, where schedulefree, prodigyopt, lion-pytorch, adan-pytorch,
apollo-torch, adam-atan2-pytorch and torch-optimizer are installed. One sweep of all arms runs whole, and once more
killed three times and gone on with; then a confirmation of each arm is replayed. Those that cannot be used are asked
for one by one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient

from search_spaces.schema.yaml_source import dump_yaml
from tests.conftest import REPOSITORY, new_environment, wait_until
from trainables.mlflow_contract import Role, Tag

LR = {"distribution": "log_uniform", "min": 1e-3, "max": 1e-1}
USED = {
    "schedulefree_adamw": ("schedulefree:AdamWScheduleFree", {"lr": LR}),
    "schedulefree_radam": ("schedulefree:RAdamScheduleFree", {"lr": LR}),
    "prodigy": ("prodigyopt:Prodigy", {"d_coef": {"distribution": "log_uniform", "min": 0.5, "max": 2.0}}),
    "lion": ("lion_pytorch:Lion", {"lr": {"distribution": "log_uniform", "min": 1e-4, "max": 1e-2}}),
    "adan": ("adan_pytorch:Adan", {"lr": LR}),
    "diffgrad": ("torch_optimizer:DiffGrad", {"lr": LR, "beta1": {"distribution": "uniform", "min": 0.5, "max": 0.95}}),
    "aggmo": ("torch_optimizer:AggMo", {"lr": LR}),
    "shampoo": ("torch_optimizer:Shampoo", {"lr": LR}),
    "came": ("pytorch_optimizer:CAME", {"lr": LR}),
    "tiger": ("pytorch_optimizer:Tiger", {"lr": LR}),
    "adafactor": ("torch.optim:Adafactor", {"lr": LR}),
    "rprop": ("torch.optim:Rprop", {"lr": LR}),
    "asgd": ("torch.optim:ASGD", {"lr": LR}),
}
"""By the names of arms."""
# The first two run where the packages that theirs import, and do not ask for, are installed too.
REFUSED = {
    "apollo": ("apollo_torch:APOLLOAdamW", {"lr": LR}),
    "adam_atan2": ("adam_atan2_pytorch:AdamAtan2", {"lr": LR}),
    "lbfgs": ("torch.optim:LBFGS", {"lr": LR}),
    "sparse_adam": ("torch.optim:SparseAdam", {"lr": LR}),
    "muon": ("torch.optim:Muon", {"lr": LR}),
    "adahessian": ("torch_optimizer:Adahessian", {"lr": LR}),
    "sam": ("pytorch_optimizer:SAM", {"lr": LR}),
    "scheduler": ("torch.optim.lr_scheduler:StepLR", {"step_size": {"value": 3}}),
    "not_there": ("torch_optimizer:Adamish", {"lr": LR}),
}
KILLS = (5, 17, 31)
"""How many records of trials there are when a driver is killed."""


def sweep(name: str, arms: Mapping[str, tuple[str, Mapping[str, object]]], **changed: object) -> str:
    packages = {target.partition(":")[0].partition(".")[0] for target, _ in arms.values()}
    described = {arm: {"optimizer": target, "parameters": parameters} for arm, (target, parameters) in arms.items()}
    return dump_yaml({
        "name": name,
        "uses": sorted(packages),
        "workload": {"name": "mlp/digits", "epochs": 4},
        "baseline": "adam",
        "arms": {"adam": {"optimizer": "adam", "parameters": {"lr": LR}}, **described},
        "search": {"trials": 2, "method": "random"},
        "confirm": {"seeds": [1]},
        "scheduler": {"type": "none"},
        **changed,
    })  # fmt: skip


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, new_environment(folder)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(REPOSITORY / "adamant.py"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, start_new_session=True, **pipes)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=580)
        return process.returncode, out


def weights(folder: Path, name: str) -> dict[str, tuple[str, str]]:
    """The id and the digest of the final weights of every run, by trial."""
    client = MlflowClient(f"sqlite:///{folder}/adamant-runs/mlflow.db")
    experiment = client.get_experiment_by_name(f"adamant/{name}")
    assert experiment is not None
    runs = client.search_runs(
        [experiment.experiment_id], f"tags.`{Tag.SWEEP_ROLE}` != '{Role.SUMMARY}'", max_results=500
    )
    return {run.data.tags[Tag.TRIAL_ID]: (run.info.run_id, run.data.tags[Tag.WEIGHTS_SHA256]) for run in runs}


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="foreign-"))
    shells = {}
    for name in ("whole", "killed", "refused"):
        (work / name).mkdir()
        shells[name] = Shell(work / name)
        (work / name / "foreign.yaml").write_text(sweep("foreign", USED), encoding="utf-8")

    code, out = shells["whole"]("run", "foreign.yaml")
    print(out[-2500:] if code else "whole: exit 0")
    if code:
        return
    command = ["run", "foreign.yaml"]
    trials = work / "killed" / "adamant-runs" / "foreign" / "trials"
    for records in KILLS:
        driver = shells["killed"].start(*command)
        wait_until(lambda least=records: len(list(trials.glob("**/record.json"))) >= least, 400, f"{records} records")
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        print(f"killed at {records} records")
        command = ["resume", "foreign"]
    code, out = shells["killed"](*command)
    print(out[-1500:] if code else "killed and gone on with: exit 0")

    whole, killed = (weights(work / name, "foreign") for name in ("whole", "killed"))
    print(f"\n{'optimizer':40} runs  same bits  replay")
    for arm, (target, _) in USED.items():
        own = [trial for trial in whole if trial.startswith(f"{arm}/")]
        same = sum(whole[trial][1] == killed.get(trial, ("", ""))[1] for trial in own)
        confirmed = next(run for trial, (run, _) in killed.items() if trial.startswith(f"{arm}/confirm/"))
        code, out = shells["killed"]("replay", confirmed)
        print(f"{target:40} {len(own):4}  {same:9}  {out.strip().splitlines()[-1]}")

    print()
    for arm, one in REFUSED.items():
        (work / "refused" / "one.yaml").write_text(sweep(f"refused-{arm}", {arm: one}), encoding="utf-8")
        code, out = shells["refused"]("run", "one.yaml")
        print(f"{one[0]:40} exit {code}  {out.strip().splitlines()[-1]}")
        if code:
            assert not (work / "refused" / "adamant-runs" / f"refused-{arm}").exists(), "nothing is written"


if __name__ == "__main__":
    main()
