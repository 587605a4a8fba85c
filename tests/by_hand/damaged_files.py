"""Damage files of real sweeps at random, hundreds of times, and see that none of it is used in silence.

``python -m tests.by_hand.damaged_files [DAMAGES [SEED]]``, from the repository; 500 take some ten minutes on two cores.
One sweep is killed in its middle, another ends. Then, again and again, one file of either is cut off, has a bit
flipped, or a block of zeros in it, and whoever reads this kind of file is asked: `adamant check` and the repair of it,
and what loads checkpoints, cached data and kernels. Where nobody says anything, all that is read must be what it was.
Prints a table, and ends with 1 where something else was read without a word.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cluster.audit.audit import Audit, audit
from cluster.audit.audit_findings import State
from cluster.faults.disturbed_sweep import NAME, DisturbedSweep
from cluster.faults.file_faults import DAMAGES, damageable_files
from cluster.storage.recorded import newer_trials
from cluster.storage.sweep_folder import SweepFolder
from optimizers import InputError
from optimizers.moment_adam.native_build import built_before
from trainables.data.array_cache import open_stored
from trainables.tune.checkpoint import TrialFolder

MENDED, COPY, ASIDE, OLDER, SAME, SILENT = (
    "named, mended", "named, a copy is needed", "set aside or made anew", "as before its last lines", "nothing changed",
    "USED IN SILENCE",
)  # fmt: skip
OUTCOMES = (MENDED, COPY, ASIDE, OLDER, SAME, SILENT)
PATIENCE_S = 300


class Sweeps:
    """Two sweeps as they were, which are put back after each damage."""

    def __init__(self, folder: Path) -> None:
        self.cache, self._originals = folder / "cache", folder / "originals"
        os.environ["ADAMANT_CACHE"] = str(self.cache)
        self.killed, self.ended = (DisturbedSweep(folder / name, self.cache) for name in ("killed", "ended"))
        self._run_half(self.killed)
        if code := self.ended.start().wait():
            raise SystemExit(f"the sweep ended with {code}; see {self.ended.work}")
        for path in (self.cache, self.killed.work, self.ended.work):
            shutil.copytree(path, self._originals / path.name)

    @staticmethod
    def _run_half(sweep: DisturbedSweep) -> None:
        sweep.start()
        began = time.monotonic()
        while len([*sweep.folder.trials.glob("**/record.json")]) < 6 or not checkpoints(sweep):
            if not sweep.is_running or time.monotonic() - began > PATIENCE_S:
                raise SystemExit(f"the sweep did not get to its middle; see {sweep.work}")
            time.sleep(0.05)
        sweep.kill()

    def put_back(self) -> None:
        for path in (self.cache, self.killed.work, self.ended.work):
            shutil.rmtree(path)
            shutil.copytree(self._originals / path.name, path)


def checkpoints(sweep: DisturbedSweep) -> list[Path]:
    return [*sweep.folder.trials.glob("**/checkpoints/*.pt")]


def read(folder: SweepFolder) -> Any:
    """All of a sweep that is read: what its studies hold, and every run of it in MLflow."""
    from mlflow import MlflowClient

    sweep, manifest = folder.open()
    client = MlflowClient(manifest.tracking_location)
    runs = {
        run.info.run_id: (run.info.status, run.data.params, run.data.tags, [
            (name, point.step, point.value)
            for name in run.data.metrics
            for point in client.get_metric_history(run.info.run_id, name)
        ])
        for experiment in client.search_experiments()
        for run in client.search_runs([experiment.experiment_id])
    }  # fmt: skip
    found = audit(folder, repair=False, trusted=True)
    return found.recorded, found.digest, sweep.file.plain(), manifest, runs


def of_sweep(sweep: DisturbedSweep, path: Path, before: Any) -> str:
    """What `adamant check` makes of a damage, and of it again after a repair."""
    folder = sweep.folder
    found = damaged(audit(folder, repair=False, trusted=True))
    if found:
        audit(folder, repair=True, trusted=True)
        return COPY if damaged(audit(folder, repair=False, trusted=True)) else MENDED
    try:
        now = read(folder)
    except Exception as error:  # noqa: BLE001 - whatever a damaged file leads to, it is said where it is read
        print(f"    {path.name}: told by who reads it: {str(error)[:150]}")
        return COPY
    if now == before:
        return SAME
    # The end of a journal at the end of a line is that of an earlier moment, from which a resume goes on.
    return OLDER if path == sweep.journal and not newer_trials(folder, *folder.open()) else SILENT


def damaged(found: Audit) -> bool:
    return bool(found.having(State.DAMAGED))


def of_checkpoint(path: Path, original: bytes) -> str:
    _, warnings = TrialFolder(path.parent.parent).load_checkpoint()
    if warnings:
        return ASIDE
    return SAME if not path.exists() or path.read_bytes() == original or not is_newest(path) else SILENT


def is_newest(path: Path) -> bool:
    return path == max(path.parent.glob("*.pt"))


def of_cache(path: Path, original: bytes) -> str:
    try:
        open_stored(path.parent)
    except InputError:
        return ASIDE
    return SAME if path.read_bytes() == original else SILENT


def of_kernel(path: Path, original: bytes) -> str:
    found = built_before(path.with_name(path.name.rsplit(".", 2)[0]))
    return ASIDE if found is None else SAME if found.read_bytes() == original else SILENT


def answer(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call it in a process of its own: MLflow keeps databases open that are put back meanwhile."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sending.send(function(*arguments)))
    process.start()
    sending.close()
    try:
        return receiving.recv()
    finally:
        process.join()


def main(damages: int, seed: int) -> int:
    chance, table = random.Random(seed), Counter[tuple[str, str]]()
    by_reader: dict[str, Callable[[Path, bytes], str]] = {
        "checkpoint": of_checkpoint, "data cache": of_cache, "kernel": of_kernel,
    }  # fmt: skip
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        sweeps = Sweeps(Path(name))
        before = {sweep.work: answer(read, sweep.folder) for sweep in (sweeps.killed, sweeps.ended)}
        began = time.monotonic()
        for number in range(damages):
            sweep = chance.choice([sweeps.killed, sweeps.ended])
            kind, find = chance.choice([*damageable_files().items()])
            files = sorted(path for path in find(sweep) if path.stat().st_size)
            if not files:  # what has ended has no checkpoints
                sweep, files = sweeps.killed, sorted(find(sweeps.killed))
            path, (done, damage) = chance.choice(files), chance.choice([*DAMAGES.items()])
            original = path.read_bytes()
            path.unlink()
            path.write_bytes(damage(original, chance))
            judge = by_reader.get(kind)
            whole = partial(of_sweep, sweep, path, before[sweep.work])
            outcome = answer(partial(judge, path, original) if judge else whole)
            table[kind, outcome] += 1
            if outcome == SILENT:
                print(f"  {number}: {kind}, {done}, {path.relative_to(name)}: {outcome}", flush=True)
            sweeps.put_back()
        seconds = time.monotonic() - began
    print(f"{damages} damages of seed {seed} to {NAME}, {seconds:.0f} s")
    print(f"| file | {' | '.join(OUTCOMES)} |\n|---|{'---|' * len(OUTCOMES)}")
    for kind in damageable_files():
        print(f"| {kind} | {' | '.join(str(table[kind, outcome]) for outcome in OUTCOMES)} |")
    return int(any(outcome == SILENT for _, outcome in table))


if __name__ == "__main__":
    sys.exit(main(int((sys.argv[1:] or ["500"])[0]), int((sys.argv[2:] or ["0"])[0])))
