"""MomentAdam against its definition in plain NumPy float64, and its implementations against each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from optimizers import schedules
from optimizers.errors import InputError
from optimizers.moment_adam import MomentAdam
from optimizers.moment_adam.moment_options import OPTIONS
from tests.optimizers.moment_adam_settings import EACH_ALONE, LONG

Trained = Callable[..., list[Tensor]]

PAIRS = [f"{a} + {b}" for a, b in itertools.combinations([name for name in EACH_ALONE if name != "nothing"], 2)]


class Definition:
    """The rule with plain averages of |r|^p and r^3, powers and roots as they are written, in float64."""

    def __init__(self, options: dict[str, Any]) -> None:
        defaults = {name: option.default for name, option in OPTIONS.items()}
        self.o = {**defaults, "lr": 0.01, "maximize": False, **options}
        self.products: dict[str, float] = dict.fromkeys(("beta1", "beta2", "beta3", "beta4"), 1.0)
        self.m = self.v = self.long = self.cubes = np.zeros(())

    def at(self, name: str, t: int) -> float:
        schedule = schedules.normalise(self.o[f"{name}_schedule"])
        return schedules.evaluate(schedule, self.o[name] or 0.0, t)

    def hat(self, x: np.ndarray, name: str) -> np.ndarray:
        return x / (1 - self.products[name]) if self.o["debias"] else x

    def step(self, theta: np.ndarray, grad: np.ndarray, t: int) -> np.ndarray:
        o = self.o
        b = {name: self.at(name, t) for name in (*self.products, "alpha")}
        if o["order_time"] == "matched" and o["order"] is not None:
            b["beta2"] = math.sqrt(b["beta2"]) if o["order"] == math.inf else b["beta2"] ** (o["order"] / 2)
        for name in self.products:
            self.products[name] *= b[name]
        g = -grad if o["maximize"] else grad
        if o["mix"] == "inject":
            self.long = b["beta3"] * self.long + (1 - b["beta3"]) * g
            g = g + b["alpha"] * (self.hat(self.long, "beta3") if o["slow_debias"] else self.long)
        if not o["decoupled"]:
            g = g + o["weight_decay"] * theta
        self.m = b["beta1"] * self.m + (1 - b["beta1"]) * g
        if o["mix"] != "inject":
            self.long = b["beta3"] * self.long + (1 - b["beta3"]) * g
        r = g - self.m if o["central"] else g
        self.cubes = b["beta4"] * self.cubes + (1 - b["beta4"]) * r**3
        qhat = np.cbrt(self.hat(self.cubes, "beta4"))

        u = self.numerator(g, qhat, b, t)
        d = self.denominator(r, b["beta2"]) + o["kappa_d"] * np.maximum(qhat, 0)
        if o["gate"] == "cautious":
            agrees = u * g > 0
            u = u * agrees * agrees.size / (agrees.sum() + 1)
        kept = 1 - o["lr"] * o["weight_decay"] if o["decoupled"] else 1.0
        return kept * theta - o["lr"] * u / d

    def numerator(self, g: np.ndarray, qhat: np.ndarray, b: dict[str, float], t: int) -> np.ndarray:
        o, memory = self.o, self.hat(self.m, "beta1")
        if o["nesterov"]:
            following = self.at("beta1", t + 1)
            ahead = 1 - self.products["beta1"] * following if o["debias"] else 1.0
            memory = following * self.m / ahead + self.hat((1 - b["beta1"]) * g, "beta1")
        long = self.hat(self.long, "beta3") if o["slow_debias"] or o["mix"] == "convex" else self.long
        if o["gate"] == "agree":
            long = long * (self.m * self.long > 0)
        if o["gate"] == "cosine":
            norms = np.linalg.norm(self.m) * np.linalg.norm(self.long)
            long = long * max(0.0, float((self.m * self.long).sum() / norms) if norms else 0.0)
        on = o["beta3"] is not None
        if on and o["mix"] == "convex":
            memory = (1 - b["alpha"]) * memory + b["alpha"] * long
        u = (1 - o["nu1"]) * g + o["nu1"] * memory + o["kappa"] * qhat
        return u + b["alpha"] * long if on and o["mix"] == "add" else u

    def denominator(self, r: np.ndarray, beta2: float) -> np.ndarray:
        o, p = self.o, self.o["order"]
        if p is None:
            return np.full_like(r, o["eps"])
        if p == math.inf:
            self.v = np.maximum(beta2 * self.v, np.abs(r) + o["eps"])
            return self.v
        self.v = beta2 * self.v + (1 - beta2) * np.abs(r) ** p + o["eps_acc"]
        shat = ((1 - o["nu2"]) * np.abs(r) ** p + o["nu2"] * self.hat(self.v, "beta2")) ** (1 / p)
        gauss = (2 ** (p / 2) * math.gamma((p + 1) / 2) / math.sqrt(math.pi)) ** (1 / p)
        return shat / (gauss if o["gauss_norm"] else 1) + o["eps"]


def defined(options: dict[str, Any], start: np.ndarray, grads: list[np.ndarray]) -> np.ndarray:
    definition, theta = Definition(options), start
    for t, grad in enumerate(grads, 1):
        theta = definition.step(theta, grad, t)
    return theta


def stepped(options: dict[str, Any], start: np.ndarray, grads: list[np.ndarray], **more: Any) -> np.ndarray:
    p = nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = MomentAdam([p], **{"lr": 0.01, **options}, **more)
    for grad in grads:
        p.grad = torch.from_numpy(grad.copy())
        optimizer.step()
    return p.detach().numpy()


def joined(names: str) -> dict[str, Any]:
    """The settings of several names; the mixes that a later one would undo keep their own alpha."""
    return {key: value for name in names.split(" + ") for key, value in EACH_ALONE[name].items()}


def random_run(seed: int, steps: int = 25) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(3, 5)), [rng.normal(0.1, 1, size=(3, 5)) * 10 ** rng.uniform(-2, 2) for _ in range(steps)]


@pytest.mark.parametrize("name", EACH_ALONE)
def test_each_coefficient_alone(name: str) -> None:
    start, grads = random_run(len(name))
    expected = defined(EACH_ALONE[name], start, grads)
    for implementation in ("reference", "foreach", "fused"):
        ours = stepped(EACH_ALONE[name], start, grads, implementation=implementation)
        np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-10, err_msg=implementation)
    plain = stepped({}, start, grads, implementation="reference")
    assert name == "nothing" or not np.allclose(expected, plain, rtol=1e-6), "the setting does nothing"


def test_pairs_of_coefficients() -> None:
    """Every pair that is allowed, by the reference: what each part does must not depend on the other's absence."""
    refused = set()
    for pair in PAIRS:
        options = joined(pair)
        start, grads = random_run(len(pair), steps=12)
        try:
            ours = stepped(options, start, grads, implementation="reference")
        except InputError:
            refused.add(pair)
            continue
        np.testing.assert_allclose(ours, defined(options, start, grads), rtol=1e-7, atol=1e-9, err_msg=pair)
    without_a_root = {f"order {order} + {part}" for order in ("inf", "off") for part in ("nu2", "eps_acc")}
    gates_of_nothing = {"inject + agree", "inject + cosine"}
    shares_above_one = {f"convex + {other}" for other in ("agree", "cosine", "long schedules")}  # they bring alpha = 2
    assert refused == without_a_root | gates_of_nothing | shares_above_one


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pair=st.sampled_from(PAIRS),
    implementation=st.sampled_from(["foreach", "fused"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_pairs_agree_over_implementations(pair: str, implementation: str, seed: int) -> None:
    start, grads = random_run(seed, steps=8)
    try:
        reference = stepped(joined(pair), start, grads, implementation="reference")
    except InputError:
        return
    ours = stepped(joined(pair), start, grads, implementation=implementation)
    np.testing.assert_allclose(ours, reference, rtol=1e-8, atol=1e-10, err_msg=pair)


@pytest.mark.parametrize("name", EACH_ALONE)
def test_float32_implementations_agree_on_a_net(name: str, trained: Trained) -> None:
    def run(implementation: str) -> list[Tensor]:
        options = {"lr": 1e-3, **EACH_ALONE[name]}
        return trained(lambda p: MomentAdam(p, **options, implementation=implementation), stop=25)

    reference, foreach, fused = (run(implementation) for implementation in ("reference", "foreach", "fused"))
    assert all(map(torch.equal, reference, foreach))
    # The skewness is a cube root, which near zero magnifies the last digit; agreement of signs switches there too.
    loose = any(word in name for word in ("kappa", "schedules", "agree", "cautious"))
    for ours, theirs in zip(fused, reference, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3 if loose else 5e-6)


def test_a_large_tensor_is_walked_in_pieces_and_by_threads() -> None:
    """Pieces and sums over pieces give the same bits whatever the number of threads."""
    generator = torch.Generator().manual_seed(0)
    start, grad = torch.randn(70_001, generator=generator), torch.randn(70_001, generator=generator)

    def run(threads: int, implementation: str, gate: str) -> Tensor:
        torch.set_num_threads(threads)
        p = nn.Parameter(start.clone())
        optimizer = MomentAdam([p], **LONG, gate=gate, implementation=implementation)
        for sign in (1, -1, 1):
            p.grad = sign * grad
            optimizer.step()
        return p.detach()

    for gate in ("none", "cautious", "cosine"):
        one, two = run(1, "fused", gate), run(2, "fused", gate)
        assert torch.equal(one, two)
        torch.testing.assert_close(one, run(1, "reference", gate), rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [1e-25, 1e-15, 1e15, 1e18])
def test_quasi_hyperbolic_roots_of_tiny_and_huge_gradients(size: float) -> None:
    def run(implementation: str) -> Tensor:
        p = nn.Parameter(torch.ones(3))
        optimizer = MomentAdam([p], lr=0.1, nu2=0.5, eps=1e-38, implementation=implementation)
        for grad in ([1.0, 2.0, 3.0], [-1.0, 0.1, 3.0]):
            p.grad = size * torch.tensor(grad)
            optimizer.step()
        return p.detach()

    assert run("reference").isfinite().all()
    torch.testing.assert_close(run("fused"), run("reference"), rtol=1e-5, atol=0)


def test_without_a_compiler_foreach_steps_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from optimizers.moment_adam import kernel, native_build

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    native_build._compiler.cache_clear()
    kernel._native.cache_clear()
    start, grads = random_run(3)
    try:
        with pytest.warns(RuntimeWarning, match="foreach kernels, which are slower: there is no C\\+\\+ compiler"):
            ours = stepped({"order": 3.0}, start, grads, implementation="fused")
    finally:
        native_build._compiler.cache_clear()
        kernel._native.cache_clear()
    np.testing.assert_array_equal(ours, stepped({"order": 3.0}, start, grads, implementation="foreach"))
