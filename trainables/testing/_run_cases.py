"""Cases about whole runs: what decides their bits, and that they can be interrupted and shared."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import torch
from torch import nn

from trainables.mlflow_contract import Prefix
from trainables.testing.subject import BATCH_SIZE, SEED, STEPS_PER_PASS, Subject
from trainables.training.training_run import Training
from trainables.workloads.workload import Part, Workload

STOP_AT = 4
LEARNING_STEPS = 40
LEARNING_RATE = 3e-3
_SEEDED = "draw random numbers from torch's global generator, which the seed sets and a checkpoint holds"


def same_seed_same_bits(subject: Subject) -> None:
    """Two runs with the same seed end with the same bits, whatever was drawn before."""
    _draw_elsewhere(1)
    first = _ended(subject)
    _draw_elsewhere(2)
    _assert_equal_runs(first, _ended(subject), f"two runs with the same seed differ; {_SEEDED}")


def another_seed_another_start(subject: Subject) -> None:
    """Runs with other seeds begin at other weights."""
    first, second = (_weights(subject.open(seed=seed).model) for seed in (1, 2))
    assert any(not torch.equal(first[name], second[name]) for name in first), (
        "models of two seeds begin at the same weights; draw them from torch's global generator, and do not seed it in "
        "build_model"
    )


def interrupted_equals_uninterrupted(subject: Subject) -> None:
    """A run that was stopped goes on from its checkpoint to the bits of one that was not."""
    whole = _ended(subject)
    part = subject.open()
    part.advance(STOP_AT)
    file = io.BytesIO()
    torch.save(part.state_dict(), file)
    _draw_elsewhere(3)
    resumed = subject.open()
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.advance(10_000)
    told = (
        f"a run that was stopped after {STOP_AT} steps and went on differs; what changes in training belongs into a "
        f"parameter or buffer of the model, and not onto the workload, and {_SEEDED}"
    )
    _assert_equal_runs(whole, resumed, told)


def state_is_in_the_model(subject: Subject) -> None:
    """A new model with the state of a trained one gives the same metrics."""
    trained = subject.open()
    trained.advance(STEPS_PER_PASS - 1)
    other = subject.open(seed=77)
    other.model.load_state_dict(trained.model.state_dict())
    torch.manual_seed(0)
    ours = trained.workload.measure(trained.model, subject.few.validation)
    torch.manual_seed(0)
    theirs = other.workload.measure(other.model, subject.few.validation)
    differing = [name for name in ours if repr(ours[name]) != repr(theirs[name])]
    assert not differing, (
        f"{', '.join(differing)} of a trained model ({ours[differing[0]]:g}) and of a new one with its state_dict "
        f"({theirs[differing[0]]:g}) differ; keep what training changes in parameters or persistent buffers"
    )


def it_learns(subject: Subject) -> None:
    """Training on a few examples makes their loss fall, and a metric of theirs better."""
    workload = subject.new_workload()
    model = subject.new_model(workload)
    parts = workload.parts(model)
    if len(parts) != 1:  # players against each other: no loss has to fall
        return
    before = workload.measure(model, subject.few.train)
    losses = _train(subject, workload, model, parts[0])
    after = workload.measure(model, subject.few.train)
    # Dropout and augmentation make single losses noisy.
    first, last = (float(np.mean(some)) for some in (losses[:STEPS_PER_PASS], losses[-STEPS_PER_PASS:]))
    steps = f"in {LEARNING_STEPS} steps of Adam at {LEARNING_RATE:g}"
    assert last < first, f"the loss does not fall {steps}: it is {first:g} at first and {last:g} at last"
    goals = {name.removeprefix(Prefix.VALIDATION): goal for name, goal in subject.entry.metrics.items()}
    signs = {name: 1 if goals[name] == "maximize" else -1 for name in before}
    better = [name for name in before if signs[name] * (after[name] - before[name]) > 0]
    changes = ", ".join(f"{name} from {before[name]:g} to {after[name]:g}" for name in before)
    assert better, (
        f"the loss of a few examples falls {steps}, and no metric of theirs gets better ({changes}); look for a sign, "
        "and for the direction that metrics declares"
    )


def _train(subject: Subject, workload: Workload, model: nn.Module, part: Part) -> list[float]:
    """Train on the few examples, pass after pass; return the losses."""
    feed = workload.feed(subject.few.train, BATCH_SIZE)
    draw = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for step in range(LEARNING_STEPS):
        place = step % feed.steps_per_epoch
        if place == 0:
            workload.begin_epoch(model)
            feed.begin_epoch(draw)
        loss = part.loss(*feed.batch(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def _ended(subject: Subject) -> Training:
    run = subject.open()
    run.advance(10_000)
    assert not run.diverged, (
        f"a run of Adam at 1e-3 diverges by step {run.step}: its loss or a metric is not finite, or the loss is "
        "hundredfold"
    )
    return run


def _assert_equal_runs(first: Training, second: Training, told: str) -> None:
    curves = [[{**point, "timestamp": 0} for point in run.curve] for run in (first, second)]
    if first.weights_sha256() != second.weights_sha256():
        raise AssertionError(f"{told}. Their weights differ")
    for one, other in zip(*curves, strict=True):
        names = [name for name in one if repr(one[name]) != repr(other.get(name))]
        assert not names, (
            f"{told}. Their {names[0]} after step {one['step']} differs: {one[names[0]]} {other[names[0]]}"
        )


def _weights(model: nn.Module) -> dict[str, Any]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def _draw_elsewhere(seed: int) -> None:
    """What other code does to the global generators meanwhile."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
