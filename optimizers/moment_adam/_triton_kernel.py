# pyright: reportArgumentType=false
# Triton makes constants of what a kernel is given in their place.
"""One step of MomentAdam on CUDA in one pass over memory: a Triton kernel over all tensors of a bucket.

Compiled once for each form of the rule, which the constants in capitals select. `_rule.py` is the reference,
`kernel.cpp` the same kernel for the CPU, from which the arithmetic of powers and roots is taken.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from optimizers.moment_adam._rule import Coefficients, Form
from optimizers.moment_adam._triton_arithmetic import (
    agreement,
    average_cube,
    blended,
    larger,
    power_mean,
    signed_cube_root,
)
from optimizers.moment_adam._triton_numbers import blend, numbers

if TYPE_CHECKING:
    from optimizers.moment_adam._tensors import Tensors

BLOCK = 1024
UNROLLED_ORDERS = (2, 3, 4, 6, 8)
COLUMNS = 6
"""Addresses of a tensor in the table: theta, gradient, m, s, l, c; 0 where the form has none."""

NO_ORDER: tl.constexpr = tl.constexpr(0)
INFINITE: tl.constexpr = tl.constexpr(-1)
ANY_ORDER: tl.constexpr = tl.constexpr(-2)


@triton.jit
def _moment(s, r, n, b, ORDER: tl.constexpr, FLOORED: tl.constexpr):
    if ORDER == 2:
        moment = n.beta2 * s + n.new2 * r * r + n.floor
    elif ORDER == INFINITE:
        moment = larger(n.beta2 * s, tl.abs(r) + n.eps)
    else:
        moment = power_mean(s, tl.abs(r), n.floor, b, n, ORDER, FLOORED)
    return moment


@triton.jit
def _numerator(g, m, ell, q, selected, n, MIX: tl.constexpr, GATE: tl.constexpr, SKEWNESS: tl.constexpr):
    u = n.short * m + n.gradient * g
    if MIX == "direction":
        if GATE == "agree":
            u += n.long * (agreement(ell, m) * ell)
        elif GATE == "cosine":
            u += n.long * (selected * ell)
        else:
            u += n.long * ell
    if SKEWNESS:
        u += n.skew * q
    return u


@triton.jit
def _denominator(r, s, q, n, b, ORDER: tl.constexpr, QUASI: tl.constexpr, SKEWNESS: tl.constexpr):
    if ORDER == NO_ORDER:
        d = 0.0 * r + n.eps
    elif ORDER == INFINITE:
        d = s
    else:
        root = s
        if ORDER == 2:
            root = tl.sqrt_rn(s)
        d = root * n.inverse_divisor
        if QUASI:
            d = power_mean(d, tl.abs(r), 0.0, b, n, ORDER, False) * n.inverse_gauss
        d += n.eps
    if SKEWNESS:
        d += n.skew_denominator * larger(q, 0.0)
    return d


@triton.jit
def _column(addresses, tensor, column: tl.constexpr, COLUMNS_: tl.constexpr):
    return tl.load(addresses + tensor * COLUMNS_ + column).to(tl.pointer_type(tl.float32))


@triton.jit
def step_kernel(  # noqa: PLR0912, PLR0915 - a kernel is one function; its branches are taken at compilation
    addresses,  # (tensors, COLUMNS) int64
    sizes,  # (tensors,) int64
    tensor_of,  # (blocks,) int64
    start_of,  # (blocks,) int64
    sums,  # (blocks, 3) float64; written in the phase "advance"
    scales,  # (tensors,) float32, what the gate multiplies by; read in the phase "move"
    n,
    short_blend,
    long_blend,
    moment_blend,
    skewness_blend,
    quasi_blend,
    ORDER: tl.constexpr,
    MIX: tl.constexpr,
    GATE: tl.constexpr,
    COUPLED: tl.constexpr,
    CENTRAL: tl.constexpr,
    SKEWNESS: tl.constexpr,
    QUASI: tl.constexpr,
    FLOORED: tl.constexpr,
    PHASE: tl.constexpr,
    COLUMNS_: tl.constexpr,
    BLOCK_: tl.constexpr,
):
    """A block of one tensor: the whole step, or, where the gate needs sums over the tensor first, one of its phases."""
    block = tl.program_id(0).to(tl.int64)
    tensor = tl.load(tensor_of + block)
    at = tl.load(start_of + block) + tl.arange(0, BLOCK_)
    here = at < tl.load(sizes + tensor)

    theta_at = _column(addresses, tensor, 0, COLUMNS_) + at
    m_at = _column(addresses, tensor, 2, COLUMNS_) + at
    theta = tl.load(theta_at, mask=here, other=0.0)
    grad = n.sign * tl.load(_column(addresses, tensor, 1, COLUMNS_) + at, mask=here, other=0.0)
    m = tl.load(m_at, mask=here, other=0.0)
    s, ell, c, q = m, m, m, m
    s_at, ell_at, c_at = m_at, m_at, m_at
    if ORDER != NO_ORDER:
        s_at = _column(addresses, tensor, 3, COLUMNS_) + at
        s = tl.load(s_at, mask=here, other=0.0)
    if MIX != "none":
        ell_at = _column(addresses, tensor, 4, COLUMNS_) + at
        ell = tl.load(ell_at, mask=here, other=0.0)
    if SKEWNESS:
        c_at = _column(addresses, tensor, 5, COLUMNS_) + at
        c = tl.load(c_at, mask=here, other=0.0)

    g = grad
    if MIX == "inject":
        if PHASE != "move":
            ell = blended(ell, grad, long_blend)
        g = grad + n.injection * ell
    if COUPLED:
        g += n.coupled_decay * theta
    if PHASE != "move":
        m = blended(m, g, short_blend)
        if MIX == "direction":
            ell = blended(ell, g, long_blend)
    r = g
    if CENTRAL:
        r = g - m
    if PHASE != "move":
        tl.store(m_at, m, mask=here)
        if MIX != "none":
            tl.store(ell_at, ell, mask=here)
        if ORDER != NO_ORDER:
            s = _moment(s, r, n, moment_blend, ORDER, FLOORED)
            tl.store(s_at, s, mask=here)
        if SKEWNESS:
            c = average_cube(c, r, skewness_blend)
            tl.store(c_at, c, mask=here)
    if SKEWNESS:
        q = signed_cube_root(c)

    if PHASE == "advance":
        if GATE == "cautious":
            u = _numerator(g, m, ell, q, 1.0, n, MIX, GATE, SKEWNESS)
            tl.store(sums + 3 * block, tl.sum(agreement(u, g).to(tl.float64)))
        else:
            wide_m, wide_l = m.to(tl.float64), ell.to(tl.float64)
            tl.store(sums + 3 * block, tl.sum(wide_m * wide_l))
            tl.store(sums + 3 * block + 1, tl.sum(wide_m * wide_m))
            tl.store(sums + 3 * block + 2, tl.sum(wide_l * wide_l))
    else:
        scale = 1.0
        if PHASE == "move":
            scale = tl.load(scales + tensor)
        u = _numerator(g, m, ell, q, scale, n, MIX, GATE, SKEWNESS)
        if GATE == "cautious":
            u *= scale * agreement(u, g)
        d = _denominator(r, s, q, n, quasi_blend, ORDER, QUASI, SKEWNESS)
        tl.store(theta_at, n.kept * theta - n.lr * tl.div_rn(u, d), mask=here)


class Layout(NamedTuple):
    """Which block of which tensor a program works on, on the device; `blocks` (tensors,) int64 are those of each."""

    sizes: Tensor
    blocks: Tensor
    tensor_of: Tensor
    start_of: Tensor


@functools.lru_cache(maxsize=32)
def _layout(sizes: tuple[int, ...], device: torch.device) -> Layout:
    size = torch.tensor(sizes, dtype=torch.int64)
    blocks = (size + BLOCK - 1) // BLOCK
    tensor_of = torch.arange(len(sizes)).repeat_interleave(blocks)
    first = blocks.cumsum(0) - blocks
    start_of = BLOCK * (torch.arange(len(tensor_of)) - first[tensor_of])
    return Layout(*(column.to(device) for column in (size, blocks, tensor_of, start_of)))


@functools.lru_cache(maxsize=32)
def _table(addresses: tuple[int, ...], device: torch.device) -> Tensor:
    """The addresses on the device; allocators hand out the same ones step after step."""
    return torch.tensor(addresses, dtype=torch.int64, device=device)


def constants(form: Form) -> dict[str, Any]:
    """The constants of `step_kernel` that select a form."""
    order = form.order
    if order is None:
        selected = NO_ORDER.value
    elif order == math.inf:
        selected = INFINITE.value
    else:
        selected = int(order) if order in UNROLLED_ORDERS else ANY_ORDER.value
    return {
        "ORDER": selected,
        "MIX": {"none": "none", "inject": "inject"}.get(form.mix, "direction"),
        "GATE": form.gate,
        "COUPLED": form.coupled,
        "CENTRAL": form.central,
        "SKEWNESS": form.skewness,
        "QUASI": form.quasi_hyperbolic_denominator,
        "FLOORED": form.floored,
        "COLUMNS_": COLUMNS,
        "BLOCK_": BLOCK,
    }


def step(tensors: Tensors, form: Form, c: Coefficients) -> None:
    """Update a bucket of float32 tensors in place; each with its gradient and memories has one layout in memory."""
    device = tensors.params[0].device
    columns = [column or [None] * len(tensors.params) for column in tensors]
    addresses = tuple(0 if t is None else t.data_ptr() for row in zip(*columns, strict=True) for t in row)
    layout = _layout(tuple(p.numel() for p in tensors.params), device)
    count = len(layout.tensor_of)
    if not count:
        return
    order = c.order or 1.0
    memories = (blend(1 - c.beta1, 1), blend(1 - c.beta3, 1))
    blends = (*memories, blend(1 - c.beta2, order), blend(1 - c.beta4, 3), blend(1 - c.nu2, order))
    two_phases = form.gate in ("cautious", "cosine")
    # What a form does not use is not looked at, so any tensor does.
    sums = torch.zeros(count, 3, dtype=torch.float64, device=device) if two_phases else layout.sizes
    scales = layout.sizes
    phases = ("advance", "move") if two_phases else ("whole",)
    with torch.cuda.device_of(tensors.params[0]):
        for phase in phases:
            if phase == "move":
                scales = _gate_scales(sums, layout, form)
            step_kernel[(count,)](
                _table(addresses, device), layout.sizes, layout.tensor_of, layout.start_of, sums, scales,
                numbers(form, c), *blends, **constants(form), PHASE=phase,
            )  # fmt: skip


def _gate_scales(sums: Tensor, layout: Layout, form: Form) -> Tensor:
    """What each tensor's gate multiplies by, from the sums over its blocks, added in their order."""
    totals = torch.segment_reduce(sums, "sum", lengths=layout.blocks, axis=0)
    if form.gate == "cautious":
        return (layout.sizes / (totals[:, 0] + 1)).float()
    lengths = totals[:, 1].sqrt() * totals[:, 2].sqrt()
    return (totals[:, 0] / torch.where(lengths > 0, lengths, 1.0)).clamp_min(0).float()
