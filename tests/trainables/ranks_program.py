# pyright: reportPrivateImportUsage=false
# Torch documents its stores under torch.distributed, which does not export them to type checkers.
"""One of several plain processes that train runs together, for `test_ranks.py`: folder and rank on its line."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

import trainables
from tests.trainables.cases import made_up_data
from trainables import TrialSpec
from trainables.training.training_run import Training, open_training


def main(folder: Path, rank: int) -> None:
    """Train as each case of `cases.json` in the folder says, and leave what came of all in a file of this rank."""
    torch.set_num_threads(1)
    told = json.loads((folder / "cases.json").read_text())
    store = dist.FileStore(str(folder / "store"), told["workers"])
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=told["workers"], timeout=timedelta(seconds=told["timeout_s"])
    )
    ended = [run(TrialSpec.from_dict(case["spec"]), case["stop_at"], folder, rank) for case in told["cases"]]
    torch.save(ended, folder / f"rank-{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def run(spec: TrialSpec, stop_at: int, folder: Path, rank: int) -> dict[str, Any]:
    """Return what came of a run, which is taken up from its checkpoint where it is to stop at a step."""
    training = opened(spec, folder, shared=True)
    train(training, stop_at or training.total_steps)
    if stop_at:
        torch.save(training.state_dict(), folder / f"state-{rank}.pt")
        torch.manual_seed(4321 + rank)
        training = opened(spec, folder, shared=True)
        # Of the first, as a checkpoint is.
        dist.barrier()
        training.load_state_dict(torch.load(folder / "state-0.pt", weights_only=True))
        train(training, training.total_steps)
    return came_out(training)


def opened(spec: TrialSpec, folder: Path, shared: bool) -> Training:
    """At its start: on the digits as they are, on made-up data for other workloads."""
    real = spec.workload == "mlp/digits"
    data = trainables.get(spec.workload).load_data(folder) if real else made_up_data(spec, folder)
    return open_training(spec, data, torch.device("cpu"), shared)


def train(training: Training, until: int) -> None:
    while training.step < until and not training.finished:
        training.advance(until - training.step)


def came_out(training: Training) -> dict[str, Any]:
    weights = {name: p.detach() for name, p in training.model.named_parameters()}
    return {"weights": weights, "curve": training.curve, "step": training.step, "diverged": training.diverged}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
