"""Every optimizer refuses the state of another model, by a sentence and unchanged, and loads its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import optimizers
from optimizers import InputError
from tests.conftest import slow
from tests.optimizers import cases
from tests.optimizers.foreign_states import FOREIGN, stepped

# SGD without a momentum has no state.
BUILT = {
    **{f"{name}, other options": (name, cases.OTHER[name]) for name in cases.NAMES},
    **{name: (name, {}) for name in cases.NAMES if name != "sgd"},
}

every_form = pytest.mark.parametrize("built", [name if "other" in name else slow(name) for name in BUILT])


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.dtype is other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_equal_sees_a_difference() -> None:
    assert equal({"a": [torch.ones(2)]}, {"a": [torch.ones(2)]})
    assert not equal({"a": [torch.ones(2)]}, {"a": [torch.zeros(2)]})


@every_form
@pytest.mark.parametrize("foreign", FOREIGN)
def test_a_foreign_state_is_refused_and_changes_nothing(built: str, foreign: str) -> None:
    optimizer = stepped(*BUILT[built])
    before = copy.deepcopy(optimizer.state_dict())
    for state in FOREIGN[foreign](*BUILT[built]):
        given = copy.deepcopy(state)
        with pytest.raises(InputError, match="The loaded state is"):
            optimizer.load_state_dict(state)
        assert equal(optimizer.state_dict(), before)
        assert equal(state, given)
    optimizer.load_state_dict(before)
    assert equal(optimizer.state_dict(), before)


@every_form
def test_a_parameter_without_a_gradient_has_no_state_to_load(built: str) -> None:
    name, options = BUILT[built]

    def model() -> tuple[list[nn.Parameter], Any]:
        params = [nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.full((3, 2), 2.0)), nn.Parameter(torch.ones(2))]
        params[1].requires_grad_(False)
        return params, optimizers.build(name, params, **options)

    (whole, straight), (resumed, after) = model(), model()
    for step in range(6):
        if step == 3:
            after.load_state_dict(copy.deepcopy(straight.state_dict()))
            with torch.no_grad():
                for p, q in zip(resumed, whole, strict=True):
                    p.copy_(q)
        for params, optimizer in ((whole, straight), (resumed, after))[: 2 if step >= 3 else 1]:
            for p in (params[0], params[2]):
                p.grad = p.detach().sin()
            optimizer.step()
    assert equal(resumed, whole)
    assert torch.equal(resumed[1], torch.full((3, 2), 2.0))


@every_form
def test_the_order_of_a_state_in_memory_does_not_count(built: str) -> None:
    """A model whose pixels have their channels side by side goes on in one that has them apart, and the other way."""
    name, options = BUILT[built]
    start, gradients = torch.randn(4, 3, 2, 2), torch.randn(6, 4, 3, 2, 2)

    def trained(before: torch.memory_format, after: torch.memory_format, order: torch.memory_format) -> Tensor:
        p, state = start, None
        for memory, steps in ((before, gradients[:3]), (after, gradients[3:])):
            parameter = nn.Parameter(p.detach().clone(memory_format=memory))
            optimizer = optimizers.build(name, [parameter], **options)
            if state is not None:
                optimizer.load_state_dict(state)
            for gradient in steps:
                parameter.grad = gradient.clone(memory_format=order)
                optimizer.step()
            p, state = parameter, optimizer.state_dict()
        return p.detach()

    apart, beside = torch.contiguous_format, torch.channels_last
    expected = trained(apart, apart, apart)
    for orders in ((apart, beside, beside), (beside, apart, apart), (apart, apart, beside)):
        torch.testing.assert_close(trained(*orders), expected, rtol=1e-4, atol=1e-5)
