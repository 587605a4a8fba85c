"""What the conformance suite is run on: a workload with options, on some of its data."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trainables.data.feeds import Batch, Feed
from trainables.data.splits import DataSet
from trainables.spec import TrialSpec
from trainables.training.training_run import Training, open_training
from trainables.workloads import catalogue
from trainables.workloads.own_workload import entry_of
from trainables.workloads.task import Task
from trainables.workloads.workload import Workload
from trainables.workloads.workload_entry import WorkloadEntry

Made = str | type[Task] | WorkloadEntry
"""A registered name, "module:Class", a class, or an entry."""
CPU = torch.device("cpu")
BATCH_SIZE = 8
# A run ends in the middle of its second pass over the examples.
STEPS_BETWEEN_EVALUATIONS, EVALUATIONS, STEPS_PER_PASS = 3, 2, 5
EXAMPLES = BATCH_SIZE * STEPS_PER_PASS
ELEMENTS = 4096
SEED = 5


class Subject:
    """A workload under test.

    ``options`` are its own; a relative path among them begins in the folder of the class. ``data_root`` is the data
    folder, that of the environment variable ADAMANT_DATA if left out. ``data`` is taken in place of its own.
    """

    def __init__(
        self,
        made: Made,
        options: Mapping[str, Any] | None = None,
        data_root: Path | None = None,
        data: DataSet | None = None,
    ) -> None:
        self.entry, folder = _entry_of(made)
        self.options = self.entry.check_options(self.entry.absolute(options or {}, folder))
        self.data_root = data_root or Path(os.environ.get("ADAMANT_DATA", "data")).absolute()
        self._given = data

    def fresh(self) -> Subject:
        """Return one that has read nothing yet, to be sent to another process."""
        return Subject(self.entry, self.options, self.data_root, self._given)

    @cached_property
    def data(self) -> DataSet:
        """All of the data."""
        return self.load_data() if self._given is None else self._given

    def load_data(self) -> DataSet:
        """Read the data again."""
        self.entry.check_data(self.data_root, self.options)
        return self.entry.load_data(self.data_root, self.options)

    @cached_property
    def few(self) -> DataSet:
        """A few examples of each split; of data that was given, all."""
        if self._given is not None:
            return self._given
        data = self.data
        train, validation, test = (
            split.some(ELEMENTS if split.is_stream else EXAMPLES) for split in (data.train, data.validation, data.test)
        )
        return replace(data, train=train, validation=validation, test=test)

    @property
    def spec(self) -> TrialSpec:
        """A short run."""
        return TrialSpec(
            self.entry.name,
            EVALUATIONS,
            BATCH_SIZE,
            "adam",
            {"lr": 1e-3},
            seed=SEED,
            metric=next(iter(self.entry.metrics)),
            options=self.options,
            evaluate_every=STEPS_BETWEEN_EVALUATIONS,
        )

    def open(self, **changed: Any) -> Training:
        """Return a run at its start, with fields of its spec changed."""
        return open_training(replace(self.spec, **changed), self.few, CPU, entry=self.entry)

    def new_workload(self) -> Workload:
        """Return the workload as a run has it."""
        return self.entry.load(self.options).with_data(self.few)

    def new_model(self, workload: Workload, seed: int = SEED) -> nn.Module:
        """Return a model as a run has it at its start."""
        torch.manual_seed(seed)
        return workload.model_for(self.few)

    def first_batch(self, workload: Workload) -> tuple[Feed, Batch]:
        """Return the first batch of a run, and what it comes from."""
        feed = workload.feed(self.few.train, BATCH_SIZE)
        feed.begin_epoch(torch.Generator().manual_seed(SEED))
        return feed, feed.batch(0)


def _entry_of(made: Made) -> tuple[WorkloadEntry, Path]:
    """The entry of what is tested, and the folder of its file."""
    if isinstance(made, str):
        return catalogue.get(made), Path.cwd()
    if isinstance(made, WorkloadEntry):
        return made, Path.cwd()
    return entry_of(f"{made.__module__}:{made.__qualname__}", made), Path(inspect.getfile(made)).parent
