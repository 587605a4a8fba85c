"""Parameters and groups as models have them: of any shape, without a gradient, late, added in mid-run."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from optimizers.testing._case_registry import advisory, at_some_rate, case, needs_lr_in_groups
from optimizers.testing._problems import descend, distance, equal, finite, quadratic, target, values, zeros
from optimizers.testing.optimizer_subject import Subject, use_averages

SHAPES = ((), (1,), (5,), (2, 3), (2, 3, 3, 3))
EMPTY = ((0,), (3, 0))


@case
def parameters_have_any_shape(subject: Subject) -> None:
    """Scalars, vectors, matrices and weights of convolutions are all moved."""
    _moves(subject, SHAPES)


@advisory
def parameters_may_be_empty(subject: Subject) -> None:
    """A parameter without elements among others does no harm."""
    _moves(subject, (*SHAPES, *EMPTY))


def _moves(subject: Subject, shapes: tuple[tuple[int, ...], ...]) -> None:
    def check(rates: dict[str, float]) -> None:
        params = zeros(*shapes)
        with torch.no_grad():
            for p in params:
                p.add_(target(p) + 1)
        before = values(params)
        optimizer = subject.build(params, **rates)
        descend(optimizer, params, 12)
        use_averages(optimizer)
        assert finite(params), "makes nan"
        still = [tuple(p.shape) for p, b in zip(params, before, strict=True) if p.numel() and torch.equal(p, b)]
        assert not still, f"does not move parameters of the shapes {still}"
        changed = [tuple(b.shape) for p, b in zip(params, before, strict=True) if p.shape != b.shape]
        assert not changed, f"changes the shapes {changed}"

    at_some_rate(subject, check, share=0.1)


@case
def parameters_lie_in_any_order_in_memory(subject: Subject) -> None:
    """Transposed matrices and images with their channels last take the steps of others.

    Also where only one of parameter and gradient is so.
    """

    def run(turned: bool, gradients_turned: bool) -> list[torch.Tensor]:
        start = [torch.linspace(-1, 1, 12).reshape(3, 4), torch.linspace(-1, 1, 36).reshape(3, 2, 3, 2)]
        params = [nn.Parameter(_turned(one) if turned else one.clone()) for one in start]
        optimizer = subject.build(params)
        for step in range(6):
            for p in params:
                gradient = (p.detach().contiguous() + step).cos()
                p.grad = _turned(gradient) if gradients_turned else gradient
            optimizer.step()
        return values(params)

    usual = run(False, False)
    for turned, gradients_turned in ((True, True), (True, False), (False, True)):
        apart = distance(run(turned, gradients_turned), usual)
        assert apart < 1e-4, f"a parameter or gradient that is not contiguous takes other steps (by {apart:.2g})"


def _turned(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.ndim == 2:
        return tensor.t().contiguous().t()
    return tensor.contiguous(memory_format=torch.channels_last)


@case
def a_parameter_without_a_gradient_stays(subject: Subject) -> None:
    """A parameter that never has a gradient is left as it is, and changes nothing for the others."""
    params, alone = zeros((4, 2), (3,)), zeros((4, 2), (3,))
    unused = nn.Parameter(torch.ones(3, 2))
    descend(subject.build([unused, *params]), params, 5)
    descend(subject.build(alone), alone, 5)
    assert torch.equal(unused, torch.ones(3, 2)), "a parameter without a gradient is moved"
    assert equal(params, alone), "a parameter without a gradient changes the steps of the others"
    subject.build([unused]).step()
    assert torch.equal(unused, torch.ones(3, 2)), "a step without any gradient moves a parameter"


@case
def a_gradient_may_begin_late(subject: Subject) -> None:
    """A parameter whose gradients begin in mid-run is trained from then on."""

    def check(rates: dict[str, float]) -> None:
        early, late = zeros((4, 2)), zeros((3, 2), (3,))
        before = quadratic(late).item()
        optimizer = subject.build([*late, *early], **rates)
        descend(optimizer, early, 7)
        descend(optimizer, [*early, *late], 12)
        assert finite([*early, *late]), "makes nan"
        assert quadratic(late).item() < before, "does not train it"

    at_some_rate(subject, check, share=0.1)


@advisory
def a_late_parameter_begins_as_if_alone(subject: Subject) -> None:
    """A parameter whose gradients begin late takes the steps of one that begins with them."""
    settings = subject.searched_rates(0.1)[0]
    early, alone = zeros((4, 2)), zeros((4, 2))
    late, fresh = zeros((3, 2), (3,)), zeros((3, 2), (3,))
    optimizer = subject.build([*late, *early], **settings)
    descend(optimizer, early, 7)
    descend(optimizer, [*early, *late], 12)
    descend(subject.build(alone, **settings), alone, 19)
    descend(subject.build(fresh, **settings), fresh, 12)
    told = "steps are counted by group, or what one parameter does depends on the others"
    assert equal(early, alone), f"a late parameter changes the steps of the others: {told}"
    assert equal(late, fresh), f"a late parameter ends elsewhere (by {distance(late, fresh):.2g}): {told}"


@case
def a_gradient_may_begin_late_under_a_one_cycle_schedule(subject: Subject) -> None:
    """A schedule that sets a momentum before a parameter has its first gradient leads to no nan."""
    needs_lr_in_groups(subject)

    def check(rates: dict[str, float]) -> None:
        early, late = zeros((4, 2)), zeros((3, 2))
        optimizer = subject.build([*early, *late], **rates)
        has_momentum = "betas" in optimizer.defaults or "momentum" in optimizer.defaults
        top = rates.get("lr", 0.01)
        scheduler = OneCycleLR(optimizer, max_lr=top, total_steps=30, cycle_momentum=has_momentum)
        descend(optimizer, early, 7, scheduler)
        descend(optimizer, [*early, *late], 15, scheduler)
        assert finite([*early, *late]), "makes nan"
        assert late[0].count_nonzero(), "does not train it"

    at_some_rate(subject, check, share=0.1)


@case
def a_group_may_be_added_in_the_middle(subject: Subject) -> None:
    """`add_param_group` in mid-run has its parameters trained and saved with the others."""
    early, late = zeros((4, 2), (4,)), zeros((3, 2), (3,))
    optimizer = subject.build(early)
    descend(optimizer, early, 7)
    optimizer.add_param_group({"params": late})
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4, "the new parameters are in no group"
    descend(optimizer, [*early, *late], 12)
    assert finite([*early, *late]), "makes nan"
    assert all(bool(p.count_nonzero()) for p in late), "does not train the parameters of the new group"
    optimizer.zero_grad()
    assert all(p.grad is None for p in late), "zero_grad() leaves the gradients of the new group"
    fresh = subject.build(early)
    fresh.add_param_group({"params": late})
    fresh.load_state_dict(optimizer.state_dict())
