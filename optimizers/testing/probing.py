"""Why an optimizer cannot be used in training here, found on a few tiny parameters before a sweep begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError, one_line
from optimizers.testing._problems import equal, finite, quadratic, zeros
from optimizers.testing._resuming import Run, check_resumes
from optimizers.testing.optimizer_subject import Subject, subject_of, use_averages
from optimizers.testing.runner import problem_of, told

SHAPES: tuple[tuple[int, ...], ...] = ((4, 3), (5,), (2, 3, 2, 2))
"""A matrix, a vector, and the weights of a convolution."""
STEPS = 14
_KINDS = {0: "scalars", 1: "vectors", 2: "matrices", 4: "weights of convolutions"}


def tiny_shapes(params: Iterable[Tensor]) -> list[tuple[int, ...]]:
    """Return a small shape for each number of dimensions that parameters have."""
    return [tuple(4 - i % 3 for i in range(ndim)) for ndim in sorted({p.ndim for p in params})]


def probe(entry: OptimizerEntry, values: Mapping[str, Any], shapes: Sequence[Sequence[int]] = SHAPES) -> str | None:
    """Return one sentence why an optimizer cannot be used with these values; None where nothing speaks against it.

    It needs a closure, second derivatives or sparse gradients; it cannot step on parameters of one of the shapes; it
    changes groups or parameters; it moves nothing, or makes nan of finite gradients; or a run that is interrupted does
    not go on as if it had not been. Takes some milliseconds, and executes the optimizer's code.
    """
    subject = subject_of(entry, values)
    try:
        entry.check(values)
        check_steps(subject, shapes)
    except InputError as error:
        return one_line(error)
    problem = problem_of(lambda: check_resumes(lambda: _begin(subject, shapes), _take_steps))
    return None if problem is None else f"{entry.name}: {problem}"


def check_steps(subject: Subject, shapes: Sequence[Sequence[int]] = SHAPES) -> None:
    """Raise InputError, in one sentence, where the optimizer cannot take steps on parameters of these shapes."""
    _first_step(subject, shapes)
    _steps(subject, shapes)


def _begin(subject: Subject, shapes: Sequence[Sequence[int]]) -> Run:
    params = zeros(*shapes)
    return nn.ParameterList(params), subject.build(params)


def _take_steps(run: Run, start: int, stop: int) -> None:
    for step in range(start, stop):
        run[1].zero_grad()
        # Another slope at each step, so that a state that is lost shows.
        (quadratic(run[0].parameters()) * (1 + 0.1 * step)).backward()
        run[1].step()


def _first_step(subject: Subject, shapes: Sequence[Sequence[int]]) -> None:
    """Build it and take a step. Raises InputError that says what it would need instead."""
    try:
        _, optimizer = _begin(subject, shapes)
    except InputError:
        raise
    except Exception as error:
        raise _cannot(subject, _shapes_taken(subject, shapes) or f"cannot be built: {told(error)}") from error
    try:
        _take_steps((nn.ParameterList(p for group in optimizer.param_groups for p in group["params"]), optimizer), 0, 1)
    except Exception as error:
        raise _cannot(subject, _needed(subject, shapes) or f"cannot take a step: {told(error)}") from error


def _needed(subject: Subject, shapes: Sequence[Sequence[int]]) -> str | None:
    """What the optimizer takes a step with, as it takes none without."""
    if _works(subject, shapes, closure=True):
        return "needs a closure that computes the loss again within a step, which training here does not give"
    if _works(subject, shapes, create_graph=True):
        return "needs second derivatives, loss.backward(create_graph=True), which training here does not compute"
    taken = _shapes_taken(subject, shapes)
    if taken is None and _works(subject, [(4, 3)], sparse=True):
        return "takes sparse gradients alone, and those of models here are dense"
    return taken


def _shapes_taken(subject: Subject, shapes: Sequence[Sequence[int]]) -> str | None:
    """Parameters of which shapes the optimizer takes, and of which not; None where it takes all or none."""
    by_shape = {_KINDS.get(len(shape), f"{len(shape)}-d tensors"): _works(subject, [shape]) for shape in shapes}
    if len({*by_shape.values()}) == 1:
        return None
    fitting, others = ([kind for kind, works in by_shape.items() if works is wanted] for wanted in (True, False))
    return f"takes {' and '.join(fitting)}, but no {' or '.join(others)}"


def _works(
    subject: Subject,
    shapes: Sequence[Sequence[int]],
    *,
    closure: bool = False,
    create_graph: bool = False,
    sparse: bool = False,
) -> bool:
    """Whether the optimizer, without the guard around it, takes a step when it is given this."""
    try:
        params = zeros(*shapes)
        optimizer = subject.build(params)
        optimizer = getattr(optimizer, "inner", optimizer)

        def loss() -> float:
            optimizer.zero_grad()
            with torch.enable_grad():
                found = quadratic(params)
                found.backward()
            return found.item()

        quadratic(params).backward(create_graph=create_graph)
        if sparse:
            for p in params:
                p.grad = torch.zeros_like(p).index_fill_(0, torch.tensor([0]), 1.0).to_sparse()
        with torch.enable_grad():
            optimizer.step(loss) if closure else optimizer.step()
    except Exception:  # noqa: BLE001
        return False
    return True


def _steps(subject: Subject, shapes: Sequence[Sequence[int]]) -> None:
    """Take steps, and look at what the optimizer makes of groups and parameters."""
    model, optimizer = _begin(subject, shapes)
    params = list(model.parameters())
    before = [p.detach().clone() for p in params]
    groups = [list(map(id, group["params"])) for group in optimizer.param_groups]
    known = {id(p) for p in params}
    if {one for group in groups for one in group} != known:
        raise _cannot(subject, "puts other tensors into its param groups than the parameters that it was given")
    try:
        _take_steps((model, optimizer), 0, STEPS)
    except FloatingPointError:  # of a gradient, and so of a parameter
        pass
    except Exception as error:
        raise _cannot(subject, f"fails within {STEPS} steps: {told(error)}") from error
    if [list(map(id, group["params"])) for group in optimizer.param_groups] != groups:
        raise _cannot(subject, "changes the param groups in a step")
    if not finite(params):
        raise _cannot(subject, f"makes nan or inf of finite gradients within {STEPS} steps")
    use_averages(optimizer)
    if equal(params, before):
        raise _cannot(subject, f"moved no parameter in {STEPS} steps")


def _cannot(subject: Subject, why: str) -> InputError:
    return InputError(f"{subject.name} {why}.")
