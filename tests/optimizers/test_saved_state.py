"""Every optimizer refuses the state of another model, by a sentence and unchanged, and loads its own."""

from __future__ import annotations

import copy
import math
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
        alike = isinstance(other, Tensor) and one.dtype is other.dtype and one.device == other.device
        return alike and (one.is_meta or torch.equal(one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other or all(isinstance(each, float) and math.isnan(each) for each in (one, other))


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


@every_form
def test_options_that_an_older_checkpoint_lacks_stay_as_they_are(built: str) -> None:
    """As after an update of torch that gives its groups another option."""
    source, target = stepped(*BUILT[built]), stepped(*BUILT[built])
    saved = source.state_dict()
    expected = copy.deepcopy(saved)
    for group, own in zip(saved["param_groups"], expected["param_groups"], strict=True):
        for name in ("foreach", "maximize", "weight_decay"):
            group.pop(name, None)
        own["lr"] = group["lr"] = 0.25
    target.load_state_dict(saved)
    assert equal(target.state_dict(), expected)
    target.step()


def test_an_option_may_be_switched_on_or_off_by_a_checkpoint() -> None:
    """Of those that may be None or infinite, a checkpoint with one loads into an optimizer with the other."""
    for name, option, one, other in (
        ("prodigy", "beta3", None, 0.99),
        ("prodigy", "growth_rate", float("inf"), 1.5),
        ("ademamix", "t_alpha_beta3", None, 15),
        ("soap", "shampoo_beta", None, 0.9),
        ("aggmo", "damping_count", 2, 4),
    ):
        for mine, saved in ((one, other), (other, one)):
            optimizer, state = stepped(name, {option: mine}), stepped(name, {option: saved}).state_dict()
            optimizer.load_state_dict(copy.deepcopy(state))
            assert equal(optimizer.state_dict(), state)


def test_numbers_of_the_tuner_that_are_none_are_refused() -> None:
    optimizer = stepped("yellowfin", {})
    own = optimizer.state_dict()
    tuner = own["state"]["tuner"]
    odd = [None, *({**tuner, name: value} for name in tuner for value in ("fast", None, float("nan"), [None]))]
    for changed in odd:
        with pytest.raises(InputError, match="The loaded state is not that of YellowFin"):
            optimizer.load_state_dict({**own, "state": {**own["state"], "tuner": changed}})
    assert equal(optimizer.state_dict(), own)
