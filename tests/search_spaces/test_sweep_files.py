"""Every bad sweep gets one sentence with path, line and what would be right; every good one reads back as it was."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from optimizers import InputError
from search_spaces import SweepFile, load_sweep, parse_sweep, recorded_sweep
from search_spaces.schema.yaml_source import dump_yaml, load_yaml
from search_spaces.space.ready_files import SWEEPS
from search_spaces.space.space import hyperparameters
from search_spaces.sweep.loading import ready_sweep
from tests.conftest import REPOSITORY, slow

GOOD = """\
name: good
question: Does it help?
workload: {name: mlp/digits, epochs: 20, batch_size: 64}
metric: {name: val/loss, goal: minimize, target: 0.08}
baseline: adam
arms:
  adam: {optimizer: adam, space: [lr]}
  scheduled:
    optimizer: moment_adam
    space: [lr, beta_schedules]
    parameters:
      lr: {distribution: log_uniform, min: 1e-5, max: 1e-1}
search: {method: tpe, trials: 8, seed: 0}
scheduler: {type: asha, grace: 2, eta: 3}
confirm: {top_k: 1, seeds: [1, 2, 3]}
resources: {cpu: 1, gpu: 0.5}
"""

BAD = {
    "unknown key": ("trials: 8", "trialz: 8", r'bad.yaml:13: search.trialz: unknown key.*Did you mean "trials"'),
    "unknown key of an arm": ("space: [lr]", "spaces: [lr]", r'bad.yaml:7: arms.adam.spaces: unknown key.*"space"'),
    "unknown optimizer": ("optimizer: adam,", "optimizer: adan,", r'bad.yaml:7: arms.adam.optimizer:.*"adam"'),
    "unknown space": (
        "[lr, beta_schedules]",
        "[lr, beta_schedule]",
        r'bad.yaml:10: arms.scheduled.space:.*"beta_schedules"',
    ),
    "foreign hyperparameter": (
        "lr: {dist",
        "momentum: {dist",
        r"bad.yaml:12: arms.scheduled.parameters.momentum: .*no hyper",
    ),
    "min over max": (
        "min: 1e-5",
        "min: 1",
        r"bad.yaml:12: arms.scheduled.parameters.lr: min \(1\) must be smaller than max",
    ),
    "log of zero": ("min: 1e-5", "min: 0", r"bad.yaml:12: arms.scheduled.parameters.lr: min must be greater than 0"),
    "negative learning rate": (
        "log_uniform, min: 1e-5",
        "uniform, min: -1",
        r"bad.yaml:12: arms.scheduled.parameters.lr",
    ),
    "no arm": ("baseline: adam", "baseline: adem", r'bad.yaml:5: baseline: no arm is called "adem".*"adam"'),
    "no trials": ("trials: 8", "trials: 0", r"bad.yaml:13: search.trials: must be at least 1, not 0"),
    "text for a number": (
        "trials: 8",
        "trials: many",
        r"bad.yaml:13: search.trials: must be a whole number, not 'many'",
    ),
    "truth for a number": (
        "trials: 8",
        "trials: true",
        r"bad.yaml:13: search.trials: must be a whole number, not true",
    ),
    "unknown scheduler": (
        "type: asha",
        "type: asah",
        r'bad.yaml:14: scheduler.type: must be one of asha, .*Did you mean "asha"',
    ),
    "seed of the search": (
        "seeds: [1, 2, 3]",
        "seeds: [0, 1]",
        r"bad.yaml:15: confirm.seeds: 0 is the seed of the search",
    ),
    "seed twice": ("seeds: [1, 2, 3]", "seeds: [1, 1]", r"bad.yaml:15: confirm.seeds: each seed may stand only once"),
    "grace over budget": (
        "grace: 2",
        "grace: 30",
        r"bad.yaml:14: scheduler.grace: a grace of 30 is more than a trial has: 20 epochs",
    ),
    "two budgets": (
        "epochs: 20",
        "epochs: 20, steps: 100",
        r"bad.yaml:\d+: workload: give the budget as epochs or as steps",
    ),
    "odd interval": (
        "epochs: 20",
        "steps: 100, evaluate_every: 30",
        r"steps \(100\) must be a multiple of evaluate_every \(30\)",
    ),
    "interval alone": ("epochs: 20", "evaluate_every: 30", "evaluate_every goes with steps"),
    "missing key": ("baseline: adam\n", "", r"bad.yaml:1: baseline: required key is missing"),
    "bad name": ("name: good", "name: Good sweep", r"bad.yaml:1: name: 'Good sweep' is no name"),
    "key twice": (
        "question:",
        "name: again\nquestion:",
        r"^bad.yaml:2: name: duplicate key; it stands already at bad.yaml:1$",
    ),
    "broken YAML": ("baseline: adam", "baseline: [adam", r"bad.yaml:\d+: not valid YAML"),
    "unknown condition": (
        "max: 1e-1}",
        "max: 1e-1, when: {nothing: 1}}",
        r'bad.yaml:12: arms.scheduled.parameters.lr: lr: when names "nothing"',
    ),
    "no distribution": ("distribution: log_uniform, ", "", r"bad.yaml:12: .*needs a distribution"),
    "schedule out of range": (
        "lr: {dist",
        "beta1_schedule: {value: linear}\n      beta1_schedule.to: {value: 1.5}\n      lr: {dist",
        r"bad.yaml:\d+: arms.scheduled.parameters.beta1_schedule.*: moment_adam: beta1_schedule \(linear\) gives",
    ),
    "default out of range": (
        "max: 1e-1}",
        "max: 1e-1, default: 5}",
        r"lr: default 5 is not among what the parameter may be",
    ),
    "empty choices": ("log_uniform, min: 1e-5, max: 1e-1", "categorical, values: []", r"bad.yaml:12: .*lr.values"),
    "choices and a range": ("min: 1e-5", "values: [1], min: 1e-5", r"bad.yaml:12: .*log_uniform takes max and min"),
    "unknown distribution": ("log_uniform", "log_unifrom", r"bad.yaml:12: arms.scheduled.parameters.lr.distribution"),
    "conditions in a circle": (
        "max: 1e-1}",
        "max: 1e-1, when: {eps: 1}}\n      eps: {value: 1, when: {lr: 1}}",
        r"bad.yaml:12: arms.scheduled.parameters.lr: the conditions and bounds of .*lr, eps go round in a circle",
    ),
    "bounds in a circle": (
        "max: 1e-1}",
        "max: eps}\n      eps: {distribution: uniform, min: 0, max: lr}",
        r"the conditions and bounds of .*lr, eps go round in a circle",
    ),
    "a bound of nothing": ("max: 1e-1", "max: beta9", r'lr: a bound names "beta9".*Did you mean "beta'),
    "a bound that is no formula": (
        "max: 1e-1",
        "max: import os",
        r'bad.yaml:12: .*"import os" is neither a number nor',
    ),
    "a bound that calls": ("max: 1e-1", "max: exit(1)", r'"exit\(1\)" is neither a number nor a formula'),
    "bounds that cross": (
        "min: 1e-5, max: 1e-1",
        "min: beta1, max: 1e-1",
        r"bad.yaml:\d+: .*min \(0.9\) must be smaller",
    ),
    "a bound without end": ("max: 1e-1", "max: 9 ** 9 ** 9", r"cannot be calculated"),
    "half a whole number": (
        "lr: {distribution: log_uniform, min: 1e-5, max: 1e-1",
        "lr: {distribution: int_uniform, min: 0.5, max: 3",
        r"min and max must be whole numbers for int_uniform",
    ),
    "unknown workload key": ("batch_size", "batchsize", r'bad.yaml:3: workload.batchsize: .*Did you mean "batch_size"'),
    "unknown confirm key": ("top_k", "topk", r'bad.yaml:15: confirm.topk: .*Did you mean "top_k"'),
    "a list for a mapping": ("search: {method: tpe, trials: 8, seed: 0}", "search: [tpe]", r"bad.yaml:13: search: "),
    "a text for a list": (
        "seeds: [1, 2, 3]",
        "seeds: many",
        r"bad.yaml:15: confirm.seeds: must be a list of whole numbers",
    ),
    "no arms": (
        "baseline: adam\narms:",
        "baseline: adam\nother:",
        r"bad.yaml:1: arms: required key is missing\nbad.yaml:6: other: unknown key",
    ),
    "test data for a search": (
        "name: val/loss",
        "name: test/loss",
        r"bad.yaml:4: metric.name: a search looks at the validation split alone",
    ),
    "unknown training": (
        "lr: {dist",
        "training.clip: {value: 1}\n      lr: {dist",
        r'training.clip: mlp/digits: training has no option "clip".*Did you mean "clip_norm"',
    ),
    "duplicate key below": (
        "trials: 8,",
        "trials: 8, trials: 9,",
        r"bad.yaml:13: search.trials: duplicate key; it stands already",
    ),
    "a merge of nothing": (
        "search: {",
        "search: {<<: *nothing, ",
        r"bad.yaml:13: not valid YAML: found undefined alias",
    ),
    "a bound that fails in a corner far away": (
        "space: [lr, beta_schedules]\n    parameters:\n",
        "space: [full]\n    parameters:\n      beta2_schedule.to: {distribution: one_minus_log_uniform, "
        "min: beta2, max: 0.999, when: {beta2_schedule: linear}}\n",
        r"bad.yaml:12: .*beta2_schedule.to: min \(0.9999\) must be smaller than max \(0.999\)",
    ),
    "a grid larger than its trials": (
        "method: tpe",
        "method: grid",
        r"bad.yaml:13: search.trials: the grid of scheduled",
    ),
    "no workload": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "",
        r"bad.yaml:1: workload: a sweep has a workload, or several under workloads",
    ),
    "one workload and several": (
        "baseline: adam",
        "workloads: {a: {name: mlp/digits}}\nbaseline: adam",
        r"bad.yaml:3: workload: a sweep has a workload, or several under workloads",
    ),
    "unknown key of one of several workloads": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "workloads: {a: {name: mlp/digits, epoch: 20}}",
        r'bad.yaml:3: workloads.a.epoch: unknown key.*Did you mean "epochs"',
    ),
    "unknown one of several workloads": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "workloads:\n  a: {name: mlp/digits}\n  b: {name: mlp/digit}",
        r'bad.yaml:5: workloads.b.name:.*"mlp/digits"',
    ),
    "unknown metric of one of several workloads": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "workloads:\n  a: {name: mlp/digits}\n  b: {name: mlp/digits, metric: {name: val/los}}",
        r'bad.yaml:5: workloads.b.metric.name: mlp/digits has no metric "val/los".*Did you mean "val/loss"',
    ),
    "test metric of one of several workloads": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "workloads:\n  b: {name: mlp/digits, metric: {name: test/loss}}",
        r"bad.yaml:4: workloads.b.metric.name: a search looks at the validation split alone",
    ),
    "a workload too short for the grace": (
        "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
        "workloads:\n  a: {name: mlp/digits}\n  b: {name: mlp/digits, epochs: 1}",
        r"bad.yaml:\d+: scheduler.grace: a grace of 2 is more than a trial has: 1 epoch",
    ),
    "no study": ("trials: 8,", "trials: 8, studies: 0,", r"bad.yaml:13: search.studies: must be at least 1, not 0"),
    "tradeoffs and rungs": (
        "baseline: adam",
        "tradeoffs: [{name: summary/train_seconds}]\nbaseline: adam",
        r"bad.yaml:15: scheduler.type: asha decides by one metric; with tradeoffs every trial runs to its end",
    ),
    "tradeoffs for a sampler of one metric": (
        "{method: tpe, trials: 8, seed: 0}\nscheduler: {type: asha, grace: 2, eta: 3}",
        "{method: cmaes, trials: 8, seed: 0}\ntradeoffs: [{name: summary/train_seconds}]",
        r"bad.yaml:13: search.method: cmaes looks at one metric",
    ),
    "the metric as its own tradeoff": (
        "scheduler: {type: asha, grace: 2, eta: 3}",
        "tradeoffs:\n- {name: summary/train_seconds}\n- {name: val/loss}",
        r"bad.yaml:16: tradeoffs.1.name: val/loss is looked at already",
    ),
    "a smallest difference of nothing": (
        "target: 0.08}",
        "smallest_difference: 0}",
        r"bad.yaml:4: metric.smallest_difference: .*greater than 0",
    ),
    "an infinite smallest difference": (
        "target: 0.08}",
        "smallest_difference: .inf}",
        r"bad.yaml:4: metric.smallest_difference: .*finite",
    ),
    "a smallest difference by another name": (
        "target: 0.08}",
        "margin: 0.2}",
        r'bad.yaml:4: metric.margin: unknown key.*"smallest_difference"',
    ),
    "a smallest difference of more than an accuracy has": (
        "target: 0.08}",
        "smallest_difference: 100}",
        r"bad.yaml:4: metric.smallest_difference: .*percentage points",
    ),
    "unknown tradeoff": (
        "scheduler: {type: asha, grace: 2, eta: 3}",
        "tradeoffs:\n- {name: summary/train_second}",
        r'bad.yaml:15: tradeoffs.0.name: mlp/digits has no metric.*Did you mean "summary/train_seconds"',
    ),
    "a tradeoff of the test split": (
        "scheduler: {type: asha, grace: 2, eta: 3}",
        "tradeoffs:\n- {name: test/accuracy, goal: maximize}",
        r"bad.yaml:15: tradeoffs.0.name: a search looks at the validation split alone",
    ),
    "unknown schedule": (
        "lr: {dist",
        "beta1_schedule: {value: demn}\n      lr: {dist",
        r'unknown kind \'demn\'.*"demon"',
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_sweeps_are_refused_with_place_and_remedy(case: str) -> None:
    old, new, message = BAD[case]
    assert old in GOOD
    with pytest.raises(InputError, match=message) as refused:
        parse_sweep(GOOD.replace(old, new, 1), "bad.yaml")
    assert len(refused.value.problems) == 1 + message.count("\\n")


BOMB = "a0: &a0 [1, 2]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "#" * 10_000_000, r"bad.yaml: 10,000,\d+ characters are too many"),
        (GOOD + BOMB, r"bad.yaml: its aliases unfold to more than 50,000 values"),
        (GOOD + "deep: " + "[" * 50_000, r"bad.yaml: it is nested too deeply"),
        (GOOD + "self: &self [*self]\n", r"bad.yaml: it is nested too deeply, or holds itself by an alias"),
        ("- a\n- list\n", r"bad.yaml:1: a sweep is a mapping"),
        ("", r"bad.yaml: a sweep is a mapping"),
        ("name: \x00", r"bad.yaml.*not valid YAML"),
    ],
    ids=["long", "alias bomb", "deep", "holds itself", "list", "empty", "zero byte"],
)
def test_hostile_files_are_refused_at_once(text: str, message: str) -> None:
    started = time.thread_time()
    with pytest.raises(InputError, match=message):
        parse_sweep(text, "bad.yaml")
    assert time.thread_time() - started < 10, "CPU seconds; an alias bomb that is unfolded takes for ever"


def test_anchors_and_merges_may_be_used_as_anywhere_in_yaml() -> None:
    text = GOOD.replace("  adam: {optimizer: adam, space: [lr]}", "  adam: &adam {optimizer: adam, space: [lr]}")
    text = text.replace("  scheduled:\n", "  same: {<<: *adam, space: [adam]}\n  scheduled:\n")
    sweep = parse_sweep(text)
    assert (sweep.arms["same"].optimizer, sweep.file.arms["same"].space) == ("adam", ["adam"])
    with pytest.raises(InputError, match=r"bad.yaml:8: arms.same.optimizer: no optimizer is called \"adan\""):
        parse_sweep(text.replace("same: {<<: *adam", "same: {<<: *adam, optimizer: adan"), "bad.yaml")


@pytest.mark.parametrize("name", SWEEPS.names())
def test_ready_sweeps_read_back_to_the_same_values(name: str) -> None:
    """What is read back is checked as a user's file is, to every corner, so that the first reading need not be."""
    sweep = ready_sweep(name)
    assert sweep.name == name
    again = parse_sweep(dump_yaml(sweep.file.plain()))
    assert again.file.plain() == sweep.file.plain()


