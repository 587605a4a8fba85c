"""Every registered optimizer through the suite that is shipped; `cases` says what does not hold for one, and why.

In the gate every optimizer meets every case but the slow ones, by the options that reach most of its code.
"""

from __future__ import annotations

from typing import Any

import pytest

from optimizers.testing import cases as suite
from optimizers.testing import run_cases
from tests.conftest import slow
from tests.optimizers import cases

# What they find shows in other cases too.
SLOW = {
    "a_deep_copy_goes_on_alike",
    "a_checkpoint_goes_on_in_float32",
    "a_saved_state_stays_as_it_was",
    "float16_parameters_are_trained",
    "float64_parameters_are_trained",
    "instances_do_not_share_anything",
    "parameters_have_any_shape",
    "resumes_bit_for_bit_in_bfloat16",
    "resumes_bit_for_bit_in_float64",
    "resumes_with_a_parameter_that_is_frozen",
    "the_same_run_has_the_same_end",
    "the_state_of_another_model_is_refused",
}
NAMES = [case.name for case in suite("adam")]

every_optimizer = pytest.mark.parametrize("name", cases.NAMES)
default_and_other_options = pytest.mark.parametrize("options", [slow("default"), "other"])


def options_of(name: str, options: str) -> dict[str, Any]:
    return cases.OTHER[name] if options == "other" else {}


@pytest.mark.parametrize("case", [slow(one) if one in SLOW else one for one in NAMES])
@every_optimizer
@default_and_other_options
def test_case(name: str, options: str, case: str) -> None:
    if case in cases.ROUNDING_DECIDES.get(name, {}):
        pytest.skip(f"processors differ: {cases.ROUNDING_DECIDES[name][case]}")
    chosen = [one for one in suite(name, options_of(name, options)) if one.name == case]
    (result,) = run_cases(chosen)
    if case in cases.exceptions(name, options):
        assert result.problem is not None, "it holds: take it out of the exceptions"
    else:
        assert result.problem is None, result.problem


def test_exceptions_are_of_cases_that_there_are() -> None:
    assert set(cases.EXCEPTIONS) | set(cases.OF_OTHER_OPTIONS) <= set(cases.NAMES)
    declared = (*cases.EXCEPTIONS.values(), *cases.OF_OTHER_OPTIONS.values(), *cases.ROUNDING_DECIDES.values())
    assert {case for one in declared for case in one} <= set(NAMES)
    assert set(NAMES) >= SLOW
