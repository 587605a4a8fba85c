"""The trials of a recorded sweep in a bare loop: one process a core, one thread each; no Ray, no MLflow, no Optuna.

    python -m benchmarks.bare_loop SWEEP_FOLDER

prints, as JSON, the wall time from the first trial's start to the last one's end, and how many trials ended with other
metrics than the sweep's.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.recorded_sweep import RecordedTrial, recorded_trials
from benchmarks.sandbox import core_count

if TYPE_CHECKING:
    from trainables.training.training_run import Training

_NOT_COMPARED = ("timestamp",)


def run(trials: list[RecordedTrial], processes: int) -> tuple[float, int]:
    """Seconds to train ``trials`` again, and how many of them ended elsewhere than before."""
    context = multiprocessing.get_context("spawn")
    tasks: Queue[RecordedTrial | None] = context.Queue()
    ends: Queue[bool] = context.Queue()
    ready = context.Barrier(processes + 1)
    for task in (*trials, *[None] * processes):
        tasks.put(task)
    workers = [context.Process(target=_work, args=(trials[0], tasks, ends, ready)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    different = sum(not ends.get() for _ in trials)
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return seconds, different


def _work(warm_up: RecordedTrial, tasks: Queue[RecordedTrial | None], ends: Queue[bool], ready: Barrier) -> None:
    import torch

    torch.set_num_threads(1)
    _training(warm_up)
    ready.wait()
    while (trial := tasks.get()) is not None:
        training = _training(trial)
        training.advance(trial.steps)
        if trial.spec["test"] and training.finished:
            training.test_metrics()
        ends.put(_same(trial.last_point, training.curve[-1] if training.curve else {}))


def _training(trial: RecordedTrial) -> Training:
    import torch

    import trainables
    from trainables.training.training_run import open_training

    spec = trainables.TrialSpec.from_dict(trial.spec)
    data = trainables.get(spec.workload).load_data(Path(), spec.options)
    return open_training(spec, data, torch.device("cpu"))


def _same(recorded: dict[str, float], repeated: dict[str, float]) -> bool:
    return recorded.keys() == repeated.keys() and all(
        recorded[name] == repeated[name] for name in recorded if name not in _NOT_COMPARED
    )


if __name__ == "__main__":
    seconds, different = run(recorded_trials(Path(sys.argv[1])), core_count())
    print(json.dumps({"seconds": seconds, "different": different}))