@pytest.mark.parametrize("name", ["1e5", "1e-3", "0x1", "null", "yes", "2026-11-24"])
def test_names_that_look_like_other_values_read_back_as_names(name: str) -> None:
    sweep = parse_sweep(GOOD.replace("good", f"'{name}'", 1).replace("  scheduled:", f"  '{name}':"))
    assert parse_sweep(dump_yaml(sweep.file.plain())).file.plain() == sweep.file.plain()


def test_a_misspelt_sweep_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match='Did you mean "quickstart"'):
        load_sweep("quickstrat")
    with pytest.raises(InputError, match="there is no such sweep file"):
        load_sweep("nowhere/sweep.yaml")


def test_set_overrides_values_and_names_itself_in_errors() -> None:
    overrides = ["search.trials=64", "confirm.seeds=[7, 8]", "arms.scheduled.parameters.lr.max=1e-2", "resources.cpu=2"]
    sweep = parse_sweep(GOOD, "good.yaml", overrides)
    assert sweep.search.trials == 64
    assert sweep.confirm.seeds == [7, 8]
    assert sweep.arms["scheduled"].space.parameters["lr"].max == 0.01
    assert sweep.resources.cpu == 2
    with pytest.raises(InputError, match=r"--set search.trials=0: search.trials: must be at least 1"):
        parse_sweep(GOOD, "good.yaml", ["search.trials=0"])
    with pytest.raises(InputError, match="write a key and a value"):
        parse_sweep(GOOD, "good.yaml", ["search.trials"])
    with pytest.raises(InputError, match="name is not a mapping"):
        parse_sweep(GOOD, "good.yaml", ["name.first=1"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1E3", 1000.0),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("7", 7),
        ("1e", "1e"),
        (".inf", float("inf")),
    ],
)
def test_numbers_follow_yaml_1_2(text: str, value: object) -> None:
    read = load_yaml(f"x: {text}", "x.yaml").data["x"]
    assert read == value
    assert type(read) is type(value)


