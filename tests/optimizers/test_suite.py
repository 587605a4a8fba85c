"""The suite that is shipped: it finds what is broken by the case that is named for it, and passes what is sound."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from torch.optim import Optimizer

from optimizers import InputError
from optimizers.testing import Case, OptimizerSuite, cases, run_cases
from tests.optimizers import broken, other_people


def failed(made: Any) -> dict[str, str]:
    return {one.case.name: one.problem for one in run_cases(cases(made, guarded=False)) if one.problem is not None}


def test_a_sound_optimizer_by_itself_lacks_what_torch_does_not_ask_for() -> None:
    assert failed(broken.Sound).keys() == {
        "a_saved_state_stays_as_it_was",
        "complex_parameters_count_as_pairs_or_are_refused",
        "float16_parameters_are_trained",
        "sparse_gradients_count_as_dense_ones_or_are_refused",
        "state_is_float32_for_half_precision",
        "the_state_of_another_model_is_refused",
    }


@pytest.mark.parametrize("made", broken.GUARDED)
def test_a_mistake_is_found_by_the_case_of_its_name(made: type[Optimizer]) -> None:
    named = broken.GUARDED[made]  # pyright: ignore[reportArgumentType]
    (result,) = run_cases(one for one in cases(made) if one.name == named)
    assert result.problem is not None


@pytest.mark.parametrize("made", broken.BY_THEMSELVES)
def test_what_the_guard_makes_good_is_found_in_the_class_by_itself(made: type[Optimizer]) -> None:
    named = broken.BY_THEMSELVES[made]  # pyright: ignore[reportArgumentType]
    (found,) = run_cases(one for one in cases(made, guarded=False) if one.name == named)
    (guarded,) = run_cases(one for one in cases(made) if one.name == named)
    assert found.problem is not None
    assert guarded.problem is None


def test_a_lost_state_is_told_by_its_name() -> None:
    (result,) = run_cases(
        one for one in cases(broken.KeepsStateOnSelf, guarded=False) if one.name == "resumes_bit_for_bit"
    )
    assert "self.mean_norm is not the same in both" in str(result.problem)


def test_anything_raised_is_told_in_one_sentence_with_its_line() -> None:
    def fail() -> None:
        torch.zeros(2).dot(torch.zeros(3))

    (result,) = run_cases([Case("one", "that it holds", fail)])
    assert result.failed
    assert str(result.problem).startswith("RuntimeError: ")
    assert "test_suite.py:" in str(result.problem)


def test_cases_need_an_optimizer_with_settings_that_it_has() -> None:
    with pytest.raises(InputError, match="not a torch"):
        cases(other_people.NoOptimizer)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match='no hyperparameter "nesterov"'):
        cases(broken.Sound, {"nesterov": True})
    with pytest.raises(InputError, match='no optimizer is called "adamm"'):
        cases("adamm")


def test_an_exception_that_holds_after_all_is_a_failure_and_advice_is_none() -> None:
    class Suite(OptimizerSuite):
        optimizer = broken.CountsByGroup
        exceptions: ClassVar = {"the_same_run_has_the_same_end": "it is said to be random"}

    with pytest.raises(AssertionError, match="holds: take it out of the exceptions"):
        Suite().test_the_same_run_has_the_same_end()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(pytest.xfail.Exception, match="steps are counted by group"):
        Suite().test_a_late_parameter_begins_as_if_alone()  # pyright: ignore[reportAttributeAccessIssue]
    Suite().test_gradients_may_be_zero()  # pyright: ignore[reportAttributeAccessIssue]


class TestSound(OptimizerSuite):
    """A suite as a user writes it."""

    optimizer = broken.Sound
    settings: ClassVar = {"momentum": 0.5}


class TestFunction(OptimizerSuite):
    """A function that returns an optimizer."""

    optimizer = other_people.sgd


class WithoutRate(broken.Sound):
    """Its steps have a size of their own."""

    def __init__(self, params: Any, size: float = 0.05) -> None:
        super().__init__(params, lr=size)
        for settings in (self.defaults, *self.param_groups):
            settings["size"] = settings.pop("lr")

    def update(self, p: torch.Tensor, grad: torch.Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        super().update(p, grad, state, {**group, "lr": group["size"]})


def test_what_is_about_a_learning_rate_does_not_apply_to_an_optimizer_without_one() -> None:
    results = {one.case.name: one for one in run_cases(cases(WithoutRate, guarded=False))}
    without = {name for name, one in results.items() if one.not_applicable is not None}
    assert {"a_changed_lr_takes_effect", "groups_have_their_own_lr", "follows_a_one_cycle_schedule"} <= without
    assert not any(results[name].failed for name in without)
    assert results["goes_down_a_quadratic"].not_applicable is None


def test_cases_after_a_required_one_that_fails_are_not_run() -> None:
    def fail() -> None:
        raise AssertionError("no")

    first, second = Case("first", "", fail, required=True), Case("second", "", fail)
    assert [result.case for result in run_cases([first, second])] == [first]
    assert [result.case for result in run_cases([second, first])] == [second, first]
