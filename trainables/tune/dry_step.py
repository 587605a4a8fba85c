"""The first steps of a sweep with code of a user's own, taken before anything of it is written or started.

They are taken in processes of their own, so that nothing that the code does there can harm the sweep's driver, and in
another folder than the current one, so that a path that trials could not resolve is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import optimizers
from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle
from trainables.spec import TrialSpec
from trainables.tune.child_process import ChildProcess
from trainables.tune.lengths import any_depends_on_length, length_of
from trainables.workloads import catalogue
from trainables.workloads.own_workload import OwnEntry

if TYPE_CHECKING:
    from trainables.data.splits import DataSet
    from trainables.training.training_run import Training
    from trainables.workloads.workload import Workload

STEPS = 2
LARGEST_BATCH = 16
EXAMPLES_EVALUATED = 256
ELEMENTS_EVALUATED = 4096


def dry_step(specs: Sequence[TrialSpec], data_root: Path, code: CodeBundle, timeout_s: float | None = None) -> None:
    """Take two steps of each run, on few examples, and evaluate it; raise InputError for what would fail a sweep.

    Of a task (see :class:`trainables.Task`) its data, model, loss and metrics are looked at one by one, and its data is
    read in two processes, which must get the same. What has not ended after ``timeout_s`` seconds would stand still in
    a sweep as well.
    """
    own = [spec for spec in specs if isinstance(catalogue.get(spec.workload), OwnEntry)]
    # Hashes of texts, and with them the order of a set, differ from process to process.
    with (
        ChildProcess(code, look, specs, data_root.absolute(), environment={"PYTHONHASHSEED": "1"}) as first,
        ChildProcess(code, fingerprints, own, data_root.absolute(), environment={"PYTHONHASHSEED": "2"}) as second,
    ):
        try:
            ours, theirs = first.result(timeout_s), second.result(timeout_s)
        except ChildProcessError as error:
            raise InputError(f"the process that tries the sweep's code out did not get to its end: {error}") from None
    for name in theirs:
        if ours[name] != theirs[name]:
            raise InputError(
                f"{name}: data() gives other examples in another process; what comes from a set or a folder must be "
                "sorted, and random numbers drawn from the global generators, which are seeded before data() is called"
            )


def look(specs: Sequence[TrialSpec], data_root: Path) -> dict[str, str]:
    """Do in this process what :func:`dry_step` does in another; return the fingerprint of each workload's data."""
    found: dict[str, str] = {}
    problems = []
    for group in _by_workload(specs):
        try:
            data = _data_of(group[0], data_root)
            found[_key(group[0])] = data.fingerprint
            _look(group, data)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return found


def fingerprints(specs: Sequence[TrialSpec], data_root: Path) -> dict[str, str]:
    """Return the fingerprint of each workload's data."""
    return {_key(group[0]): _data_of(group[0], data_root).fingerprint for group in _by_workload(specs)}


def _data_of(spec: TrialSpec, data_root: Path) -> DataSet:
    return catalogue.get(spec.workload).load_data(data_root, spec.options)


def _key(spec: TrialSpec) -> str:
    return f"{spec.workload} {json.dumps(spec.options, sort_keys=True)}" if spec.options else spec.workload


def _by_workload(specs: Iterable[TrialSpec]) -> list[list[TrialSpec]]:
    groups: dict[str, list[TrialSpec]] = {}
    for spec in specs:
        groups.setdefault(_key(spec), []).append(spec)
    return list(groups.values())


def _look(specs: Sequence[TrialSpec], data: DataSet) -> None:
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
            with user_errors(f"{spec.optimizer} on {spec.workload}", user_code.current().location):
                _probe_optimizer(spec, workload, data)
                _train_twice(spec, data)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)


def _probe_optimizer(spec: TrialSpec, workload: Workload, data: DataSet) -> None:
    """Raise InputError where the user's optimizer cannot be used with the run's settings on such parameters."""
    from optimizers.testing.probing import probe, tiny_shapes

    if user_code.is_own(spec.optimizer):
        entry = optimizers.get(spec.optimizer)
        settings = entry.with_budget(entry.for_part(spec.hyperparameters, ""), steps=STEPS, epochs=1)
        if problem := probe(entry, settings, tiny_shapes(workload.model_for(data).parameters())):
            raise InputError(problem)


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

    short = replace(spec, epochs=1, evaluate_every=STEPS, batch_size=min(spec.batch_size, LARGEST_BATCH))
    if any_depends_on_length(
        {**spec.hyperparameters, **spec.training}
    ):  # what they give at a wrong length may be wrong
        workload = catalogue.get(spec.workload).load(spec.options).with_data(data)
        a_pass = workload.feed(data.train, spec.batch_size).steps_per_epoch
        short = replace(spec, epochs=length_of(spec, a_pass)[0], evaluate_every=1)
    short = replace(short, training={**spec.training, "compile": False})
    training = open_training(short, data, torch.device("cpu"))
    training.advance(STEPS)
    return training


def _metrics(training: Training) -> list[tuple[str, str]]:
    return [(name, repr(value)) for point in training.curve for name, value in point.items() if name != "timestamp"]
