"""Everything that is wrong in a sweep file is told at once: a line each, in the order of the file's lines."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from optimizers import InputError
from search_spaces import load_sweep

GOOD = """\
name: good
workload: {name: mlp/digits, epochs: 3}
metric: {name: val/loss}
baseline: adam
arms:
  adam:
    optimizer: adam
    parameters:
      lr: {distribution: log_uniform, min: 1e-4, max: 1e-1}
  sgd: {optimizer: sgd, space: [lr]}
search: {method: tpe, trials: 8}
scheduler: {type: asha, grace: 1}
confirm: {seeds: [1, 2]}
"""
BEGINNER = """\
name: first
workload: {name: mlp/digits, epoch: 5}
metric: {name: accuracy}
baseline: adm
arms:
  adam:
    optimizer: adam
    parameters:
      lr: 1e-3
      betas: [0.9, 0.999]
search: {method: bayes}
"""


def told(folder: Path, text: str) -> list[str]:
    (folder / "sweep.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        load_sweep(str(folder / "sweep.yaml"))
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]


def test_a_beginners_file_with_six_mistakes_gets_one_message_with_six_lines(tmp_path: Path) -> None:
    assert told(tmp_path, BEGINNER) == [
        "sweep.yaml:2: workload.epoch: unknown key; the keys here are name, epochs, steps, evaluate_every, batch_size, "
        'training, options. Did you mean "epochs"?',
        "sweep.yaml:3: metric.name: a search looks at the validation split alone, val/..., not 'accuracy'. "
        'Did you mean "val/accuracy"?',
        'sweep.yaml:4: baseline: no arm is called "adm"; the arms are adam. Did you mean "adam"?',
        "sweep.yaml:9: arms.adam.parameters.lr: must be a mapping; write {distribution: ..., min: ..., max: ...} to "
        "search a range, or {value: 0.001}",
        "sweep.yaml:10: arms.adam.parameters.betas: adam takes betas one by one: write beta1: {value: 0.9}, "
        "beta2: {value: 0.999}",
        'sweep.yaml:11: search.method: no method is called "bayes"; there are tpe, random, qmc, grid, cmaes, gp, '
        "nsgaii, the samplers of Optuna by their class names, such as NSGAIIISampler, and your own by module:Class. "
        'Did you mean "tpe" or "gp"?',
    ]


def test_errors_of_every_kind_come_together_in_the_order_of_the_lines(tmp_path: Path) -> None:
    """Of the schema, of the sweep, of its optimizers and of its workload; a key twice as well."""
    text = (
        GOOD.replace("epochs: 3", "epochs: 3, training: {clip: 1}, options: {smoothing: 1}")
        .replace("val/loss", "val/acc")
        .replace("max: 1e-1}", "max: 1e-1}\n      eps: {value: -1}\n      momentum: {value: 0.9}")
        .replace("trials: 8", "trials: 0, trials: 0")
        .replace("grace: 1", "grace: 30")
        .replace("[1, 2]", "[0, 0]")
    )
    found = [re.sub(r"^sweep.yaml:(\d+): ([^:]*):.*$", r"\1 \2", line) for line in told(tmp_path, text)]
    assert found == [
        "2 workload.training.clip",
        "2 workload.options.smoothing",
        "3 metric.name",
        "10 arms.adam.parameters.eps",
        "11 arms.adam.parameters.momentum",
        "13 search.trials",
        "13 search.trials",
        "14 scheduler.grace",
        "15 confirm.seeds",
        "15 confirm.seeds",
    ]


def test_several_wrong_members_of_a_list_hide_nothing_beside_it(tmp_path: Path) -> None:
    text = GOOD.replace("max: 1e-1}", "max: 1e-1}\n      beta1: {values: [null, null, null]}\n      eps: {value: -1}")
    assert [line.split(": ")[1] for line in told(tmp_path, text)] == [
        *(f"arms.adam.parameters.beta1.values.{number}" for number in range(3)),
        "arms.adam.parameters.eps",
    ]


def test_a_problem_says_where_it_is_without_its_text_being_read(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(GOOD.replace("trials: 8", "trials: 0"))
    with pytest.raises(InputError) as refused:
        load_sweep(str(tmp_path / "sweep.yaml"), ["confirm.top_k=0"])
    in_file, put_in = refused.value.problems
    assert (in_file.path, in_file.source, in_file.line) == (("search", "trials"), str(tmp_path / "sweep.yaml"), 11)
    assert (put_in.path, put_in.source, put_in.line) == (("confirm", "top_k"), "--set confirm.top_k=0", None)


# What follows from another mistake is not told as one of its own.
ALONE = {
    "an arm that is left out is still an arm": ("    optimizer: adam\n", "    optimizer: 5\n", "arms.adam.optimizer"),
    "a budget that is wrong is not too short": ("epochs: 3}", "epochs: many}", "workload.epochs"),
    "an unknown workload has no metrics": ("mlp/digits", "mlp/digit", "workload.name"),
    "an unknown optimizer has no hyperparameters": ("optimizer: adam\n", "optimizer: adan\n", "arms.adam.optimizer"),
    "a workload that is no mapping is one": ("{name: mlp/digits, epochs: 3}", "mlp/digits", "workload"),
    "arms that are no mapping": (GOOD[GOOD.index("\n  adam:") : GOOD.index("search")], " adam\n", "arms"),
    "seeds with something else among them": ("[1, 2]", "[0, 0, x]", "confirm.seeds.2"),
    "a bound that names what is left out": (
        "max: 1e-1}", "max: eps}\n      eps: 3", "arms.adam.parameters.eps",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ALONE)
def test_one_mistake_is_one_line(case: str, tmp_path: Path) -> None:
    old, new, key = ALONE[case]
    assert old in GOOD
    lines = told(tmp_path, GOOD.replace(old, new, 1))
    assert len(lines) == 1, lines
    assert f": {key}: " in lines[0]


WORDS = {
    "null among values": ("{distribution: log_uniform, min: 1e-4, max: 1e-1}", "{values: [null, 1]}",
        "lr.values.0: null cannot be searched; what can be switched off is switched off by off"),
    "a list among values": ("{distribution: log_uniform, min: 1e-4, max: 1e-1}", "{values: [[1, 2], 1]}",
        "lr.values.0: must be a number, a text, or true or false, not [1, 2]"),
    "values without the key": ("{distribution: log_uniform, min: 1e-4, max: 1e-1}", "[1e-3, 1e-2]",
        "lr: must be a mapping; write {distribution: ..., min: ..., max: ...} to search a range, or "
        "{values: [0.001, 0.01]}"),
    "a hyperparameter beside parameters": ("    parameters:\n", "    eps: 1e-8\n    parameters:\n",
        "arms.adam.eps: unknown key; hyperparameters stand below parameters: write parameters: {eps: {value: 1e-08}}"),
    "learning_rate": ("      lr:", "      learning_rate:", 'Did you mean "lr"?'),
    "wd": ("      lr:", "      wd:", 'Did you mean "weight_decay"?'),
    "momentum of Adam": ("      lr:", "      momentum:", 'Did you mean "beta1"?'),
    "betas as one range": ("      lr:", "      betas:", "adam takes betas one by one, as beta1, beta2."),
    "iterations": ("epochs:", "iterations:", 'Did you mean "steps"?'),
    "trials under another name": ("trials: 8", "num_samples: 8", 'Did you mean "trials"?'),
    "a key of another part": ("baseline:", "epochs: 3\nbaseline:", 'Did you mean "workload.epochs"?'),
    "early stopping": ("type: asha", "type: successive_halving", 'Did you mean "asha"?'),
    "a short metric": ("val/loss", "val/acc", 'Did you mean "val/accuracy"?'),
    "a metric's mode": ("{name: val/loss}", "{name: val/loss, mode: min}", 'Did you mean "goal"?'),
    "clipping": ("epochs: 3", "epochs: 3, training: {max_grad_norm: 1}", 'Did you mean "clip_norm"?'),
    "a data set as workload": ("mlp/digits", "mnist", 'Did you mean "mlp/mnist"?'),
    "one space": ("space: [lr]", "space: lr", "arms.sgd.space: must be a list; write [lr]"),
    "low and high": ("min: 1e-4", "low: 1e-4", 'Did you mean "min"?'),
    "a choice": ("distribution: log_uniform", "distribution: loguniform", 'Did you mean "log_uniform"?'),
    "a condition on nothing": ("max: 1e-1}", "max: 1e-1, when: {amsgrad: maybe}}\n      amsgrad: {value: true}",
        "lr.when.amsgrad: amsgrad must be true or false, got 'maybe'"),
    "a condition, yes": ("max: 1e-1}", "max: 1e-1, when: {amsgrad: yes}}\n      amsgrad: {value: true}",
        "lr.when.amsgrad: amsgrad must be true or false, got 'yes'"),
    "a metric that needs an option": ("{name: mlp/digits, epochs: 3}\nmetric: {name: val/loss}",
        "{name: dcgan/mnist}\nmetric: {name: val/fid}",
        "metric.name: dcgan/mnist measures val/fid only with workload.options.inception"),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_an_error_says_what_may_stand_there(case: str, tmp_path: Path) -> None:
    old, new, message = WORDS[case]
    assert old in GOOD
    lines = told(tmp_path, GOOD.replace(old, new, 1))
    assert any(message in line for line in lines), lines
    assert not re.search(r"valid (boolean|integer|string|dict)|instance of|NoneType|Input should", "\n".join(lines))


NOT_FINITE = {
    "a bound": ("min: 1e-4", "min: {}", "arms.adam.parameters.lr.min"),
    "an upper bound": ("max: 1e-1", "max: {}", "arms.adam.parameters.lr.max"),
    "a formula": ("max: 1e-1", "max: 1e308 * 10 + {}", "arms.adam.parameters.lr"),
    "a value": ("{distribution: log_uniform, min: 1e-4, max: 1e-1}", "{{value: {}}}", "arms.adam.parameters.lr"),
    "values": ("{distribution: log_uniform, min: 1e-4, max: 1e-1}", "{{values: [1, {}]}}", "arms.adam.parameters.lr"),
    "a default": ("max: 1e-1", "max: 1e-1, default: {}", "arms.adam.parameters.lr"),
    "a start": ("space: [lr]", "space: [lr], start: [{{lr: {}}}]", "arms.sgd.start.0.lr"),
    "a target": ("{name: val/loss}", "{{name: val/loss, target: {}}}", "metric.target"),
    "training": ("epochs: 3", "epochs: 3, training: {{gamma: {}}}", "workload.training.gamma"),
    "milestones": ("epochs: 3", "epochs: 3, training: {{milestones: [0.1, {}]}}", "workload.training.milestones"),
    "an option": ("epochs: 3", "epochs: 3, options: {{label_smoothing: {}}}", "workload.options.label_smoothing"),
    "GPUs": ("confirm:", "resources: {{gpu: {}}}\nconfirm:", "resources.gpu"),
    "seconds": ("confirm:", "resources: {{checkpoint_seconds: {}}}\nconfirm:", "resources.checkpoint_seconds"),
    "searched training": ("max: 1e-1}", "max: 1e-1}}\n      training.gamma: {{value: {}}}", "training.gamma"),
    "trials": ("trials: 8", "trials: {}", "search.trials"),
    "a seed": ("[1, 2]", "[1, {}]", "confirm.seeds.1"),
}  # fmt: skip


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "1e999"])
@pytest.mark.parametrize("case", NOT_FINITE)
def test_numbers_that_are_not_finite_are_refused(case: str, number: str, tmp_path: Path) -> None:
    old, new, key = NOT_FINITE[case]
    assert old in GOOD
    lines = told(tmp_path, GOOD.replace(old, new.format(number), 1))
    assert len(lines) == 1, lines
    assert key in lines[0]


def test_an_order_of_infinity_is_a_value(tmp_path: Path) -> None:
    text = GOOD.replace("optimizer: adam\n", "optimizer: moment_adam\n").replace(
        "max: 1e-1}", "max: 1e-1}\n      order: {values: [2, .inf]}"
    )
    (tmp_path / "sweep.yaml").write_text(text)
    assert load_sweep(str(tmp_path / "sweep.yaml")).arms["adam"].space.parameters["order"].values == [2, float("inf")]


@pytest.mark.parametrize("words", ["[off, 1.0]", '["off", 1.0]'])
def test_off_switches_off(words: str, tmp_path: Path) -> None:
    text = (
        GOOD.replace("epochs: 3", "epochs: 3, training: {clip_norm: off}")
        .replace("max: 1e-1}", f"max: 1e-1}}\n      training.clip_norm: {{values: {words}}}")
        .replace("adam", "no")
    )
    text = text.replace("optimizer: no", "optimizer: adam")
    (tmp_path / "sweep.yaml").write_text(text)
    sweep = load_sweep(str(tmp_path / "sweep.yaml"))
    assert sweep.baseline == "no"
    assert sweep.workload.training["clip_norm"] is None
    assert json.dumps(sweep.arms["no"].space.parameters["training.clip_norm"].values) == '["off", 1.0]'


def test_a_bound_of_training_may_follow_from_a_hyperparameter(tmp_path: Path) -> None:
    text = GOOD.replace("1e-1}\n", "1e-1}\n      training.clip_norm: {distribution: uniform, min: lr * 2, max: 5}\n", 1)
    (tmp_path / "sweep.yaml").write_text(text)
    sweep = load_sweep(str(tmp_path / "sweep.yaml"))
    norm = sweep.arms["adam"].space.default({"lr": 0.1})["training.clip_norm"]
    assert isinstance(norm, float)
    assert 0.2 <= norm <= 5
