"""Time of one optimizer step as a ratio to `torch.optim.Adam(fused=True)`, on the CPU with one thread or on a GPU.

First MomentAdam, from Adam's own form to everything at once, at four sizes; then every optimizer of the registry. The
optimizers take turns, so that a machine that slows down slows all of them; a ratio is one of medians.

    python -m benchmarks optimizer_step [--device cuda]

On a GPU `torch.optim.Adam(foreach=True)` takes part, the registry does not; a turn ends when the GPU has done its work.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
import warnings
from collections.abc import Mapping
from typing import Any
from unittest import mock

import torch
from torch import nn

import optimizers
from benchmarks.report import Goal, table
from optimizers.moment_adam import MomentAdam, kernel
from optimizers.moment_adam.coefficients import form_of
from optimizers.moment_adam.native_build import shared_library
from optimizers.testing.step_cost import BASELINE, Make, Shapes, measure

FOREACH = "Adam foreach"
LONG: dict[str, Any] = {"order": 4.0, "beta3": 0.9999, "alpha": 5.0}
SKEW: dict[str, Any] = {**LONG, "kappa": 0.1, "kappa_d": 0.1}
ALL_ON: dict[str, Any] = {
    **SKEW,
    "central": True,
    "nu1": 0.9,
    "nu2": 0.9,
    "nesterov": True,
    "gate": "agree",
    "gauss_norm": True,
    "weight_decay": 0.01,
    "beta1_schedule": {"kind": "demon", "total": 1_000_000},
}
# The forms in question, each with the most that its step may take of Adam's.
FORMS: Mapping[str, tuple[dict[str, Any], float | None]] = {
    "MomentAdam, p = 2": ({}, 1.0),
    "p = 4": ({"order": 4.0}, 1.15),
    "p = 4, long memory": (LONG, 1.3),
    "p = 4, long memory, skewness": (SKEW, 1.6),
    "all on": (ALL_ON, 1.9),
    "all on, gate cautious": ({**ALL_ON, "gate": "cautious"}, None),
    "p = 3": ({"order": 3.0}, None),
    "p = 2.5": ({"order": 2.5}, None),
}


def resnet18_shapes() -> Shapes:
    """The 62 tensors of a ResNet-18 for 32x32 images in 10 classes: 11.17 million parameters."""
    shapes: Shapes = [(64, 3, 3, 3), (64,), (64,)]
    channels = 64
    for width in (64, 128, 256, 512):
        for block in range(2):
            for inputs in (channels, width):
                shapes += [(width, inputs, 3, 3), (width,), (width,)]
            if block == 0 and channels != width:
                shapes += [(width, channels, 1, 1), (width,), (width,)]
            channels = width
    return [*shapes, (10, 512), (10,)]


def mlp_shapes(*widths: int) -> Shapes:
    """The weights and biases of a fully connected net."""
    return [shape for inputs, outputs in itertools.pairwise(widths) for shape in ((outputs, inputs), (outputs,))]


MODELS: Mapping[str, Shapes] = {
    "0.1 M": mlp_shapes(784, 120, 48, 10),
    "1 M": mlp_shapes(784, 512, 512, 512, 10),
    "11 M": resnet18_shapes(),
    "60 M": mlp_shapes(4096, 4096, 4096, 4096, 2304, 10),
}


def build_times() -> tuple[float, float]:
    """Seconds to build a kernel on a machine that has none, and to load it where it was built."""
    form = form_of(MomentAdam([nn.Parameter(torch.ones(1))], **ALL_ON).param_groups[0])
    definitions = kernel.definitions(form, torch.float32)
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"ADAMANT_CACHE": folder}):
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            shared_library(kernel.SOURCE, definitions)
            seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1]


def _adam_foreach(params: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(params, foreach=True)


def moment_adam_table(device: str) -> list[Goal]:
    """Print MomentAdam's forms at every size, and return the goals."""
    contenders: dict[str, Make] = {} if device == "cpu" else {FOREACH: _adam_foreach}
    for name, (options, _) in FORMS.items():
        contenders[name] = lambda params, options=options: MomentAdam(params, **options)
    figures = {model: measure(contenders, shapes, device) for model, shapes in MODELS.items()}
    first = next(iter(figures.values()))
    rows = [
        (
            name,
            *(f"{one[name].ratio:.2f}" for one in figures.values()),
            f"{first[name].state_bytes:.0f}",
        )
        for name in first
    ]
    rows.insert(0, ("microseconds", *(f"{one[BASELINE].microseconds:.0f}" for one in figures.values()), ""))
    where = "one thread" if device == "cpu" else torch.cuda.get_device_name()
    print(f"One step on {where}: microseconds of {BASELINE}, and ratios of medians to both of its turns:\n")
    print(table(("parameters", *MODELS, "state, bytes a parameter"), rows), end="\n\n")
    if device == "cpu":
        built, loaded = build_times()
        print(f"A kernel is built in {built:.2f} s, once a machine and form, and loaded in {loaded * 1000:.1f} ms.\n")
    return [
        Goal(f"{name} / {BASELINE}, {model}", one[name].ratio, "at most", most)
        for name, (_, most) in FORMS.items()
        if most is not None
        for model, one in figures.items()
    ]


def registry_table() -> None:
    """Print every registered optimizer at two sizes."""
    contenders: dict[str, Make] = {}
    for name in optimizers.names():
        contenders[name] = lambda params, name=name: optimizers.build(name, params)
    # What takes the place of our kernel where it cannot be built.
    contenders["moment_adam, p = 4, long memory, foreach"] = lambda params: MomentAdam(
        params, **LONG, implementation="foreach"
    )
    figures = {model: measure(contenders, MODELS[model]) for model in ("0.1 M", "11 M")}
    rows = [
        (name, *(f"{one[name].ratio:.2f}" for one in figures.values()), f"{figures['11 M'][name].state_bytes:.0f}")
        for name in figures["11 M"]
    ]
    print(f"Every optimizer at its defaults, ratios of the medians to {BASELINE}:\n")
    print(table(("parameters", *figures, "state, bytes a parameter"), rows), end="\n\n")


def main(device: str = "cpu") -> list[Goal]:
    """Print both tables, on a GPU the first one, and return the goals of MomentAdam."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            goals = moment_adam_table(device)
            if device == "cpu":
                registry_table()
    finally:
        torch.set_num_threads(threads)
    print(*goals, sep="\n")
    return goals
