"""YellowFin: what it measures and tunes, how it moves and clips, and its state through checkpoints."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optimizers import InputError
from optimizers.baselines._yellowfin_tuner import Averages, Measurements, measure
from optimizers.baselines.yellowfin_optimizer import YellowFin

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]
DOUBLE = torch.float64


def parameter(*values: float, dtype: torch.dtype = DOUBLE) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=dtype))


def step(optimizer: YellowFin, *grads: tuple[nn.Parameter, Tensor | list[float]]) -> None:
    optimizer.zero_grad()
    for p, grad in grads:
        p.grad = torch.as_tensor(grad, dtype=p.dtype)
    optimizer.step()


def averages_of(optimizer: YellowFin) -> Averages:
    saved = dict(optimizer.state_dict()["state"]["tuner"])
    del saved["tuned"]
    return Averages(**saved)


def measured_by(optimizer: YellowFin) -> Measurements:
    beta = optimizer.param_groups[0]["beta"]
    means = [state["exp_avg"] for key, state in optimizer.state.items() if isinstance(key, Tensor)]
    return measure(averages_of(optimizer), sum(float(m.double().square().sum()) for m in means), beta)


class Transcription:
    """YellowFin as its description reads, in NumPy and with `np.roots`."""

    def __init__(self, theta: np.ndarray, beta: float, window: int, smooth: bool, clip: bool) -> None:
        self.theta, self.beta, self.window, self.smooth, self.clip = theta.copy(), beta, window, smooth, clip
        self.mean, self.velocity = np.zeros_like(theta), np.zeros_like(theta)
        self.a_min = self.a_max = self.h_avg = self.norm_avg = self.d_avg = self.mu_avg = self.lr_avg = 0.0
        self.ring: list[float] = []
        self.h_max = math.inf
        self.t = 0

    def step(self, g: np.ndarray, lr_factor: float) -> None:
        eps, b, z, before = 1e-6, self.beta, 1 - self.beta ** (self.t + 1), self.h_max
        if self.clip and g @ g > 100 * before:
            g = g * math.sqrt(100 * before) / np.linalg.norm(g)
        h = g @ g
        self.ring = [*self.ring, h][-self.window :]
        self.a_min = b * self.a_min + (1 - b) * math.log(min(self.ring) + eps)
        self.a_max = b * self.a_max + (1 - b) * math.log(max(self.ring) + eps)
        h_min, self.h_max = math.exp(self.a_min / z), math.exp(self.a_max / z)
        self.h_avg = b * self.h_avg + (1 - b) * h
        self.mean = b * self.mean + (1 - b) * g
        c = max(self.h_avg / z - self.mean @ self.mean / z**2, eps)
        self.norm_avg = b * self.norm_avg + (1 - b) * math.sqrt(h)
        self.d_avg = b * self.d_avg + (1 - b) * self.norm_avg / (self.h_avg + eps)
        p = (self.d_avg / z + eps) ** 2 * (h_min + eps) ** 2 / (2 * (c + eps))
        roots = np.roots(np.array([1, 0, p, p], dtype=float))
        x = 1 + roots[np.argmin(np.abs(roots.imag))].real
        r = max((self.h_max + eps) / (h_min + eps), 1 + eps)
        mu = max(x**2, ((math.sqrt(r) - 1) / (math.sqrt(r) + 1)) ** 2)
        lr = (1 - math.sqrt(mu)) ** 2 / (h_min + eps) * min(1, (self.t + 1) / (10 * self.window))
        self.mu_avg, self.lr_avg = b * self.mu_avg + (1 - b) * mu, b * self.lr_avg + (1 - b) * lr
        if self.smooth:
            mu, lr = self.mu_avg / z, self.lr_avg / z
        if self.clip and h >= before:
            g = g * math.sqrt(before / h)
        rate = min(lr * lr_factor, 100 / np.linalg.norm(g)) if self.clip else lr * lr_factor
        self.velocity = mu * self.velocity + g
        self.theta = self.theta - rate * self.velocity
        self.t += 1


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("clip", [True, False])
def test_is_what_its_description_says(smooth: bool, clip: bool) -> None:
    rng = np.random.default_rng(0)
    curvatures, start = rng.uniform(0.5, 5, 7), rng.normal(size=7)
    a, b = (nn.Parameter(torch.from_numpy(part.copy())) for part in (start[:3], start[3:]))
    ours = YellowFin([a, b], lr=0.7, beta=0.95, window=5, smooth=smooth, clip=clip)
    theirs = Transcription(start, 0.95, 5, smooth, clip)
    for t in range(300):
        noise = rng.normal(size=7) * (40 if t % 50 == 49 else 1)
        g = curvatures * theirs.theta + noise
        step(ours, (a, torch.from_numpy(g[:3])), (b, torch.from_numpy(g[3:])))
        theirs.step(g, 0.7)
        np.testing.assert_allclose(torch.cat([a, b]).detach(), theirs.theta, rtol=1e-6, atol=1e-9)


def test_measures_a_noisy_quadratic_as_the_closed_forms_say() -> None:
    """One coordinate has the mean gradient, the other the noise, so that log ||g||^2 is uniform over [0, 3]."""
    slope, width = 0.8, 3.0
    theta, noise = parameter(0.4), parameter(0.0)  # curvature 2 and 0; lr = 0 keeps them where they are
    optimizer = YellowFin([theta, noise], lr=0.0, beta=0.999)
    rng = np.random.default_rng(0)
    for t in range(12_000):
        size = math.sqrt(math.exp(width * rng.random()) - slope**2)
        step(optimizer, (theta, 2 * theta.detach()), (noise, [size if t % 2 else -size]))
    measured = measured_by(optimizer)
    mean_square, mean_norm = (math.exp(width) - 1) / width, 2 * (math.exp(width / 2) - 1) / width
    # The smallest of 20 uniform numbers is at 1/21 in the mean.
    assert math.log(measured.h_min) == pytest.approx(width / 21, abs=0.03)
    assert math.log(measured.h_max) == pytest.approx(width * 20 / 21, abs=0.03)
    assert measured.variance == pytest.approx(mean_square - slope**2, rel=0.05)
    assert measured.distance == pytest.approx(mean_norm / mean_square, rel=0.05)


@pytest.mark.parametrize("smooth", [True, False])
def test_an_ill_conditioned_quadratic_converges_by_sqrt_mu(smooth: bool) -> None:
    """Curvatures from 2 to 5,000 within the measured range, which the noise of another coordinate spans."""
    curvatures = torch.logspace(math.log10(2), math.log10(5000), 20, dtype=DOUBLE)
    theta, noise = nn.Parameter(torch.full((20,), 1e-6, dtype=DOUBLE)), parameter(0.0)
    optimizer = YellowFin([theta, noise], beta=0.99, smooth=smooth)
    generator = torch.Generator().manual_seed(0)
    sizes, momenta = [], []
    for t in range(4000):
        size = 10 ** (2 * torch.rand(1, generator=generator, dtype=DOUBLE))
        step(optimizer, (theta, curvatures * theta.detach()), (noise, size if t % 2 else -size))
        sizes.append(theta.detach().abs())
        momenta.append(optimizer.tuned.momentum)
    measured = measured_by(optimizer)
    assert measured.h_min < 2
    assert measured.h_max > 5000
    early, late = torch.stack(sizes[1000:1500]).amax(0), torch.stack(sizes[3500:]).amax(0)
    rates = (late / early).log() / 2500
    predicted = np.mean(np.log(momenta[1250:3750])) / 2
    np.testing.assert_allclose(rates, predicted, rtol=0.12)


def test_smoothing_goes_one_minus_beta_of_the_way() -> None:
    p = parameter(0.0)
    smoothed, own = (YellowFin([p], beta=0.9, window=1, smooth=smooth) for smooth in (True, False))
    before = []
    for t in range(401):
        before = [optimizer.tuned for optimizer in (smoothed, own)]
        for optimizer in (smoothed, own):
            step(optimizer, (p, [5.0 if t == 400 else (-1.0) ** t]))
    assert before[0] == pytest.approx(before[1]), "both have settled"
    assert own.tuned.lr < 0.6 * before[1].lr, "what a step says for itself jumps at once"
    assert own.tuned.momentum > 1.05 * before[1].momentum
    for now, then, target in zip(smoothed.tuned, before[0], own.tuned, strict=True):
        assert now - then == pytest.approx(0.1 * (target - then), rel=1e-6)


def test_the_first_steps_are_short() -> None:
    p = parameter(0.0)
    optimizer = YellowFin([p], smooth=False, window=20)
    rates = []
    for _ in range(300):
        step(optimizer, (p, [3.0]))
        rates.append(optimizer.tuned.lr)
    assert rates[0] == pytest.approx(1 / 9 / 200, rel=1e-2)
    assert rates[49] == pytest.approx(rates[250] / 4, rel=1e-2)
    assert rates[199] == pytest.approx(rates[299], rel=1e-2)


def spiked(clip: bool, spike: float) -> tuple[YellowFin, nn.Parameter, Measurements, float]:
    """An optimizer after 50 gradients of norm 2 and a spike, with what it measured before, and how far it moved."""
    p = parameter(0.0)
    optimizer = YellowFin([p], beta=0.9, clip=clip)
    for t in range(50):
        step(optimizer, (p, [2.0 if t % 2 else -2.0]))
    before, measured = p.item(), measured_by(optimizer)
    step(optimizer, (p, [spike]))
    return optimizer, p, measured, p.item() - before


def test_a_spike_counts_as_at_most_a_hundred_h_max() -> None:
    optimizer, p, before, _ = spiked(True, 1e6)
    assert averages_of(optimizer).recent[-1] == pytest.approx(100 * before.h_max)
    assert optimizer.state[p]["exp_avg"].item() < 0.1 * math.sqrt(100 * before.h_max) + 0.2
    assert averages_of(spiked(False, 1e6)[0]).recent[-1] == 1e12


@pytest.mark.parametrize("spike", [3.0, 1e6])
def test_a_spike_moves_the_parameters_as_h_max_would(spike: float) -> None:
    optimizer, p, before, _ = spiked(True, spike)
    velocity = optimizer.state[p]["momentum_buffer"].item()
    assert abs(velocity) < math.sqrt(before.h_max) * 1.2
    unclipped, p, _, _ = spiked(False, spike)
    assert abs(unclipped.state[p]["momentum_buffer"].item()) == pytest.approx(spike, rel=0.5)


@pytest.mark.parametrize("clip", [True, False])
def test_no_step_is_longer_than_a_hundred(clip: bool) -> None:
    p = parameter(0.0)
    step(YellowFin([p], lr=1e9, clip=clip), (p, [2.0]))
    if clip:
        assert p.item() == pytest.approx(-100)
    else:
        assert p.item() < -1e5


def test_moves_as_sgd_with_the_tuned_momentum_and_rate(net: Net, train: Train) -> None:
    model, twin = net(), net()
    optimizer = YellowFin(model.parameters(), clip=False)
    sgd = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=0.9)
    for t in range(30):
        train(model, optimizer, t, t + 1)
        sgd.param_groups[0].update(lr=optimizer.tuned.lr, momentum=optimizer.tuned.momentum)
        train(twin, sgd, t, t + 1)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def test_groups_are_measured_together_and_move_at_their_own_rate() -> None:
    whole, halves = parameter(1.0, 2.0, 3.0, 4.0), [parameter(1.0, 2.0), parameter(3.0, 4.0)]
    one = YellowFin([whole], beta=0.9)
    two = YellowFin([{"params": [halves[0]]}, {"params": [halves[1]], "lr": 0.5}], beta=0.9)
    for t in range(20):
        g = torch.randn(4, generator=torch.Generator().manual_seed(t), dtype=DOUBLE)
        step(one, (whole, g))
        step(two, (halves[0], g[:2]), (halves[1], g[2:]))
    assert two.tuned == pytest.approx(one.tuned)
    torch.testing.assert_close(halves[0].detach(), whole.detach()[:2])
    moved = halves[1].detach() - torch.tensor([3.0, 4.0])
    torch.testing.assert_close(moved, (whole.detach()[2:] - torch.tensor([3.0, 4.0])) / 2)


def test_a_missing_gradient_is_measured_as_zero_and_does_not_move() -> None:
    ours, zero = [parameter(1.0), parameter(2.0)], [parameter(1.0), parameter(2.0)]
    missing, given = YellowFin(ours, beta=0.9), YellowFin(zero, beta=0.9)
    places = []
    for t in range(30):
        late = [0.3] if 5 <= t < 15 else None
        step(missing, (ours[0], [1.0]), *([(ours[1], late)] if late else []))
        step(given, (zero[0], [1.0]), (zero[1], late or [0.0]))
        if t == 4:
            assert ours[1].item() == 2.0
            assert ours[1] not in missing.state
        places.append(ours[1].item())
    assert len(set(places[14:])) == 1, "it stands still again"
    assert missing.tuned == pytest.approx(given.tuned, rel=1e-12)
    assert measured_by(missing) == pytest.approx(measured_by(given), rel=1e-12)
    missing.zero_grad()
    count = averages_of(missing).step
    missing.step()
    assert averages_of(missing).step == count, "a step without any gradient is none"


def test_weight_decay_is_part_of_the_objective_and_maximize_its_negative() -> None:
    a, b, c = (parameter(1.0, -2.0) for _ in range(3))
    decayed, added = YellowFin([a], beta=0.9, weight_decay=0.1), YellowFin([b], beta=0.9)
    up = YellowFin([c], beta=0.9, maximize=True)
    for t in range(40):
        noise = torch.randn(2, generator=torch.Generator().manual_seed(t), dtype=DOUBLE)
        step(decayed, (a, noise))
        step(added, (b, noise + 0.1 * b.detach()))
        step(up, (c, -noise - 0.1 * c.detach()))
    for twin, other in ((b, added), (c, up)):
        torch.testing.assert_close(a, twin, rtol=1e-9, atol=0)
        assert decayed.tuned == pytest.approx(other.tuned, rel=1e-9)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_refused_before_anything_changes(bad: float) -> None:
    a, b = parameter(1.0), parameter(2.0, 3.0)
    optimizer = YellowFin([a, b])
    for _ in range(3):
        step(optimizer, (a, [1.0]), (b, [0.5, 0.5]))
    before, parameters = copy.deepcopy(optimizer.state_dict()), [a.detach().clone(), b.detach().clone()]
    with pytest.raises(FloatingPointError, match="YellowFin got a gradient that is not finite"):
        step(optimizer, (a, [1.0]), (b, [0.5, bad]))
    assert all(map(torch.equal, (a, b), parameters))
    assert optimizer.state_dict()["state"]["tuner"] == before["state"]["tuner"]
    for i, p in enumerate((a, b)):
        for name, value in before["state"][i].items():
            assert torch.equal(optimizer.state[p][name], value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, DOUBLE])
def test_resumes_bit_for_bit(dtype: torch.dtype, net: Net, train: Train) -> None:
    options: dict[str, Any] = {"beta": 0.99, "window": 7, "weight_decay": 1e-3}
    whole, resumed = net(dtype), net(dtype)
    straight = YellowFin(whole.parameters(), **options)
    train(whole, straight, 0, 25)
    buffer = io.BytesIO()
    torch.save((whole.state_dict(), straight.state_dict()), buffer)
    buffer.seek(0)
    model_state, optimizer_state = torch.load(buffer, weights_only=True)
    resumed.load_state_dict(model_state)
    after = YellowFin(resumed.parameters())
    after.load_state_dict(optimizer_state)
    for copied in (copy.deepcopy(straight), pickle.loads(pickle.dumps(straight))):
        assert copied.tuned == straight.tuned
    train(whole, straight, 25, 60)
    train(resumed, after, 25, 60)
    assert all(map(torch.equal, resumed.parameters(), whole.parameters()))
    assert after.tuned == straight.tuned
    states = [s for p, s in after.state.items() if isinstance(p, Tensor)]
    assert {m.dtype for s in states for m in s.values()} == {DOUBLE if dtype is DOUBLE else torch.float32}
    # The dict that was loaded is nobody's state.
    assert optimizer_state["state"]["tuner"]["step"] == 25


def test_bad_input_is_named() -> None:
    p, q = parameter(1.0), parameter(2.0)
    with pytest.raises(InputError, match=r"window must be a whole number in \[1, 100000\], got 0\."):
        YellowFin([p], window=0)
    with pytest.raises(InputError, match=r"beta is one for all param groups, got 0\.999 and 0\.9"):
        YellowFin([{"params": [p]}, {"params": [q], "beta": 0.9}])
    with pytest.raises(InputError, match=r"real floating-point tensors, got one of type torch\.complex64"):
        YellowFin([torch.ones(1, dtype=torch.complex64, requires_grad=True)])
    optimizer = YellowFin([p, q])
    p.grad, q.grad = torch.ones(1, dtype=DOUBLE), torch.ones(1, dtype=DOUBLE).to_sparse()
    with pytest.raises(InputError, match="YellowFin needs dense gradients"):
        optimizer.step()
    assert p.item() == 1.0
    adam = torch.optim.Adam([p])
    adam.step()
    with pytest.raises(InputError, match="The loaded state is not that of YellowFin, it has: step, exp_avg"):
        YellowFin([p]).load_state_dict(adam.state_dict())
    own = YellowFin([p])
    own.step()
    without = own.state_dict()
    del without["state"]["tuner"]
    with pytest.raises(InputError, match="it lacks the averages of the tuner"):
        YellowFin([p]).load_state_dict(without)
    with pytest.raises(InputError, match=r"another model: exp_avg has shape \(1,\), its parameter \(2,\)"):
        YellowFin([parameter(1.0, 2.0)]).load_state_dict(own.state_dict())
