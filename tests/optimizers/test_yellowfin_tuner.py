"""YellowFin's tuner against numpy's roots, numerical minimization, and what is known of quadratics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from optimizers.baselines import _yellowfin_tuner as tuner
from optimizers.baselines._yellowfin_tuner import EPS, Averages, Measurements


def roots_of_numpy(ps: np.ndarray) -> np.ndarray:
    """The three roots (n, 3) of each cubic as `np.roots` takes them, by eigenvalues, but of all cubics at once."""
    companions = np.zeros((len(ps), 3, 3))
    companions[:, 1, 0] = companions[:, 2, 1] = 1
    companions[:, 0, 1] = companions[:, 0, 2] = -ps
    return np.linalg.eigvals(companions)


def test_the_cubic_root_is_that_of_numpy() -> None:
    ps = 10 ** np.random.default_rng(0).uniform(-8, 4, 50_000)
    for p, batched in zip(ps[:200], roots_of_numpy(ps[:200]), strict=True):
        np.testing.assert_allclose(np.sort_complex(batched), np.sort_complex(np.roots(np.array([1, 0, p, p]))))
    roots = roots_of_numpy(ps)
    real = roots[np.arange(len(ps)), np.abs(np.imag(roots)).argmin(axis=1)]
    assert np.all(np.abs(np.imag(real)) < 1e-12)
    ours = np.fromiter(map(tuner.cubic_root, ps.tolist()), float, len(ps))
    np.testing.assert_allclose(ours, np.real(real), rtol=1e-9)


def test_the_cubic_root_over_sixty_decades() -> None:
    # Eigenvalues lose the small root among large ones: so bisection, of all at once.
    ps = 10 ** np.random.default_rng(1).uniform(-30, 30, 100_000)
    low, high = np.full_like(ps, -28.0), np.zeros_like(ps)  # of log(-y)
    for _ in range(56):
        middle = (low + high) / 2
        gap = np.exp(middle)
        above = gap**3 > ps * (1 - gap)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    ours = np.fromiter(map(tuner.cubic_root, ps.tolist()), float, len(ps))
    np.testing.assert_allclose(-ours, np.exp((low + high) / 2), rtol=1e-12)


def test_the_cubic_root_has_no_hole_at_the_ends() -> None:
    assert tuner.cubic_root(0.0) == 0.0
    # Where Vieta's formula with an eps divides by nearly 0.
    assert tuner.cubic_root(1e-18) == pytest.approx(-1e-6, rel=1e-5)
    for p in (1e150, 1e250, float("inf")):
        assert tuner.cubic_root(p) == -1.0


@pytest.mark.parametrize("h_min", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("variance", [1e-2, 1.0, 1e3])
@pytest.mark.parametrize("distance", [0.1, 3.0, 40.0])
def test_a_single_step_minimizes_the_expected_distance(h_min: float, variance: float, distance: float) -> None:
    tuned = tuner.single_step(Measurements(h_min, h_min, variance, distance))

    def expected_square_distance(sqrt_mu: float) -> float:
        lr = (1 - sqrt_mu) ** 2 / h_min
        return sqrt_mu**2 * distance**2 + lr**2 * variance

    best: Any = minimize_scalar(expected_square_distance, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    # The EPS of the formulas shift the minimum a little; a curvature of 1e-3 by 1e-3 of itself.
    assert tuned.momentum**0.5 == pytest.approx(best.x, abs=1e-3)
    assert tuned.lr == pytest.approx((1 - tuned.momentum**0.5) ** 2 / h_min, rel=2e-3)


def test_noise_raises_the_momentum_and_lowers_the_rate() -> None:
    steps = [tuner.single_step(Measurements(1.0, 4.0, variance, 1.0)) for variance in (1e-3, 1.0, 1e3, 1e6)]
    momenta, rates = [s.momentum for s in steps], [s.lr for s in steps]
    assert momenta == sorted(momenta)
    assert rates == sorted(rates, reverse=True)
    assert 0 < momenta[0] < momenta[-1] < 1


@pytest.mark.parametrize("condition", [10.0, 1000.0])
@pytest.mark.parametrize("variance", [0.0, 1e3])
def test_a_quadratic_within_the_range_converges_by_sqrt_mu(condition: float, variance: float) -> None:
    """Momentum converges at one rate for all curvatures of the range: the robust region."""
    tuned = tuner.single_step(Measurements(1.0, condition, variance, 10.0))
    curvatures = np.linspace(1.0, condition, 50)
    if variance == 0:
        fastest = (condition**0.5 - 1) / (condition**0.5 + 1)
        assert tuned.momentum**0.5 == pytest.approx(fastest, rel=1e-6), "no momentum below it is robust"
    x, velocity = np.ones(50), np.zeros(50)
    predicted = np.log(tuned.momentum**0.5)
    stretch = int(-150 / predicted)
    sizes = []
    for _ in range(4 * stretch):
        velocity = tuned.momentum * velocity + curvatures * x
        x = x - tuned.lr * velocity
        sizes.append(np.abs(x))
    # The coordinates swing through 0: the largest size over a stretch is their envelope.
    second, last = (np.max(sizes[i * stretch : (i + 1) * stretch], axis=0) for i in (1, 3))
    np.testing.assert_allclose(np.log(last / second) / (2 * stretch), predicted, rtol=0.02)


def test_measurements_of_a_constant_gradient_are_right_from_the_first_step() -> None:
    averages, mean = Averages(), 0.0
    for step in range(1, 30):
        averages = tuner.observe(averages, 16.0, 0.999, 20)
        mean = 0.999 * mean + 0.001 * 4.0
        measured = tuner.measure(averages, mean**2, 0.999)
        assert measured.h_min == pytest.approx(16.0, rel=1e-6)
        assert measured.h_max == pytest.approx(16.0, rel=1e-6)
        assert measured.variance == pytest.approx(EPS, abs=1e-9)
        assert measured.distance == pytest.approx(0.25, rel=1e-3), step


def test_the_range_is_that_of_the_window() -> None:
    averages = Averages()
    for h in (5.0, 1.0, 3.0, 2.0):
        averages = tuner.observe(averages, h, 0.0, 3)
    measured = tuner.measure(averages, 0.0, 0.0)  # a decay of 0 keeps the last step alone
    assert averages.recent == (1.0, 3.0, 2.0)
    assert (measured.h_min, measured.h_max) == pytest.approx((1.0, 3.0), rel=1e-5)
    measured = tuner.measure(tuner.observe(averages, 2.5, 0.0, 3), 0.0, 0.0)
    assert (measured.h_min, measured.h_max) == pytest.approx((2.0, 3.0), rel=1e-5)


def test_the_range_is_averaged_in_logarithms() -> None:
    averages = Averages()
    for h in (1.0, 100.0):
        averages = tuner.observe(averages, h, 0.5, 1)
    # Weights 1/4 and 1/2 over their sum.
    assert averages.h_max(0.5) == pytest.approx(100 ** (2 / 3), rel=1e-5)


def test_the_rate_warms_up_over_ten_windows() -> None:
    tuned = tuner.Tuned(0.5, 2.0)
    assert [tuner.warmed_up(tuned, t, 20).lr for t in (1, 50, 200, 999)] == [0.01, 0.5, 2.0, 2.0]
    assert tuner.warmed_up(tuned, 1, 20).momentum == 0.5


def test_smoothing_averages_from_the_first_step_on() -> None:
    averages = tuner.observe(Averages(), 1.0, 0.9, 20)
    averages, first = tuner.smooth(averages, tuner.Tuned(0.5, 2.0), 0.9)
    assert first == pytest.approx((0.5, 2.0))
    averages = tuner.observe(averages, 1.0, 0.9, 20)
    _, second = tuner.smooth(averages, tuner.Tuned(0.7, 4.0), 0.9)
    assert second == pytest.approx(((0.9 * 0.5 + 0.7) / 1.9, (0.9 * 2.0 + 4.0) / 1.9))
