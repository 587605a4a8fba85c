"""From a trial's config to its run in this process, on the device and within the memory that it was given."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError, user_code
from trainables.spec import TrialSpec
from trainables.workloads import catalogue

if TYPE_CHECKING:
    import torch

    from trainables.data.splits import DataSet
    from trainables.training.training_run import Training


def open_run(config: dict[str, Any]) -> Training:
    """Return the run of a trial's config (see ``trainables.tune.trial.Trial``), at its start, in this process.

    Raises OSError when the data, which is the same for every configuration, can no longer be read.
    """
    import torch

    from trainables.training.training_run import open_training

    torch.set_num_threads(config["cpus"])
    device = torch.device("cuda" if config["gpus"] and torch.cuda.is_available() else "cpu")
    if device.type == "cuda" and config["gpus"] < 1:
        # So that one trial's lack of memory does not become another's.
        torch.cuda.set_per_process_memory_fraction(config["gpus"])
    spec = TrialSpec.from_dict(config["spec"])
    _load_code(config["code"], spec)
    try:
        options = json.dumps(spec.options, sort_keys=True)
        data = _load_data(spec.workload, options, spec.code, config["data_root"], device)
    except InputError as error:
        raise OSError(str(error)) from error
    return open_training(spec, data, device, shared=config["workers"] > 1)


def _load_code(folder: str | None, spec: TrialSpec) -> None:
    """Make the user's code that the spec names importable in this process.

    Raises OSError where this node cannot read it, or has another version of a package that it uses.
    """
    try:
        code = user_code.CodeBundle() if folder is None else user_code.CodeBundle.open(Path(folder))
        user_code.load(code)
    except InputError as error:
        raise OSError(str(error)) from error
    if code.digest != spec.code:
        raise FileExistsError(f"{folder}: is not the code that the sweep was begun with; restore this copy")


@lru_cache(maxsize=2)
def _load_data(workload: str, options: str, code: str, data_root: str, device: torch.device) -> DataSet:
    """Options are given as JSON, as lists among them cannot be keys of a cache."""
    return catalogue.get(workload).load_data(Path(data_root), json.loads(options)).to(device)
