# pyright: reportArgumentType=false
# Triton makes constants of what a kernel is given in their place.
"""One step of MomentAdam on CUDA in one pass over memory: a Triton kernel over all tensors of a bucket.

Compiled once for each form of the rule, which the constants in capitals select. `moment_adam_rule.py` is the reference,
`moment_adam_kernel.cpp` the same kernel for the CPU, from which the arithmetic of powers and roots is taken.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from optimizers.moment_adam_rule import CUBE_LIMIT, CUBE_UNIT, Coefficients, Form

if TYPE_CHECKING:
    from optimizers.moment_adam_update import Tensors

BLOCK = 1024
UNROLLED_ORDERS = (2, 3, 4, 6, 8)
COLUMNS = 6
"""Addresses of a tensor in the table: theta, gradient, m, s, l, c; 0 where the form has none."""

NO_ORDER: tl.constexpr = tl.constexpr(0)
INFINITE: tl.constexpr = tl.constexpr(-1)
ANY_ORDER: tl.constexpr = tl.constexpr(-2)
TINY: tl.constexpr = tl.constexpr(1e-30)
ONE: tl.constexpr = tl.constexpr(0x3F800000)  # the bits of 1.0
TWICE_ONE: tl.constexpr = tl.constexpr(0x7F000000)
EXPONENT: tl.constexpr = tl.constexpr(0x7F800000)
LARGEST_EXPONENT: tl.constexpr = tl.constexpr(0x7F000000 - 0x00800000)  # whose reciprocal is normal
MANTISSA: tl.constexpr = tl.constexpr(0x007FFFFF)
# The bits of a number near x^(-1/3), from which a third of the bits of x is taken.
CUBE_ROOT_GUESS: tl.constexpr = tl.constexpr(float(0x54A1F671))
UNIT: tl.constexpr = tl.constexpr(CUBE_UNIT)
LIMIT: tl.constexpr = tl.constexpr(CUBE_LIMIT)


class Blend(NamedTuple):
    """(1 - weight) X + weight Y as kept X + weight (Y - moved X).

    For a small weight a step from X to Y, which keeps every digit of X; for a large one a sum, in which X may be as
    good as gone. `old_change` is (1 - weight)^(1/p) - 1, `new_root` weight^(1/p), where X and Y are p-th powers.
    """

    kept: float
    weight: float
    moved: float
    old_change: float
    new_root: float


class Numbers(NamedTuple):
    """The coefficients as the arithmetic takes them: complements made in float64, where they keep their digits."""

    order: float
    inverse_order: float
    sign: float
    lr: float
    kept: float
    coupled_decay: float
    beta2: float
    new2: float
    short: float
    gradient: float
    long: float
    skew: float
    injection: float
    inverse_divisor: float
    inverse_gauss: float
    floor: float
    skew_denominator: float
    eps: float


def blend(weight: float, order: float) -> Blend:
    """The numbers of a blend of p-th powers, p = `order`."""
    change = math.expm1(math.log1p(-weight) / order) if weight < 1 else -1.0
    kept, moved = (1.0, 1.0) if weight <= 0.5 else (1 - weight, 0.0)
    return Blend(kept, weight, moved, change, weight ** (1 / order))


def numbers(form: Form, c: Coefficients) -> Numbers:
    """The numbers of one step."""
    return Numbers(
        order=c.order,
        inverse_order=1 / c.order if c.order else 0.0,
        sign=-1.0 if form.maximize else 1.0,
        lr=c.lr,
        kept=1 - c.lr * c.weight_decay if form.decoupled else 1.0,
        coupled_decay=c.weight_decay,
        beta2=c.beta2,
        new2=1 - c.beta2,
        short=1 / c.debias1 if form.short_only else c.short,
        gradient=0.0 if form.short_only else c.gradient,
        long=c.long,
        skew=c.skew / CUBE_UNIT,
        injection=c.injection,
        inverse_divisor=1 / c.divisor,
        inverse_gauss=1 / c.gauss,
        floor=c.moment_floor,
        skew_denominator=c.skew_denominator / CUBE_UNIT,
        eps=c.eps,
    )


@triton.jit
def _larger(x, y):
    return tl.where(x > y, x, y)


@triton.jit
def _sign(x):
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))


@triton.jit
def _agreement(x, y):
    return _larger(_sign(x) * _sign(y), 0.0)


@triton.jit
def _scale_near(x):
    """A power of two near x >= 0, and its reciprocal: to scale by without rounding."""
    exponent = x.to(tl.int32, bitcast=True) & EXPONENT
    bounded = tl.where(exponent < LARGEST_EXPONENT, exponent, LARGEST_EXPONENT)
    return bounded.to(tl.float32, bitcast=True), (-(bounded - TWICE_ONE)).to(tl.float32, bitcast=True)


@triton.jit
def _whole_power(x, P: tl.constexpr):
    square = x * x
    if P == 2:
        power = square
    elif P == 3:
        power = x * square
    elif P == 4:
        power = square * square
    elif P == 6:
        power = square * (square * square)
    else:
        power = (square * square) * (square * square)
    return power


@triton.jit
def _cube_root(x, EXACT: tl.constexpr):
    """Of x >= 0; one that is not exact leans to a side by half the last digit."""
    # A guess of y = x^(-1/3) that divides the exponent; h is how far x y^3 is from 1.
    third_of_bits = x.to(tl.int32, bitcast=True).to(tl.float32) * (1.0 / 3)
    guess_bits = -(third_of_bits - CUBE_ROOT_GUESS)
    y = guess_bits.to(tl.int32).to(tl.float32, bitcast=True)
    guess = x * y * y
    h = 1.0 - guess * y
    series = 0.49380358 + h * (0.45792732 + h * 0.42850679)
    series = 0.66666668 + h * (0.55554182 + h * series)
    root = guess + guess * h * series
    if EXACT:
        root += (x - root * root * root) * (y * y) * (1.0 / 3)
    return root


@triton.jit
def _whole_root(x, P: tl.constexpr):
    if P == 2:
        root = tl.sqrt_rn(x)
    elif P == 3:
        root = _cube_root(x, True)
    elif P == 4:
        root = tl.sqrt_rn(tl.sqrt_rn(x))
    elif P == 6:
        root = _cube_root(tl.sqrt_rn(x), True)
    else:
        root = tl.sqrt_rn(tl.sqrt_rn(tl.sqrt_rn(x)))
    return root


@triton.jit
def _log2_1p(x):
    """log2(1 + x) for x >= -1; near 0 all digits of x count."""
    total = 1.0 + x
    bits = total.to(tl.int32, bitcast=True)
    mantissa = ((bits & MANTISSA) | ONE).to(tl.float32, bitcast=True)
    above = mantissa > 1.41421356
    m = tl.where(above, 0.5 * mantissa, mantissa)
    exponent = ((bits >> 23) - 127).to(tl.float32) + tl.where(above, 1.0, 0.0)
    rest = tl.where(exponent == 0.0, x, m - 1.0)
    # ln m = 2 artanh((m - 1) / (m + 1)); the coefficients are 2 / (n ln 2).
    t = tl.div_rn(rest, 2.0 + rest)
    t2 = t * t
    series = 0.577078016 + t2 * (0.412198583 + t2 * 0.320598898)
    return exponent + t * (2.88539008 + t2 * (0.961796694 + t2 * series))


@triton.jit
def _exp2_m1(x):
    """2^x - 1; near 0 all digits of x count."""
    bounded = _larger(x, -126.0)
    whole = tl.floor(bounded + 0.5)
    f = bounded - whole
    # The series of e^(f ln 2) - 1 for |f| <= 1/2.
    series = 0.00961812911 + f * (0.00133335581 + f * (0.000154035304 + f * 0.0000152527338))
    series = f * (0.693147181 + f * (0.240226507 + f * (0.0555041087 + f * series)))
    scale = ((whole.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    return tl.where(x < -126.0, -1.0, scale * series + (scale - 1.0))


@triton.jit
def _blended(x, y, b):
    return b.kept * x + b.weight * (y - b.moved * x)


@triton.jit
def _power_sum(x, y, n):
    """(x^p + y^p)^(1/p)"""
    big = _larger(x, y)
    ratio = tl.div_rn(tl.where(x < y, x, y), _larger(big, TINY))
    power = _exp2_m1(n.order * _log2_1p(ratio - 1.0)) + 1.0
    return big + big * _exp2_m1(n.inverse_order * _log2_1p(power))


@triton.jit
def _power_mean(x, y, floor, b, n, ORDER: tl.constexpr, FLOORED: tl.constexpr):
    """((1 - weight) x^p + weight y^p + floor^p)^(1/p), without overflow or underflow in between."""
    if ORDER > 0:
        largest = _larger(x, y)
        if FLOORED:
            largest = _larger(largest, floor)
        up, down = _scale_near(largest)
        powers = _blended(_whole_power(x * down, ORDER), _whole_power(y * down, ORDER), b)
        if FLOORED:
            powers += _whole_power(floor * down, ORDER)
        mean = _whole_root(powers, ORDER) * up
    else:
        mean = _power_sum(x + b.old_change * x, b.new_root * y, n)
        if FLOORED:
            mean = _power_sum(mean, floor + 0.0 * mean, n)
    return mean


@triton.jit
def _average_cube(c, r, b):
    """The average of cubes; within the limit no cube overflows. A nan stays one."""
    size = tl.abs(r)
    cube = _whole_power(tl.where(size > LIMIT, LIMIT, size) * UNIT, 3)
    return _blended(c, tl.where(r < 0, -cube, cube), b)


@triton.jit
def _signed_cube_root(c):
    root = _cube_root(tl.abs(c), False)
    return tl.where(c < 0, -root, root)


@triton.jit
def _moment(s, r, n, b, ORDER: tl.constexpr, FLOORED: tl.constexpr):
    if ORDER == 2:
        moment = n.beta2 * s + n.new2 * r * r + n.floor
    elif ORDER == INFINITE:
        moment = _larger(n.beta2 * s, tl.abs(r) + n.eps)
    else:
        moment = _power_mean(s, tl.abs(r), n.floor, b, n, ORDER, FLOORED)
    return moment


@triton.jit
def _numerator(g, m, ell, q, selected, n, MIX: tl.constexpr, GATE: tl.constexpr, SKEWNESS: tl.constexpr):
    u = n.short * m + n.gradient * g
    if MIX == "direction":
        if GATE == "agree":
            u += n.long * (_agreement(ell, m) * ell)
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
            d = _power_mean(d, tl.abs(r), 0.0, b, n, ORDER, False) * n.inverse_gauss
        d += n.eps
    if SKEWNESS:
        d += n.skew_denominator * _larger(q, 0.0)
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
            ell = _blended(ell, grad, long_blend)
        g = grad + n.injection * ell
    if COUPLED:
        g += n.coupled_decay * theta
    if PHASE != "move":
        m = _blended(m, g, short_blend)
        if MIX == "direction":
            ell = _blended(ell, g, long_blend)
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
            c = _average_cube(c, r, skewness_blend)
            tl.store(c_at, c, mask=here)
    if SKEWNESS:
        q = _signed_cube_root(c)

    if PHASE == "advance":
        if GATE == "cautious":
            u = _numerator(g, m, ell, q, 1.0, n, MIX, GATE, SKEWNESS)
            tl.store(sums + 3 * block, tl.sum(_agreement(u, g).to(tl.float64)))
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
            u *= scale * _agreement(u, g)
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
    sums = torch.zeros(count if two_phases else 0, 3, dtype=torch.float64, device=device)
    scales = torch.ones(0, device=device)
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
