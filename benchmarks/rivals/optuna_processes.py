"""Optuna as its documentation runs in parallel: one script, started once a core, with one study in a journal file.

    python -m benchmarks.rivals.optuna_processes FOLDER

starts the processes; each of them is this script with its number behind the folder. It keeps no curves and no MLflow
runs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.sandbox import core_count
from benchmarks.timeline import recorded


def start_all(folder: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.rivals.optuna_processes", str(folder)]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(core_count())]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"a process failed; exit codes {codes}")


def optimize(folder: Path, number: int) -> None:
    import optuna
    import torch
    from optuna.storages.journal import JournalFileBackend

    from benchmarks.rivals import digits

    torch.set_num_threads(1)
    data = digits.load_data()

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("lr", *digits.LEARNING_RATES, log=True)
        with recorded(folder / "timeline.jsonl"):
            return digits.train(lr, data, report=lambda metrics: None)

    study = optuna.create_study(
        study_name="digits",
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.journal"))),
        sampler=optuna.samplers.TPESampler(seed=number),
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=len(range(number, digits.TRIALS, core_count())))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        start_all(Path(sys.argv[1]))
    else:
        optimize(Path(sys.argv[1]), int(sys.argv[2]))
