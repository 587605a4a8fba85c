"""The workloads by name. Importing this imports no torch, so that listing and validating stay instant."""

from __future__ import annotations

from optimizers.registry import Registry
from trainables.workloads import (
    cnn_entries,
    dcgan_entries,
    functions_entries,
    gpt_entries,
    lstm_entries,
    mlp_entries,
    mlp_table_entries,
    resnet_entries,
)
from trainables.workloads.workload_entry import WorkloadEntry

MEANINGS = {
    "cifar": ("resnet20/cifar10", "cnn/cifar10"),
    "cifar10": ("resnet20/cifar10", "cnn/cifar10"),
    "dcgan": ("dcgan/mnist", "dcgan/cifar10"),
    "csv": ("mlp/table",),
    "digits": ("mlp/digits",),
    "gan": ("dcgan/mnist", "dcgan/cifar10"),
    "gpt": ("gpt/text",),
    "imagenet": ("resnet18/imagenet", "resnet20/imagenet"),
    "lstm": ("lstm/ptb", "lstm/wikitext2"),
    "mlp": ("mlp/digits", "mlp/mnist"),
    "mnist": ("mlp/mnist",),
    "penn_treebank": ("lstm/ptb",),
    "ptb": ("lstm/ptb",),
    "resnet": ("resnet20/cifar10", "resnet18/cifar10"),
    "table": ("mlp/table",),
    "tabular": ("mlp/table",),
    "transformer": ("gpt/text",),
    "wikitext": ("lstm/wikitext2",),
}
"""Workloads by a model or a data set alone."""

_OURS = (
    *cnn_entries.ENTRIES,
    *dcgan_entries.ENTRIES,
    *functions_entries.ENTRIES,
    *gpt_entries.ENTRIES,
    *lstm_entries.ENTRIES,
    *mlp_entries.ENTRIES,
    *mlp_table_entries.ENTRIES,
    *resnet_entries.ENTRIES,
)
WORKLOADS: Registry[WorkloadEntry] = Registry("workload", sorted(_OURS, key=lambda entry: entry.name), MEANINGS)


def register(entry: WorkloadEntry) -> None:
    """Let sweeps name a workload, which is then validated, trained and listed as ours are.

    Nothing is imported before it is loaded; that is when `entry.target` and `entry.data_module` must be importable, in
    every process. InputError: the name is taken.
    """
    WORKLOADS.register(entry)


def names() -> tuple[str, ...]:
    """Return all names."""
    return WORKLOADS.names()


def get(name: str) -> WorkloadEntry:
    """Return the entry of that name; InputError, with the nearest name, when there is none."""
    return WORKLOADS.get(name)
