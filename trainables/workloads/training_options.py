"""What a sweep may set of a run beside budget and optimizer: how it is trained, and what the workload itself offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizers import Hyperparameter, InputError, Problem, did_you_mean
from optimizers.domains import Choice, Flag, Integer, Numbers, OrOff, Real
from optimizers.hyperparameter import check_all
from trainables.workloads.rate_schedule import RateSchedule

Options = Mapping[str, Hyperparameter]
# Far above what anybody trains, and far below what a machine would ask memory for until it fails.
LAYERS = Integer(1, 1_024)
UNITS = Integer(1, 65_536)
SIDE = Integer(8, 4_096)
PROCESSES = Integer(0, 256)
MEANINGS = {
    "amp": ("precision",),
    "arch": ("model",),
    "bf16": ("precision",),
    "bptt": ("length",),
    "clip": ("clip_norm",),
    "clip_grad": ("clip_norm",),
    "dtype": ("precision",),
    "embed_dim": ("width",),
    "grad_clip": ("clip_norm",),
    "gradient_accumulation": ("accumulate",),
    "gradient_clipping": ("clip_norm",),
    "image_size": ("resolution",),
    "img_size": ("resolution",),
    "lr_scheduler": ("lr_schedule",),
    "max_grad_norm": ("clip_norm",),
    "nhid": ("hidden",),
    "num_heads": ("heads",),
    "num_layers": ("layers",),
    "num_workers": ("workers",),
    "patch_size": ("patch",),
    "schedule": ("lr_schedule",),
    "scheduler": ("lr_schedule",),
    "size": ("resolution",),
    "warmup_steps": ("warmup",),
}
"""Options by the names that other libraries give them."""


@dataclass(frozen=True)
class FilePath:
    """The path of a file, which each node has; that it is there is checked with the data."""

    def check(self, value: Any, name: str) -> str:
        """Return ``value`` as a full path; a relative one begins in the current folder."""
        if not isinstance(value, str) or not value:
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        return str(Path(value).absolute())

    def describe(self) -> str:
        """A noun phrase."""
        return "the path of a file"


@dataclass(frozen=True)
class AnyPath:
    """The path of a file or folder, which each node has; that it is there is checked with the data."""

    def check(self, value: Any, name: str) -> str:
        """Return ``value`` as a full path; a relative one begins in the current folder."""
        if not isinstance(value, str | Path) or not str(value):
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        return str(Path(value).expanduser().absolute())

    def describe(self) -> str:
        """A noun phrase."""
        return "the path of a file or folder"


@dataclass(frozen=True)
class DataFolder:
    """A folder of the data folder, or the full path of one; that it is there is checked with the data."""

    def check(self, value: Any, name: str) -> str:
        """Return ``value``, which does not lead out of the data folder by ``..``."""
        if not isinstance(value, str) or not value or ".." in Path(value).parts:
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        return value

    def describe(self) -> str:
        """A noun phrase."""
        return "a folder in the data folder, or the full path of one"


TRAINING: Options = {
    "lr_schedule": Hyperparameter("constant", "how the learning rate changes after its warm-up", RateSchedule()),
    "warmup": Hyperparameter(
        0.0, "linear warm-up of the learning rate", Real(0, 1, exclude_max=True), "share of the steps"
    ),
    "milestones": Hyperparameter(
        [0.5, 0.75], "step: where the rate is multiplied by gamma", Numbers(ascending=True), "share of the steps"
    ),
    "gamma": Hyperparameter(0.1, "step: the factor at each milestone", Real(0, exclude_min=True)),
    "clip_norm": Hyperparameter(
        None, "longest gradient of all parameters together", OrOff(Real(0, exclude_min=True)), "norm"
    ),
    "accumulate": Hyperparameter(1, "parts of a batch whose gradients are added up before a step", Integer(1, 65_536)),
    "precision": Hyperparameter(
        "float32", "of the forward pass; bfloat16 by autocast, parameters and optimizer stay float32",
        Choice(("float32", "bfloat16")),
    ),
    "compile": Hyperparameter(
        False, "compile the losses by torch.compile: slower to start, faster steps where the device gains from it",
        Flag(),
    ),
}  # fmt: skip
"""Of every workload."""


def missing_file(values: Mapping[str, Any], options: Options) -> str | None:
    """The first option that names a file which is not there, if one does."""
    for name, one in options.items():
        if isinstance(_inner(one), FilePath) and values[name] is not None and not Path(values[name]).is_file():
            return name
    return None


def paths_among(options: Options) -> list[str]:
    """The names of the options that are paths, or may be."""
    return [name for name, one in options.items() if isinstance(_inner(one), FilePath | AnyPath)]


def places_among(values: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return the values that name a file or folder wherever it may be, and not one of the data folder."""
    named = {name: (value, _inner(options[name])) for name, value in values.items() if name in options}
    return {
        name: value
        for name, (value, domain) in named.items()
        if (isinstance(domain, FilePath | AnyPath) and value is not None)
        or (isinstance(domain, DataFolder) and Path(str(value)).is_absolute())
    }


def _inner(option: Hyperparameter) -> Any:
    """The domain of an option, without that it may be off."""
    return option.domain.domain if isinstance(option.domain, OrOff) else option.domain


def checked(given: Mapping[str, Any], options: Options, owner: str) -> dict[str, Any]:
    """Every option in its canonical form, defaults filled in.

    Raises InputError with every unknown name and every value out of its range.
    """
    known = f"it has {', '.join(options)}" if options else "it has none"

    def unknown(name: str) -> Problem:
        return Problem(f'{owner} has no option "{name}"; {known}.{did_you_mean(name, options, MEANINGS)}', (name,))

    return check_all(given, options, owner, unknown)