def test_tags_that_make_objects_are_refused() -> None:
    with pytest.raises(InputError, match="not valid YAML"):
        load_yaml("x: !!python/object/apply:os.system ['true']", "x.yaml")


def test_the_published_json_schema_is_that_of_the_models() -> None:
    published = json.loads((REPOSITORY / "search_spaces" / "sweep.schema.json").read_text())
    assert published == SweepFile.model_json_schema()


def test_a_smallest_difference_is_the_sweeps_or_that_of_a_workload_with_a_metric_of_its_own() -> None:
    plain = parse_sweep(GOOD)
    assert plain.metric.smallest_difference is None
    assert "smallest_difference" not in plain.file.plain()["metric"], "sweeps of before read back to the same"
    given = GOOD.replace("target: 0.08}", "smallest_difference: 0.2}")
    assert parse_sweep(given).metric.smallest_difference == 0.2
    own = "metric: {name: val/accuracy, smallest_difference: 0.5}"
    sweep = parse_sweep(given.replace("workload: {", f"workloads:\n  a: {{name: mlp/digits}}\n  b: {{{own}, ", 1))
    assert [sweep.on(name).metric.smallest_difference for name in ("a", "b")] == [0.2, 0.5]


SEVERAL = GOOD.replace(
    "workload: {name: mlp/digits, epochs: 20, batch_size: 64}",
    "workloads:\n  a: {name: mlp/digits}\n"
    "  b: {name: mlp/digits, epochs: 7, metric: {name: val/accuracy, goal: maximize}}",
).replace("trials: 8,", "trials: 8, studies: 3,")


