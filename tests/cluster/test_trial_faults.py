"""Trials that stand still, end their process, raise or diverge: each ends with its reason, and the others go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.conftest import FrontDoor, wait_until
from trainables.mlflow_contract import Role, Tag, tagged

pytestmark = pytest.mark.cluster

TIMEOUT_S = 8
# Also for the trials beside it, which a slow machine keeps waiting.
HALTED_S = 25
# The first steps are sound, as those of code that is tried out before a sweep.
FAULTY = """
import math, os, time
import torch


class Faulty(torch.optim.SGD):
    def __init__(self, params, lr=0.1, fault="none"):
        super().__init__(params, lr=lr)
        self.fault, self.steps = fault, 0

    def step(self, closure=None):
        self.steps += 1
        if self.steps > 5 and self.fault == "hangs":
            time.sleep(3600)
        if self.steps > 5 and self.fault == "exits":
            os._exit(3)
        if self.steps > 5 and self.fault == "raises":
            raise RuntimeError("as the test wants")
        if self.steps > 5 and self.fault == "leaks":
            raise MemoryError
        if self.fault == "nan":
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad.fill_(math.nan)
        return super().step(closure)
"""
SWEEP = """
name: faulty
uses: [faulty.py]
workload: {name: mlp/digits, epochs: 2}
baseline: sgd
arms:
  sgd: {optimizer: sgd, parameters: {lr: {value: 0.1}}}
  faulty: {optimizer: "faulty:Faulty", parameters: {lr: {value: 0.1}, fault: {values: FAULTS}}}
search: {method: grid, trials: 9}
scheduler: {type: none}
confirm: {seeds: [1]}
resources: {trial_timeout: TIMEOUT}
"""


def started_with(door: FrontDoor, *faults: str, timeout_s: int) -> None:
    (door.folder / "faulty.py").write_text(FAULTY, encoding="utf-8")
    text = SWEEP.replace("FAULTS", f"[none, {', '.join(faults)}]").replace("TIMEOUT", str(timeout_s))
    (door.folder / "faulty.yaml").write_text(text, encoding="utf-8")


def ends_of(door: FrontDoor) -> dict[str, tuple[str, str]]:
    """How each trial of the faulty arm has ended, and why, by its fault."""
    found: list[Run] = runs_of(door, f"{tagged(Tag.SWEEP_ROLE, Role.TRIAL)} and {tagged(Tag.ARM, 'faulty')}")
    return {
        run.data.params["optimizer.fault"]: (run.data.tags[Tag.STATUS_REASON], run.data.tags.get(Tag.STATUS_DETAIL, ""))
        for run in found
    }


def runs_of(door: FrontDoor, where: str) -> list[Run]:
    client = MlflowClient(door.tracking_uri)
    [experiment] = client.search_experiments(filter_string="name = 'adamant/faulty'")
    return list(client.search_runs([experiment.experiment_id], where))


def test_a_trial_that_hangs_fails_with_its_reason_and_the_sweep_goes_on(shared_ray: FrontDoor) -> None:
    started_with(shared_ray, "hangs", timeout_s=TIMEOUT_S)
    ended = shared_ray("run", "faulty.yaml", timeout=500)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = f"it made no progress for {TIMEOUT_S} s (resources.trial_timeout)"
    assert ended.stdout.count(f"faulty/1: {told}; its process is ended") == 2
    assert ends_of(shared_ray) == {"none": ("finished", ""), "hangs": ("failed", f"{told}, 2 times")}
    stalled = shared_ray.runs / "faulty" / "trials" / "faulty" / "1" / "stalled.txt"
    assert "faulty.py" in stalled.read_text(), "where it stood"
    [summary] = runs_of(shared_ray, tagged(Tag.SWEEP_ROLE, Role.SUMMARY))
    assert "1 run failed (faulty/1)" in summary.data.tags[Tag.DIGEST_DOUBTS]


@pytest.mark.slow
def test_each_faulty_trial_ends_with_its_reason(shared_ray: FrontDoor) -> None:
    started_with(shared_ray, "exits", "raises", "leaks", "nan", timeout_s=120)
    ended = shared_ray("run", "faulty.yaml", timeout=500)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    died = "its process died 4 times, or had no memory left"
    assert ends_of(shared_ray) == {
        "none": ("finished", ""),
        "exits": ("failed", died),
        "raises": ("failed", "RuntimeError: as the test wants"),
        "leaks": ("failed", died),
        "nan": ("diverged", ""),
    }


def trial_processes(door: FrontDoor) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if "ray::Trial" in " ".join(process.cmdline()) and process.environ()["HOME"] == door.environment["HOME"]:
                yield process


def test_a_trial_that_is_halted_goes_on_in_a_new_process_and_finds_the_same(front_door: FrontDoor) -> None:
    settings = ("search.trials=1", "search.studies=1", "confirm.seeds=[1]", "workload.epochs=60", "scheduler.type=none")
    limits = (f"resources.trial_timeout={HALTED_S}", "resources.checkpoint_seconds=0.2")
    command = ["quickstart", *(part for one in (*settings, *limits) for part in ("--set", one))]
    driver = front_door.start("run", *command)
    trials = front_door.runs / "quickstart" / "trials"
    wait_until(lambda: list(trials.glob("*/*/checkpoints/*.pt")) or driver.poll() is not None, 300, "a checkpoint")
    halted = list(trial_processes(front_door))
    assert halted
    for process in halted:
        os.kill(process.pid, signal.SIGSTOP)
    began = time.monotonic()
    out, err = driver.communicate(timeout=400)
    assert driver.returncode == 0, out + err
    assert time.monotonic() - began < 300
    assert f"it made no progress for {HALTED_S} s" in out
    assert "failed" not in out
    assert not [process for process in halted if process.is_running() and process.status() != "zombie"]
    undisturbed = front_door("run", *command, "--set", "name=undisturbed")
    digests = [
        next(line for line in told.splitlines() if line.startswith("Digest ")) for told in (out, undisturbed.stdout)
    ]
    assert digests[0] == digests[1]
