"""The cases of the conformance suite, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from optimizers.testing.runner import Case
from trainables.data.splits import DataSet
from trainables.testing._data_cases import (
    data_is_fixed,
    evaluation_reads_only_its_split,
    fingerprint_follows_the_data,
    splits_are_disjoint,
)
from trainables.testing._model_cases import (
    evaluation_leaves_no_trace,
    every_parameter_gets_a_gradient,
    loss_is_a_finite_scalar,
    metrics_are_those_declared,
    pieces_of_a_batch_equal_the_whole,
)
from trainables.testing._run_cases import (
    another_seed_another_start,
    interrupted_equals_uninterrupted,
    it_learns,
    same_seed_same_bits,
    state_is_in_the_model,
)
from trainables.testing._shared_run import two_workers_train_as_one
from trainables.testing.tested_workload import Made, Subject

Check = Callable[[Subject], None]
"""Raises AssertionError or InputError, with a sentence, where something does not hold of a workload."""

CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        data_is_fixed,
        splits_are_disjoint,
        fingerprint_follows_the_data,
        loss_is_a_finite_scalar,
        every_parameter_gets_a_gradient,
        pieces_of_a_batch_equal_the_whole,
        metrics_are_those_declared,
        evaluation_reads_only_its_split,
        evaluation_leaves_no_trace,
        same_seed_same_bits,
        another_seed_another_start,
        state_is_in_the_model,
        interrupted_equals_uninterrupted,
        two_workers_train_as_one,
        it_learns,
    )
}
"""From what the others stand on to what takes long."""
REQUIRED = (data_is_fixed, loss_is_a_finite_scalar)


def cases(
    workload: Made,
    options: Mapping[str, Any] | None = None,
    data_root: Path | None = None,
    data: DataSet | None = None,
) -> list[Case]:
    """Return the cases of a workload: a class, an entry, a registered name, or "module:Class".

    ``options`` are its own, ``data_root`` is the data folder ($ADAMANT_DATA if left out), and ``data`` is taken in
    place of the workload's own. Raises InputError for a workload or options that there are not.
    """
    subject = Subject(workload, options, data_root, data)
    return [
        Case(name, sentence_of(check), partial(check, subject), required=check in REQUIRED)
        for name, check in CHECKS.items()
    ]


def sentence_of(check: Check) -> str:
    """Return what a case checks."""
    return inspect.cleandoc(check.__doc__ or "")
