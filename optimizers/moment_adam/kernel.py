"""MomentAdam's own fused kernels: for each form of the rule one pass over memory, in C++ on the CPU, Triton on CUDA."""

from __future__ import annotations

import ctypes
import functools
import math
import warnings
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from optimizers.moment_adam._rule import CUBE_LIMIT, CUBE_UNIT, Coefficients, Form
from optimizers.moment_adam.native_build import BuildError, shared_library

if TYPE_CHECKING:
    from optimizers.moment_adam._tensors import Tensors

Kernel = Callable[["Tensors", Form, Coefficients], None]

SOURCE = Path(__file__).with_suffix(".cpp")
_UNROLLED_ORDERS = (2, 3, 4, 6, 8)
_REALS = {torch.float32: "float", torch.float64: "double"}
# These two are words of C++.
_FIELDS = [{"short": "short_", "long": "long_"}.get(name, name) for name in Coefficients._fields]
_VALUED = ("short_only", "coupled", "decoupled", "maximize", "skewed_denominator")


def load(form: Form, dtype: torch.dtype, device: torch.device) -> Kernel | None:
    """The kernel for a form, built when this machine has not built it yet; None where there can be none.

    Says once, by a RuntimeWarning, why a kernel could not be built.
    """
    # These differ in numbers only, so they share a kernel.
    general = form._replace(**dict.fromkeys(_VALUED, False))
    if device.type == "cpu" and dtype in _REALS:
        return _native(general, dtype)
    if device.type == "cuda" and dtype is torch.float32:
        return _triton()
    return None


@functools.cache
def _triton() -> Kernel | None:
    try:
        from optimizers.moment_adam import _triton_kernel
    except ImportError as error:
        _warn_of_foreach(error)
        return None
    return _triton_kernel.step


@functools.cache
def _native(form: Form, dtype: torch.dtype) -> Kernel | None:
    try:
        function = shared_library(SOURCE, definitions(form, dtype)).moment_adam_step
    except BuildError as error:
        _warn_of_foreach(error)
        return None
    function.restype = None

    def step(tensors: Tensors, form: Form, c: Coefficients) -> None:
        columns = [column or [None] * len(tensors.params) for column in tensors]
        addresses = array("Q", [0 if t is None else t.data_ptr() for row in zip(*columns, strict=True) for t in row])
        sizes = array("q", [p.numel() for p in tensors.params])
        numbers = array("d", c)
        function(
            ctypes.c_int64(len(sizes)),
            ctypes.c_void_p(sizes.buffer_info()[0]),
            ctypes.c_void_p(addresses.buffer_info()[0]),
            ctypes.c_void_p(numbers.buffer_info()[0]),
            *map(int, (form.coupled, form.decoupled, form.maximize, form.short_only)),
            torch.get_num_threads(),
        )

    return step


def _warn_of_foreach(reason: Exception) -> None:
    warnings.warn(f"MomentAdam steps by foreach kernels, which are slower: {reason}", RuntimeWarning, stacklevel=3)


def definitions(form: Form, dtype: torch.dtype) -> dict[str, Any]:
    """The macros that select the form in the C++ source."""
    order = form.order
    if order is None:
        selected = "ORDER_NONE"
    elif order == math.inf:
        selected = "ORDER_INFINITE"
    else:
        selected = str(int(order)) if order in _UNROLLED_ORDERS else "ORDER_ANY"
    mix = {"none": "MIX_NONE", "inject": "MIX_INJECT"}.get(form.mix, "MIX_DIRECTION")
    flags = {
        "CENTRAL": form.central,
        "SKEWNESS": form.skewness,
        "QUASI": form.quasi_hyperbolic_denominator,
        "FLOORED": form.floored,
    }
    return {
        "REAL": _REALS[dtype],
        "ORDER": selected,
        "MIX": mix,
        "GATE": f"GATE_{form.gate.upper()}",
        **{name: str(int(on)) for name, on in flags.items()},
        "CUBE_UNIT_": repr(CUBE_UNIT),
        "CUBE_LIMIT_": repr(CUBE_LIMIT),
        "COEFFICIENTS": ",".join(_FIELDS),
    }
