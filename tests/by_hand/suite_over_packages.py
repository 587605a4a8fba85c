"""Optimizers of packages on PyPI through the conformance suite: what each is refused for, what fails, what is noted.

``python tests/by_hand/suite_over_packages.py [MODULE:CLASS ...]``, where the packages are installed; without arguments,
those of `TARGETS`. Cases run behind the guard, as in a sweep.
"""

from __future__ import annotations

import importlib
import sys
import time
import warnings
from typing import Any

import torch

from optimizers import InputError
from optimizers.own_class import entry_of
from optimizers.testing import cases, probe, run_cases

TARGETS = (
    "schedulefree:AdamWScheduleFree",
    "schedulefree:RAdamScheduleFree",
    "prodigyopt:Prodigy",
    "lion_pytorch:Lion",
    "adan_pytorch:Adan",
    "apollo_torch:APOLLOAdamW",
    "adam_atan2_pytorch:AdamAtan2",
    "sophia_opt:SophiaG",
    "came_pytorch:CAME",
    "dadaptation:DAdaptAdam",
    "torch_optimizer:DiffGrad",
    "torch_optimizer:Shampoo",
    "torch_optimizer:Ranger",
    "torch_optimizer:Adahessian",
    "pytorch_optimizer:Tiger",
    "pytorch_optimizer:GaLore",
    "pytorch_optimizer:SAM",
    "torch.optim:Adafactor",
    "torch.optim:Rprop",
    "torch.optim:ASGD",
    "torch.optim:LBFGS",
    "torch.optim:SparseAdam",
    "torch.optim:Muon",
)


def made(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def main(targets: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for target in targets:
        start = time.perf_counter()
        cls = made(target)
        try:
            refused = probe(entry_of(target, cls), {})
        except InputError as error:
            refused = str(error)
        if refused is not None:
            print(f"{target:34} refused: {refused}", flush=True)
            continue
        results = [one for one in run_cases(cases(cls)) if one.problem is not None]
        failed = [one for one in results if one.failed]
        told = "passes" if not failed else f"{len(failed)} fail"
        noted = ", ".join(one.case.name for one in results if not one.failed)
        print(f"{target:34} {told}; noted: {noted or 'nothing'} ({time.perf_counter() - start:.1f} s)", flush=True)
        for one in failed:
            print(f"{'':34}   {one.case.name}: {one.problem}", flush=True)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or TARGETS)
