"""The first steps of a sweep with code of a user's own, taken before anything of it is written or started.

They are taken in processes of their own, so that nothing that the code does there can harm the sweep's driver, and in
another folder than the current one, so that a path that trials could not resolve is found.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle
from trainables.spec import TrialSpec
from trainables.workloads import catalogue
from trainables.workloads.own_workload import OwnEntry

if TYPE_CHECKING:
    from trainables.data.splits import DataSet
    from trainables.training.training_run import Training

STEPS = 2
LARGEST_BATCH = 16
EXAMPLES_EVALUATED = 256
ELEMENTS_EVALUATED = 4096
LINES_TOLD = 5


def dry_step(specs: Sequence[TrialSpec], data_root: Path, code: CodeBundle) -> None:
    """Take two steps of each run, on few examples, and evaluate it; raise InputError for what would fail a sweep.

    Of a task (see :class:`trainables.Task`) its data, model, loss and metrics are looked at one by one, and its data is
    read in two processes, which must get the same.
    """
    own = [spec for spec in specs if isinstance(catalogue.get(spec.workload), OwnEntry)]
    with tempfile.TemporaryDirectory() as folder:
        children = [_Child(Path(folder) / "steps", specs, data_root, code, steps=True)]
        if own:
            children.append(_Child(Path(folder) / "data", own, data_root, code, steps=False))
        try:
            told = [child.wait() for child in children]
        finally:
            for child in children:
                child.process.kill()
                child.process.wait()
    for name, fingerprint in told[-1].items():
        if told[0][name] != fingerprint:
            raise InputError(
                f"{name}: data() gives other examples in another process; what comes from a set or a folder must be "
                "sorted, and random numbers drawn from the global generators, which are seeded before data() is called"
            )


class _Child:
    """A process that looks at runs; what it finds is in a file of ``folder``."""

    def __init__(
        self, folder: Path, specs: Sequence[TrialSpec], data_root: Path, code: CodeBundle, *, steps: bool
    ) -> None:
        folder.mkdir()
        self._result, self._log = folder / "result.json", folder / "log"
        path = os.pathsep.join(one for one in sys.path if one)
        # Hashes of texts, and with them the order of a set, differ from process to process.
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "1" if steps else "2"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "trainables.tune.dry_step", str(self._result)],
                cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        asked = ([spec.to_dict() for spec in specs], str(data_root.absolute()), code, steps)
        assert self.process.stdin is not None
        try:
            pickle.dump(asked, self.process.stdin)
            self.process.stdin.close()
        except BrokenPipeError:  # it has ended, and its log says why
            pass

    def wait(self) -> dict[str, str]:
        """Return the fingerprint of each workload's data. Raises InputError with what the process has found."""
        code = self.process.wait()
        if not self._result.is_file():
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LINES_TOLD:]
            raise InputError(
                f"the process that tries the sweep's code out ended with code {code} before it was done; it printed "
                f"last: {' | '.join(lines) or 'nothing'}"
            )
        found = json.loads(self._result.read_text(encoding="utf-8"))
        if found["problems"]:
            raise InputError(*found["problems"])
        return found["fingerprints"]


def _answer(specs: list[dict[str, Any]], data_root: str, code: CodeBundle, steps: bool) -> dict[str, Any]:
    user_code.load(code)
    fingerprints: dict[str, str] = {}
    problems: list[str] = []
    for group in _by_workload(map(TrialSpec.from_dict, specs)):
        try:
            data = catalogue.get(group[0].workload).load_data(Path(data_root), group[0].options)
            fingerprints[_key(group[0])] = data.fingerprint
            if steps:
                _look(group, data, code.location)
        except InputError as error:
            problems += map(str, error.problems)
    return {"problems": problems, "fingerprints": fingerprints}


def _key(spec: TrialSpec) -> str:
    return f"{spec.workload} {json.dumps(spec.options, sort_keys=True)}" if spec.options else spec.workload


def _by_workload(specs: Iterable[TrialSpec]) -> list[list[TrialSpec]]:
    groups: dict[str, list[TrialSpec]] = {}
    for spec in specs:
        groups.setdefault(_key(spec), []).append(spec)
    return list(groups.values())


def _look(specs: Sequence[TrialSpec], data: DataSet, folder: str) -> None:
    """Look at the runs on one workload. Raises InputError with what is wrong with each."""
    import torch

    from trainables.training import soundness
    from trainables.workloads.task import Task
    from trainables.workloads.user_errors import user_errors

    entry = catalogue.get(specs[0].workload)
    workload = entry.load(specs[0].options).with_data(data)
    few = ELEMENTS_EVALUATED if data.validation.is_stream else EXAMPLES_EVALUATED
    if isinstance(workload, Task):
        soundness.check_overlap(workload, data)
    data = replace(data, validation=data.validation.some(few), test=data.test.some(few))
    if isinstance(workload, Task):
        model = soundness.new_model(workload, data, specs[0].seed)
        feed = workload.feed(data.train, min(specs[0].batch_size, LARGEST_BATCH))
        feed.begin_epoch(torch.Generator().manual_seed(specs[0].seed))
        soundness.check_loss(workload, model, feed.batch(0))
        soundness.check_metrics(workload, model, data.validation, entry.metrics_with(specs[0].options))
    problems = []
    for spec in specs:
        try:
            with user_errors(f"{spec.optimizer} on {spec.workload}", folder):
                _train_twice(spec, data)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)


def _train_twice(spec: TrialSpec, data: DataSet) -> None:
    first, second = _trained(spec, data), _trained(spec, data)
    weights, metrics = (first.weights_sha256(), second.weights_sha256()), (_metrics(first), _metrics(second))
    if weights[0] != weights[1] or metrics[0] != metrics[1]:
        raise InputError(
            f"{spec.optimizer} on {spec.workload}: two runs of {STEPS} steps with the same seed differ in "
            f"{'weights' if weights[0] != weights[1] else 'metrics'}; draw random numbers from torch's global "
            "generator, which the seed sets"
        )


def _trained(spec: TrialSpec, data: DataSet) -> Training:
    import torch

    from trainables.training.training_run import open_training

    short = replace(
        spec,
        epochs=1,
        evaluate_every=STEPS,
        batch_size=min(spec.batch_size, LARGEST_BATCH),
        training={**spec.training, "compile": False},
    )
    training = open_training(short, data, torch.device("cpu"))
    training.advance(STEPS)
    return training


def _metrics(training: Training) -> list[tuple[str, str]]:
    return [(name, repr(value)) for point in training.curve for name, value in point.items() if name != "timestamp"]


def _main(result: Path) -> None:
    found = _answer(*pickle.load(sys.stdin.buffer))
    temporary = result.with_suffix(".tmp")
    temporary.write_text(json.dumps(found), encoding="utf-8")
    temporary.rename(result)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
