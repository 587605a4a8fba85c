"""The workloads by name. Importing this imports no torch, so that listing and validating stay instant."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from optimizers import InputError, user_code
from optimizers.registry import Registry
from trainables.workloads import (
    cnn_entries,
    dcgan_entries,
    functions_entries,
    gpt_entries,
    lstm_entries,
    mlp_entries,
    mlp_table_entries,
    own_workload,
    resnet_entries,
    torchvision_entries,
    vit_entries,
)
from trainables.workloads.workload_entry import WorkloadEntry

MEANINGS = {
    "cifar": ("resnet20/cifar10", "cnn/cifar10"),
    "cifar10": ("resnet20/cifar10", "cnn/cifar10"),
    "dcgan": ("dcgan/mnist", "dcgan/cifar10"),
    "csv": ("mlp/table",),
    "digits": ("mlp/digits",),
    "folder": ("torchvision/folder", "vit/folder"),
    "gan": ("dcgan/mnist", "dcgan/cifar10"),
    "image_folder": ("torchvision/folder", "vit/folder"),
    "imagefolder": ("torchvision/folder", "vit/folder"),
    "gpt": ("gpt/text",),
    "imagenet": ("resnet18/imagenet", "resnet20/imagenet"),
    "lstm": ("lstm/ptb", "lstm/wikitext2"),
    "mlp": ("mlp/digits", "mlp/mnist"),
    "mnist": ("mlp/mnist",),
    "penn_treebank": ("lstm/ptb",),
    "ptb": ("lstm/ptb",),
    "resnet": ("resnet20/cifar10", "resnet18/cifar10"),
    "timm": ("torchvision/folder",),
    "torchvision": ("torchvision/folder",),
    "vit": ("vit/cifar10", "vit/mnist"),
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
    *torchvision_entries.ENTRIES,
    *vit_entries.ENTRIES,
)


def _adopt(name: str, target: str, found: Any) -> WorkloadEntry:
    return replace(own_workload.entry_of(target, found), name=name)


WORKLOADS: Registry[WorkloadEntry] = Registry(
    "workload", sorted(_OURS, key=lambda entry: entry.name), MEANINGS, group="adamant.workloads", adopt=_adopt
)
W = TypeVar("W")


def register(workload: W) -> W:
    """Let sweeps name a workload, which is then validated, trained and listed as ours are.

    ``workload`` is its entry, or a :class:`trainables.Task`, for which this is a decorator: it goes by its own name.
    Returns what it is given. What the entry names must be importable, and registered, in every process; installed
    packages have entry points for this.

    Raises InputError where the name is taken, and for a class that is no task.
    """
    given: Any = workload
    if not isinstance(given, WorkloadEntry):
        given = _adopt(given.__name__, f"{given.__module__}:{given.__qualname__}", given)
    WORKLOADS.register(given)
    return workload


def names() -> tuple[str, ...]:
    """Return all names."""
    return WORKLOADS.names()


def get(name: str) -> WorkloadEntry:
    """Return the entry of that name; InputError, with the nearest name, when there is none.

    "module:Class" is a class of a user's own, see `optimizers.user_code`.
    """
    if user_code.is_own(name):
        return _own(name, user_code.current().digest, user_code.is_importable(name))
    return WORKLOADS.get(name)


def is_known(name: str) -> bool:
    """Return whether there is such a workload."""
    try:
        get(name)
    except InputError:
        return False
    return True


@lru_cache
def _own(name: str, digest: str, importable: bool) -> WorkloadEntry:
    """The entry of a user's class, derived once from the code of that digest: from the class, or from its text."""
    if importable:
        return own_workload.entry_of(name, user_code.resolve(name))
    return own_workload.described(name, user_code.source_of(name))