def test_a_sweep_over_several_workloads_and_studies_is_made_of_contests() -> None:
    sweep = parse_sweep(SEVERAL, "good.yaml", ["workloads.a.epochs=5"])
    contests = sweep.contests
    assert [contest.path for contest in contests] == [f"{name}/study-{number}" for name in "ab" for number in (1, 2, 3)]
    first, *_, last = contests.values()
    assert (first.workload.epochs, first.metric.name, first.search.seed) == (5, "val/loss", 0)
    assert (last.workload.epochs, last.metric.name, last.search.seed) == (7, "val/accuracy", 8)
    of_a = [one for contest, one in contests.items() if contest.workload == "a"]
    confirmed = [seed for one in of_a for seed in one.confirm.seeds]
    assert len(set(confirmed)) == 3 * len(sweep.confirm.seeds), "studies that share no luck"
    assert {one.search.seed for one in contests.values()}.isdisjoint(confirmed)
    assert sweep.on("b").search.studies == 3
    again = parse_sweep(dump_yaml(sweep.file.plain()))
    assert again.file.plain() == sweep.file.plain()
    with pytest.raises(ValueError, match="good is over several workloads"):
        assert sweep.workload


PARTS = """\
name: parts
workload: {name: dcgan/mnist}
metric: {name: val/frechet_distance}
baseline: adam
arms:
  adam:
    optimizer: adam
    space: [lr]
    parameters:
      generator.lr: {distribution: log_uniform, min: 1e-5, max: 1e-2}
      discriminator.beta1: {value: 0.5}
      beta2: {value: 0.99}
"""


