"""What `test_moment_adam_triton` runs in a process of its own: `compare` or `compile`."""

from __future__ import annotations

import sys
from typing import Any

import torch
import triton
from torch import Tensor, nn

from optimizers.moment_adam import MomentAdam, _triton_kernel, _triton_numbers, _update
from optimizers.moment_adam.coefficients import form_of
from tests.optimizers.moment_adam_settings import EACH_ALONE, SEVERAL

SHAPES: list[tuple[int, ...]] = [(3, 5), (), (0,), (2, _triton_kernel.BLOCK - 3)]
COMPILED = ["nothing", "order 3", "order 7.3", "order inf", "order off", "cautious", "cosine", "all on"]


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def stepped(options: dict[str, Any], kernel: bool) -> list[Tensor]:
    """Parameters after some steps at gradients of changing size, by the Triton kernel or by the reference."""
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(torch.randn(shape, generator=generator).to(device())) for shape in SHAPES]
    optimizer = MomentAdam(params, **{"lr": 0.01, **options}, implementation="fused" if kernel else "reference")
    for size in (1.0, 0.01, 30.0, 1.0, 0.0, 1.0):
        for p in params:
            p.grad = (size * (0.1 + torch.randn(p.shape, generator=generator))).to(device())
        optimizer.step()
    return [p.detach().cpu() for p in params]


def compare() -> None:
    """Every setting alone and several together; on the CPU the interpreter stands in for the GPU."""
    _update._fused_adam.computes = lambda *_: False  # so that Adam's own form is ours too
    _update.kernel.load = lambda *_: _triton_kernel.step
    settings = {**EACH_ALONE, **SEVERAL}
    for name, options in settings.items():
        for ours, theirs in zip(stepped(options, True), stepped(options, False), strict=True):
            try:
                torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-6)
            except AssertionError as error:
                raise SystemExit(f"{name}: {error}") from error
    sys.stdout.write(f"{len(settings)} forms agree")


def compile_forms() -> None:
    """Down to machine code of an H100, which needs none."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    def floats(of: Any) -> Any:
        return of(*("fp32" for _ in of._fields))

    for name in COMPILED:
        form = form_of(MomentAdam([nn.Parameter(torch.ones(1))], **{**EACH_ALONE, **SEVERAL}[name]).param_groups[0])
        phases = ("advance", "move") if form.gate in ("cautious", "cosine") else ("whole",)
        for phase in phases:
            constants = {**_triton_kernel.constants(form), "PHASE": phase}
            signature = {
                **dict.fromkeys(("addresses", "sizes", "tensor_of", "start_of"), "*i64"),
                "sums": "*fp64",
                "scales": "*fp32",
                "n": floats(_triton_numbers.Numbers),
                **dict.fromkeys(
                    ("short_blend", "long_blend", "moment_blend", "skewness_blend", "quasi_blend"),
                    floats(_triton_numbers.Blend),
                ),
                **dict.fromkeys(constants, "constexpr"),
            }
            kernel: Any = _triton_kernel.step_kernel
            source = ASTSource(kernel, signature, {(kernel.arg_names.index(k),): v for k, v in constants.items()})
            compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
            assert "cubin" in compiled.asm
    sys.stdout.write(f"{len(COMPILED)} forms compile")


if __name__ == "__main__":
    {"compare": compare, "compile": compile_forms}[sys.argv[1]]()
