"""``--set`` and sizes: they change what they name and nothing else, and can add names with dots."""

from __future__ import annotations

import pytest

from optimizers import InputError
from search_spaces import Sweep, parse_sweep

ALIAS = """\
name: alias
workload: {name: mlp/digits, epochs: 3}
baseline: adam
arms:
  adam:
    optimizer: adam
    parameters: &rates
      lr: {distribution: log_uniform, min: 1e-4, max: 1e-2}
  adamw:
    optimizer: adamw
    parameters: *rates
  merged:
    <<: &other {optimizer: radam, parameters: *rates}
sizes:
  big: {arms.adam.parameters.lr.max: 0.1}
"""


def ranges(sweep: Sweep) -> dict[str, float | str | None]:
    return {name: arm.space.parameters["lr"].max for name, arm in sweep.arms.items()}


@pytest.mark.parametrize("arm", ["adam", "adamw", "merged"])
def test_an_override_of_what_an_alias_repeats_changes_that_arm_alone(arm: str) -> None:
    sweep = parse_sweep(ALIAS, overrides=[f"arms.{arm}.parameters.lr.max=1.0"])
    assert ranges(sweep) == {"adam": 0.01, "adamw": 0.01, "merged": 0.01} | {arm: 1.0}


def test_so_does_a_size() -> None:
    assert ranges(parse_sweep(ALIAS, size="big")) == {"adam": 0.1, "adamw": 0.01, "merged": 0.01}


DOTTED = """\
name: dotted
workload: {name: mlp/digits, epochs: 3}
baseline: adam
arms:
  adam:
    optimizer: moment_adam
    parameters:
      lr: {distribution: log_uniform, min: 1e-4, max: 1e-2}
      beta1_schedule: {values: [constant, demon]}
    start: [{lr: 1e-3}]
"""


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("arms.adam.parameters.training.clip_norm={value: 1.0}", ("parameters", "training.clip_norm", "value"), 1.0),
        ("arms.adam.parameters.training.clip_norm.value=1.0", ("parameters", "training.clip_norm", "value"), 1.0),
        ("arms.adam.parameters.lr.max=1.0", ("parameters", "lr", "max"), 1.0),
        (
            "arms.adam.parameters.beta1_schedule.total={value: 9, when: {beta1_schedule: demon}}",
            ("parameters", "beta1_schedule.total", "value"),
            9,
        ),
        ("arms.adam.parameters.lr.when.beta1_schedule=demon", ("parameters", "lr", "when", "beta1_schedule"), "demon"),
        ("arms.adam.start.0.beta1_schedule=demon", ("start", 0, "beta1_schedule"), "demon"),
    ],
)
def test_a_name_with_dots_can_be_added(assignment: str, path: tuple[str | int, ...], value: object) -> None:
    found = parse_sweep(DOTTED, overrides=[assignment]).file.plain()["arms"]["adam"]
    for part in path:
        found = found[part]
    assert found == value


def test_below_a_start_and_in_a_size_as_well() -> None:
    sized = DOTTED + "sizes:\n  small: {arms.adam.parameters.training.clip_norm: {values: [off, 1]}}\n"
    assert parse_sweep(sized, size="small").arms["adam"].space.parameters["training.clip_norm"].values == ["off", 1]
    added = parse_sweep(sized, overrides=["sizes.small.search.trials=3", "sizes.tiny.search.trials=2"])
    assert added.file.sizes["small"]["search.trials"] == 3
    assert added.file.sizes["tiny"] == {"search.trials": 2}
    options = parse_sweep(DOTTED, overrides=["workload.options.label_smoothing=0.1", "workload.training.clip_norm=2"])
    assert options.workload.options["label_smoothing"] == 0.1
    assert options.workload.training["clip_norm"] == 2
    start = "arms.adam.start.0.training.accumulate=2"
    with pytest.raises(InputError, match=r"arms.adam.start.0.training.accumulate: this arm searches over no"):
        parse_sweep(DOTTED, overrides=[start])
    known = parse_sweep(DOTTED, overrides=["arms.adam.parameters.training.accumulate={values: [1, 2]}", start])
    assert known.arms["adam"].start == ({"lr": 1e-3, "training.accumulate": 2},)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("arms.adam.parameters.lr.mx=1.0", r'parameters.lr.mx: unknown key.*Did you mean "max"'),
        ("arms.adam.optimzer=sgd", r'arms.adam.optimzer: unknown key.*Did you mean "optimizer"'),
        ("arms.adam.start.7.lr=1", "arms.adam.start is not a mapping, so nothing can be set below it"),
        ("workload.training.clip=1", None),
    ],
)
def test_what_is_misspelt_is_no_new_name(assignment: str, message: str | None) -> None:
    if message is None:
        assert parse_sweep(DOTTED, overrides=[assignment]).workload.training == {"clip": 1}
        return
    with pytest.raises(InputError, match=message):
        parse_sweep(DOTTED, overrides=[assignment])


def test_an_error_in_what_was_put_in_names_the_option_and_not_the_line_that_it_replaced() -> None:
    put = "arms.adam.parameters={lr: {distribution: log_uniform, min: 0, max: 1}}"
    with pytest.raises(InputError) as refused:
        parse_sweep(DOTTED, "dotted.yaml", [put])
    assert [problem.place for problem in refused.value.problems] == [f"--set {put}"]
    assert [problem.path[-1] for problem in refused.value.problems] == ["lr"]
