"""Levels for looking several times: each look's own, so that all looks together err no more often than one would."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from optimizers import InputError

EXPONENT = 2
_CELLS = 150
_TABLE = 10_001
_NODES = 16  # what a look adds beyond its sum, its spread, is averaged over by so many
_FARTHEST = 9.0  # standard errors beyond which nothing is left to integrate

_Angles = NDArray[np.float64]


def spent(tail: float, fraction: float) -> float:
    """The part of an error rate `tail` that looks up to a `fraction` of the planned pairs may use together.

    tail * fraction^2, and all of it from the last planned look on. So of four looks with equal steps they use 1/16,
    3/16, 5/16 and 7/16: little where few pairs make every interval wide, and nearly as much at the last as a plan
    with a single look.

    Source: K. Kim, D. L. DeMets, "Design and Analysis of Group Sequential Tests Based on the Type I Error Spending
    Rate Function", Biometrika 74 (1987).
    """
    return tail * min(1.0, fraction) ** EXPONENT


def tail_levels(tail: float, pairs: Sequence[int], planned: int) -> tuple[float, ...]:
    """The one-sided nominal level at each look, so that all looks together err with probability `tail`.

    `pairs` are the numbers of pairs of scores at the looks taken so far, rising from at least 2, and `planned` is that
    at the last planned look. At look k an interval with (1 - 2 * level) may be read as it is: for the mean of normal
    differences, P(any of the intervals lies above it) = `tail`, and the same below. So the intervals of all looks hold
    together at 1 - 2 * `tail`, whatever is done after a look: to stop early, or to go on although one could stop.
    Later looks change no earlier level, so that looks may be added, left out or taken at other numbers than planned,
    as long as differences seen do not decide it. A look after the last planned one has the level 0: it shows nothing.

    An error spending function (see `spent`) says what each look may add. What level that is follows exactly, also
    for 2 or 3 pairs, as the boundary is one of t statistics: levels of known spreads, which tables of group-sequential
    boundaries hold, err up to 1.2 times as often as they say where the first look has 2 or 3 pairs.

    How: with Q the sum of the n squared differences and S their sum, sin(a) = S / sqrt(n Q) gives t = sqrt(n - 1)
    tan(a). Without a true difference, Q says nothing of the angles so far, which therefore form a Markov chain; its
    distribution below the boundaries is carried from look to look on a grid.

    Raises InputError for a tail outside (0, 0.5), and for numbers of pairs that do not rise or begin below 2.

    Source: K. K. G. Lan, D. L. DeMets, "Discrete Sequential Boundaries for Clinical Trials", Biometrika 70 (1983);
    C. Jennison, B. W. Turnbull, "Exact Calculations for Sequential t, Chi-Square and F Tests", Biometrika 78 (1991);
    repeated intervals: the same, "Interim Analyses: The Repeated Confidence Interval Approach", JRSS B 51 (1989).
    """
    if not 0 < tail < 0.5:
        raise InputError(f"The error rate of one side must lie between 0 and 0.5, not be {tail}.")
    if not pairs or pairs[0] < 2 or any(later <= earlier for earlier, later in itertools.pairwise(pairs)):
        raise InputError(f"Looks are taken at rising numbers of pairs, of which the first is at least 2, not {pairs}.")
    return _tail_levels(tail, tuple(pairs), planned)


@lru_cache(maxsize=256)
def _tail_levels(tail: float, pairs: tuple[int, ...], planned: int) -> tuple[float, ...]:
    used, before, levels = 0.0, 0, []
    angles, chances = np.zeros(1), np.ones(1)
    for n in pairs:
        allowed = spent(tail, n / planned)
        added, used = allowed - used, allowed
        if added <= 0:
            return (*levels, *[0.0] * (len(pairs) - len(levels)))
        above = partial(_chance_above, angles=angles, chances=chances, before=before, n=n)
        boundary = _boundary(above, n, added, used)
        levels.append(float(special.stdtr(n - 1, -math.sqrt(n - 1) * math.tan(boundary))))
        edges = np.linspace(-min(math.pi / 2, _FARTHEST / math.sqrt(n - 1)), boundary, _CELLS + 1)
        angles, chances, before = (edges[1:] + edges[:-1]) / 2, -np.diff(above(edges)), n
    return tuple(levels)


def _boundary(above: Callable[[_Angles], _Angles], n: int, added: float, used: float) -> float:
    """The angle that is passed now, and was not before, with the chance `added`, of `used` so far.

    Where that is too small for the grid, it is the one that is passed with this chance whatever was before.
    """
    lowest, highest = _angle_of(min(0.5, 1.1 * used), n), _angle_of(added, n)
    chances = above(np.array([lowest, highest]))
    if not chances[0] > added > chances[1]:
        return highest

    def excess(angle: float) -> float:
        return float(above(np.array([angle]))[0]) - added

    return optimize.root_scalar(excess, bracket=(lowest, highest), xtol=1e-14).root


def _angle_of(level: float, n: int) -> float:
    return math.atan(-float(special.stdtrit(n - 1, level)) / math.sqrt(n - 1))


def _chance_above(edges: _Angles, angles: _Angles, chances: _Angles, before: int, n: int) -> _Angles:
    """P(angle of `n` pairs > edge) for each edge, where that of `before` pairs is one of `angles` by `chances`."""
    if not before:
        return special.stdtr(n - 1, -math.sqrt(n - 1) * np.tan(edges))
    shares, weights = _kept_shares(before, n - before)
    found = np.zeros(len(edges))
    for share, weight in zip(shares, weights, strict=True):
        sums = math.sqrt(before * share) * np.sin(angles)
        found += weight * (_step_above(edges, sums, n, n - before) @ chances)
    return found


def _kept_shares(before: int, more: int) -> tuple[_Angles, _Angles]:
    """Nodes and weights for the share of squares that `before` pairs have beside the spread of `more` further ones."""
    if more == 1:
        return np.ones(1), np.ones(1)
    nodes, weights = special.roots_jacobi(_NODES, (more - 1) / 2 - 1, before / 2 - 1)
    return (1 + nodes) / 2, weights / weights.sum()


def _step_above(edges: _Angles, sums: _Angles, n: int, more: int) -> _Angles:
    """P(angle > edge), a row for each edge, where the squares so far are 1 and the differences so far add up to `sums`.

    The sum of the further ones is sqrt(more) tan(phi) with tan(phi) = t / sqrt(n - 1), and S cos(phi) + sqrt(more)
    sin(phi) = reach * cos(phi - middle) is to be above sqrt(n) sin(edge).
    """
    reach, middle = np.hypot(sums, math.sqrt(more)), np.arctan2(math.sqrt(more), sums)
    half = np.arccos(np.clip(math.sqrt(n) * np.sin(edges)[:, None] / reach, -1, 1))
    low, high = (np.clip(middle + side * half, -math.pi / 2, math.pi / 2) for side in (-1, 1))
    return np.subtract(*(np.interp(bound, *_chances_of_angles(n)) for bound in (high, low)))


@lru_cache(maxsize=64)
def _chances_of_angles(n: int) -> tuple[_Angles, _Angles]:
    """P(angle <= x) by x: Student's distribution, as a table for the many times that a grid asks for it."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, _TABLE)
    return angles, special.stdtr(n - 1, math.sqrt(n - 1) * np.tan(angles))