def test_a_parameter_may_hold_for_one_part_of_a_model() -> None:
    space = parse_sweep(PARTS, "parts.yaml").arms["adam"].space
    assert hyperparameters(space.default()) == {
        "lr": 1e-3, "generator": {"lr": 1e-3}, "discriminator": {"beta1": 0.5}, "beta2": 0.99
    }  # fmt: skip


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("generator.lr:", "generator.lrr:", r"bad.yaml:10: arms.adam.parameters.generator.lrr: adam has no hyper"),
        ("beta1: {value: 0.5}", "beta1: {value: 1.5}", r"bad.yaml:11: .*discriminator.beta1: .*beta1 must be"),
        ("min: 1e-5, max: 1e-2", "min: 0, max: 1e-2", r"bad.yaml:10: .*generator.lr: min must be greater than 0"),
    ],
)
def test_a_bad_parameter_of_a_part_is_named(good: str, bad: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_sweep(PARTS.replace(good, bad), "bad.yaml")


@pytest.mark.parametrize("name", [name if name == "mnist-memory" else slow(name) for name in SWEEPS.names()])
def test_every_size_of_a_ready_sweep_is_valid_and_differs(name: str) -> None:
    usual = ready_sweep(name)
    budgets = {size: load_sweep(name, size=size) for size in usual.file.sizes}
    assert not usual.file.sizes or list(usual.file.sizes) == ["smoke", "small", "paper"]
    epochs = [
        len(sized.contests) * sized.search.trials * sum(one.epochs or 0 for one in sized.by_workload.values())
        for sized in budgets.values()
    ]
    assert epochs == sorted(set(epochs))


def test_a_size_puts_its_values_in_and_set_is_put_over_it() -> None:
    text = GOOD + "sizes:\n  small: {search.trials: 3, workload.epochs: 9}\n  bad: {search.trialz: 3}\n"
    assert parse_sweep(text).search.trials == 8
    sized = parse_sweep(text, size="small")
    assert (sized.search.trials, sized.workload.epochs) == (3, 9)
    assert "sizes" not in sized.file.plain()
    assert parse_sweep(text, overrides=["search.trials=5"], size="small").search.trials == 5
    with pytest.raises(InputError, match=r'it has no size "smal"; it has small, bad. Did you mean "small"'):
        parse_sweep(text, size="smal")
    with pytest.raises(InputError, match=r'bad.yaml:19: search.trialz: unknown key.*Did you mean "trials"'):
        parse_sweep(text, "bad.yaml", size="bad")


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ("{gpu: 1.5}", "resources: gpu is a fraction of one GPU or a whole number"),
        ("{workers: 2, gpu: 0.5}", "resources: each of several workers takes one GPU or none"),
        ("{accelerator: A100}", "resources: accelerator is a kind of GPU, and trials take none"),
        ("{workers: 65}", "resources.workers: 65 workers cannot share a batch of 64 examples"),
    ],
)
def test_resources_that_no_trial_could_use_are_refused(resources: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("{cpu: 1, gpu: 0.5}", resources))
    with pytest.raises(InputError, match=message):
        load_sweep(str(path))


def test_a_key_that_stands_twice_is_told_of_a_recorded_sweep_too() -> None:
    twice = GOOD.replace("search:", "baseline: adam\nsearch:", 1)
    for read in (parse_sweep, recorded_sweep):
        with pytest.raises(InputError, match="baseline"):
            read(twice, "sweep.yaml")
