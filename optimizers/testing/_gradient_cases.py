"""Gradients as they come, and what a step makes of them."""

from __future__ import annotations

import math

import torch
from torch import nn

from optimizers.testing._case_registry import advisory, case
from optimizers.testing._problems import descend, equal, finite, quadratic, refused, target, values, zeros
from optimizers.testing.optimizer_subject import Subject


@case
def gradients_are_left_as_they_were(subject: Subject) -> None:
    """A step leaves every `p.grad` as it was, for clipping, logging and accumulation after it."""
    params = [nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(3, 2, dtype=torch.bfloat16))]
    optimizer = subject.build(params)
    grads = []
    for p in params:
        p.grad = target(p)
        grads.append(p.grad)
    for _ in range(5):
        optimizer.step()
    for p, grad in zip(params, grads, strict=True):
        assert p.grad is grad, "puts another tensor in the place of p.grad"
        assert torch.equal(grad, target(p)), "writes into p.grad: work on a copy, such as p.grad.add(p, alpha=decay)"


@case
def a_gradient_that_is_not_finite_shows(subject: Subject) -> None:
    """A gradient with nan or inf is refused by FloatingPointError before anything moves, or shows in the parameters."""
    for bad in (math.nan, math.inf, -math.inf):
        for healthy_steps in (0, 3):
            params = zeros()
            optimizer = subject.build(params)
            descend(optimizer, params, healthy_steps)
            before = values(params)
            for p in params:
                p.grad = torch.ones_like(p)
                p.grad.view(-1)[1] = bad
            refusal = refused(optimizer.step, FloatingPointError)
            if refusal is None:
                hidden = all(bool(p.isfinite().all()) for p in params)
                assert not hidden, f"a gradient with {bad} leaves all parameters finite, so that nobody sees it"
            else:
                assert equal(params, before), f"refuses a gradient with {bad} after parameters have moved"


@case
def gradients_may_be_zero(subject: Subject) -> None:
    """Gradients that are zero, from the first step on or in mid-run, lead to no nan."""
    for healthy_steps in (0, 3):
        params = zeros()
        optimizer = subject.build(params)
        descend(optimizer, params, healthy_steps)
        for _ in range(4):
            for p in params:
                p.grad = torch.zeros_like(p)
            optimizer.step()
        where = "in mid-run" if healthy_steps else "from the first step on"
        assert finite(params), f"gradients of zero {where} lead to nan or inf: add eps to the denominator"


@case
def gradients_may_be_large_or_small(subject: Subject) -> None:
    """Gradients of 1e6 and of 1e-8 lead to finite parameters."""
    for size in (1e6, 1e-8):
        params = zeros()
        optimizer = subject.build(params)
        for step in range(5):
            for p in params:
                p.grad = size * (target(p) + step)
            optimizer.step()
        assert finite(params), f"gradients of {size:g} lead to nan or inf"


@advisory
def sparse_gradients_count_as_dense_ones_or_are_refused(subject: Subject) -> None:
    """A sparse gradient makes the step of its dense form, or is refused before anything moves."""
    sparse, dense = zeros((4, 2), (4, 2)), zeros((4, 2), (4, 2))
    optimizer = subject.build(sparse)
    for params in (sparse, dense):
        for p in params:
            p.grad = torch.zeros(4, 2)
            p.grad[1] = 1.0
    assert sparse[1].grad is not None
    sparse[1].grad = sparse[1].grad.to_sparse()
    refusal = refused(optimizer.step, ValueError, RuntimeError)
    if refusal is None:
        subject.build(dense).step()
        assert equal(sparse, dense), "a sparse gradient makes another step than its dense form"
    else:
        assert "sparse" in refusal.lower(), f"refuses sparse gradients by: {refusal}"
        assert equal(sparse, zeros((4, 2), (4, 2))), "refuses a sparse gradient after other parameters have moved"


@case
def a_closure_computes_the_loss(subject: Subject) -> None:
    """`step(closure)` computes loss and gradients by the closure, returns the loss, and then takes the usual step."""
    ours, theirs = zeros(), zeros()
    optimizer = subject.build(ours)

    def closure() -> float:
        optimizer.zero_grad()
        loss = quadratic(ours)
        loss.backward()
        return loss.item()

    before = quadratic(ours).item()
    told = optimizer.step(closure)
    assert told == before, f"step(closure) returns {told}, where the closure returned {before}"
    for _ in range(6):
        optimizer.step(closure)
    descend(subject.build(theirs), theirs, 7)
    assert equal(ours, theirs), "step(closure) takes other steps than step()"
