# pyright: reportArgumentType=false
# Triton makes constants of what a kernel is given in their place.
"""Powers, roots and averages of float32 for the Triton kernel, as `kernel.cpp` has them.

Written of operations that round alike everywhere, and not of Triton's fast functions. `b` is a `Blend`, `n` the
`Numbers` of `_triton_numbers`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from optimizers.moment_adam._rule import CUBE_LIMIT, CUBE_UNIT

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


@triton.jit
def larger(x, y):
    return tl.where(x > y, x, y)


@triton.jit
def sign(x):
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))


@triton.jit
def agreement(x, y):
    return larger(sign(x) * sign(y), 0.0)


@triton.jit
def scale_near(x):
    """A power of two near x >= 0, and its reciprocal: to scale by without rounding."""
    exponent = x.to(tl.int32, bitcast=True) & EXPONENT
    bounded = tl.where(exponent < LARGEST_EXPONENT, exponent, LARGEST_EXPONENT)
    return bounded.to(tl.float32, bitcast=True), (-(bounded - TWICE_ONE)).to(tl.float32, bitcast=True)


@triton.jit
def whole_power(x, P: tl.constexpr):
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
def cube_root(x, EXACT: tl.constexpr):
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
def whole_root(x, P: tl.constexpr):
    if P == 2:
        root = tl.sqrt_rn(x)
    elif P == 3:
        root = cube_root(x, True)
    elif P == 4:
        root = tl.sqrt_rn(tl.sqrt_rn(x))
    elif P == 6:
        root = cube_root(tl.sqrt_rn(x), True)
    else:
        root = tl.sqrt_rn(tl.sqrt_rn(tl.sqrt_rn(x)))
    return root


@triton.jit
def log2_1p(x):
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
def exp2_m1(x):
    """2^x - 1; near 0 all digits of x count."""
    bounded = larger(x, -126.0)
    whole = tl.floor(bounded + 0.5)
    f = bounded - whole
    # The series of e^(f ln 2) - 1 for |f| <= 1/2.
    series = 0.00961812911 + f * (0.00133335581 + f * (0.000154035304 + f * 0.0000152527338))
    series = f * (0.693147181 + f * (0.240226507 + f * (0.0555041087 + f * series)))
    scale = ((whole.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    return tl.where(x < -126.0, -1.0, scale * series + (scale - 1.0))


@triton.jit
def blended(x, y, b):
    return b.kept * x + b.weight * (y - b.moved * x)


@triton.jit
def power_sum(x, y, n):
    """(x^p + y^p)^(1/p)"""
    big = larger(x, y)
    ratio = tl.div_rn(tl.where(x < y, x, y), larger(big, TINY))
    power = exp2_m1(n.order * log2_1p(ratio - 1.0)) + 1.0
    return big + big * exp2_m1(n.inverse_order * log2_1p(power))


@triton.jit
def power_mean(x, y, floor, b, n, ORDER: tl.constexpr, FLOORED: tl.constexpr):
    """((1 - weight) x^p + weight y^p + floor^p)^(1/p), without overflow or underflow in between."""
    if ORDER > 0:
        largest = larger(x, y)
        if FLOORED:
            largest = larger(largest, floor)
        up, down = scale_near(largest)
        powers = blended(whole_power(x * down, ORDER), whole_power(y * down, ORDER), b)
        if FLOORED:
            powers += whole_power(floor * down, ORDER)
        mean = whole_root(powers, ORDER) * up
    else:
        mean = power_sum(x + b.old_change * x, b.new_root * y, n)
        if FLOORED:
            mean = power_sum(mean, floor + 0.0 * mean, n)
    return mean


@triton.jit
def average_cube(c, r, b):
    """The average of cubes; within the limit no cube overflows. A nan stays one."""
    size = tl.abs(r)
    cube = whole_power(tl.where(size > LIMIT, LIMIT, size) * UNIT, 3)
    return blended(c, tl.where(r < 0, -cube, cube), b)


@triton.jit
def signed_cube_root(c):
    root = cube_root(tl.abs(c), False)
    return tl.where(c < 0, -root, root)
