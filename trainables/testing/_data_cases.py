"""Cases about the data: that it is the same everywhere, and that nothing is in two splits."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from optimizers import user_code
from trainables.data import own_data
from trainables.data.splits import DataSet, Split
from trainables.testing.subject import Subject
from trainables.tune.child_process import ChildProcess
from trainables.workloads.task import Task, TaskData
from trainables.workloads.workload_entry import WorkloadEntry

TIMEOUT_S = 600.0


def data_is_fixed(subject: Subject) -> None:
    """The data is the same each time that it is read, also in another process."""
    told = (
        "the data {}; sort what comes from a set or a folder, and draw random numbers from the global generators, "
        "which are seeded before data() is called"
    )
    first = subject.load_data().fingerprint
    assert subject.load_data().fingerprint == first, told.format("is another one when it is read again")
    if not can_be_sent(subject.entry):
        return
    with ChildProcess(
        *(user_code.current(), fingerprint, subject.entry, subject.data_root, subject.options),
        environment={"PYTHONHASHSEED": "2"},
    ) as other:
        assert other.result(TIMEOUT_S) == first, told.format("is another one in another process")


def fingerprint(entry: WorkloadEntry, data_root: Path, options: dict[str, Any]) -> str:
    """Return the fingerprint of a workload's data."""
    return entry.load_data(data_root, options).fingerprint


def can_be_sent(entry: WorkloadEntry) -> bool:
    """Whether another process can import what an entry is about; not so of a class that was defined in a function."""
    try:
        pickle.dumps(entry)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


def splits_are_disjoint(subject: Subject) -> None:
    """No example is in two splits."""
    workload = subject.new_workload()
    if not (isinstance(workload, Task) and workload.allow_overlap):
        own_data.check_disjoint(subject.data)


def fingerprint_follows_the_data(subject: Subject) -> None:
    """A change of one value of one example changes the fingerprint."""
    data = subject.data
    if not isinstance(data, TaskData):  # its fingerprint is that of the files it came from
        return
    for name in own_data.NAMES:
        field = "validation" if name == "val" else name
        split: Split = getattr(data, field)
        inputs = split.inputs.clone()
        last = inputs.flatten()[-1]
        inputs.view(-1)[-1] = ~last if last.dtype == torch.bool else last + 1
        changed = replace(data, **{field: Split(inputs, split.targets)})
        assert _fingerprint(changed) != _fingerprint(data), f"a change of {name} leaves the fingerprint as it was"


def _fingerprint(data: DataSet) -> str:
    return own_data.fingerprint_of({"train": data.train, "val": data.validation, "test": data.test})


def evaluation_reads_only_its_split(subject: Subject) -> None:
    """Metrics are of the split that is given, and no other is read for them."""
    data = subject.few
    sealed: Any = _Sealed()
    workload = subject.entry.load(subject.options).with_data(data)
    model = subject.new_model(workload)
    torch.manual_seed(0)
    of_validation = workload.measure(model, data.validation)
    torch.manual_seed(0)
    of_test = workload.measure(model, data.test)
    equal = torch.equal(data.validation.inputs, data.test.inputs)
    assert equal or repr(of_validation) != repr(of_test), (
        f"the metrics of the validation and the test split are the same ({_shown(of_validation)}); compute them from "
        "the split that evaluate is given"
    )
    run = subject.open()
    run.data = replace(run.data, train=sealed, test=sealed)
    run.advance(subject.spec.evaluate_every or 1)
    assert len(run.curve) == 1, "the first evaluation gives no finite metrics"


class _Sealed:
    """A split that must not be read."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"another split than the one given is read in an evaluation ({name})")


def _shown(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in metrics.items())
