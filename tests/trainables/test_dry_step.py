"""What would fail a sweep with code of a user's own is told before anything starts, in a sentence with the line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle, read_bundle
from trainables import TrialSpec
from trainables.tune.dry_step import dry_step, look

HEAD = """
import os, random, time
import numpy as np
import torch
from pathlib import Path
from torch import nn
from torch.nn import functional
from trainables import Task

def table(count=60, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, 3)), np.arange(count) % 2

class Sound(Task):
    metrics = {"val/loss": "minimize", "val/accuracy": "maximize"}
    def data(self, root):
        return table()
    def build_model(self):
        return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 2))
    def loss(self, model, batch):
        return functional.cross_entropy(model(batch[0]), batch[1])
    def evaluate(self, model, split):
        logits = model(split.inputs)
        return {
            "loss": functional.cross_entropy(logits, split.targets),
            "accuracy": (logits.argmax(1) == split.targets).float().mean(),
        }
"""


@pytest.fixture(autouse=True)
def no_code_afterwards() -> Iterator[None]:
    yield
    user_code.load(CodeBundle())


def bundle(folder: Path, text: str) -> CodeBundle:
    (folder / "mine.py").write_text(HEAD + text)
    read = read_bundle(["mine.py"], folder)
    user_code.load(read)
    return read


def spec(name: str, optimizer: str = "adam", **options: Any) -> TrialSpec:
    return TrialSpec(name, 5, 16, optimizer, {}, seed=3, options=options, training={"compile": True})


@pytest.mark.slow
def test_sound_code_is_let_through(tmp_path: Path) -> None:
    text = """
class Reader(Sound):
    def __init__(self, file: Path):
        self.file = file
    def data(self, root):
        rows = np.loadtxt(self.file, delimiter=",")
        return rows[:, :3], rows[:, 3].astype(int)
    def loss(self, model, batch):
        print("a lot" * 100_000)
        return super().loss(model, batch)
"""
    code = bundle(tmp_path, text)
    (tmp_path / "rows.csv").write_text("".join(f"{i},{i * i % 7},{i % 3},{i % 2}\n" for i in range(40)))
    specs = [spec("mine:Reader", one, file=str(tmp_path / "rows.csv")) for one in ("adam", "schedulefree_adamw")]
    dry_step([*specs, spec("mine:Sound"), spec("mlp/digits", "moment_adam")], tmp_path, code)


FIRST_LINE = 35
"""Of the faulty method, where the faulty class is the first after the others."""
FAULTS = {
    "loss of a batch": (
        "def loss(self, model, batch): return functional.cross_entropy(model(batch[0]), batch[1], reduction='none')",
        r"mine\.py:35: Faulty\.loss returns a tensor of shape \(16,\); return a scalar, such as its mean$",
    ),
    "loss as a number": (
        "def loss(self, model, batch): return 0.5",
        r"mine\.py:35: Faulty\.loss returns a float; return a tensor, the mean loss of the batch$",
    ),
    "loss that is nan": (
        "def loss(self, model, batch): return super().loss(model, batch) * float('nan')",
        r"Faulty\.loss returns nan for the first batch of a new model; it must be finite$",
    ),
    "loss without a gradient": (
        "def loss(self, model, batch): return super().loss(model, batch).detach()",
        r"Faulty\.loss returns a loss without a gradient; compute it from the model's output by torch alone",
    ),
    "loss of another model": (
        "def loss(self, model, batch): return super().loss(self.build_model(), batch)",
        r"Faulty\.loss returns a loss that depends on no parameter of the model$",
    ),
    "error in the loss": (
        "def loss(self, model, batch):\n        x, y = batch\n        return functional.mse_loss(model(x[:, :2]), y)",
        r"mine\.py:37: Faulty\.loss failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    ),
    "metric that is not measured": (
        "def evaluate(self, model, split): return {'loss': 1.0}",
        r'mine\.py:35: Faulty\.evaluate does not return "accuracy", which metrics declares as "val/accuracy"$',
    ),
    "metric that is not declared": (
        "def evaluate(self, model, split): return {'loss': 1.0, 'accuracy': 0.5, 'f1': 0.5}",
        r'Faulty\.evaluate returns "f1", which metrics does not declare; add "val/f1" and its direction$',
    ),
    "model without parameters": (
        "def build_model(self): return nn.ReLU()",
        r"mine\.py:35: Faulty\.build_model returns a model without parameters that are trained$",
    ),
    "no model": (
        "def build_model(self): return [nn.Linear(3, 2)]",
        r"Faulty\.build_model returns a list; return a torch\.nn\.Module$",
    ),
    "data with nan": (
        "def data(self, root):\n        x, y = table()\n        x[7, 1] = np.nan\n        return x, y",
        r"mine\.py:35: Faulty\.data: the inputs of 1 of 60 examples are not finite; the first is nan in example 7 at 1",
    ),
    "data of one class": (
        "def data(self, root): return table()[0], np.ones(60, int)",
        r"Faulty\.data: train: the targets of all 42 examples are 1, so there is nothing to learn",
    ),
    "data that is empty": (
        "def data(self, root): return table(0)",
        r"Faulty\.data: the data: it is empty; at least one example is needed$",
    ),
    "splits that overlap": (
        "def data(self, root): return {'train': table(), 'val': table(10), 'test': table(10, 1)}",
        r"mine\.py:35: Faulty\.data: 10 of the 10 examples of val are in train too",
    ),
    "a file of the current folder": (
        "def data(self, root): return np.loadtxt('rows.csv'), None",
        r"mine\.py:35: Faulty\.data failed: FileNotFoundError: rows\.csv not found",
    ),
    "draws of its own": (
        "def loss(self, model, batch): return super().loss(model, batch) * (1 + np.random.default_rng().random())",
        r"adam on mine:Faulty: two runs of 2 steps with the same seed differ in weights; draw",
    ),
    "an order that differs between processes": (
        "def data(self, root):\n"
        "        x, y = table()\n"
        "        names = list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})\n"
        "        return x[:, [names.index(name) % 3 for name in 'abc']], y",
        r"mine:Faulty: data\(\) gives other examples in another process; what comes from a set",
    ),
    "a process that ends": (
        "def data(self, root):\n        print('the last words', flush=True)\n        os._exit(7)",
        r"tries the sweep's code out did not get to its end: it ended with code 7; it printed last: the last words$",
    ),
}  # fmt: skip
OF_PROCESSES = ("an order that differs between processes", "a process that ends")


def faulty(method: str, name: str = "Faulty") -> str:
    return f"class {name}(Sound):\n    {method.replace('Faulty', name)}\n"


def test_every_fault_of_a_task_is_told_by_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a class of its own, all looked at in this process."""
    monkeypatch.chdir(tmp_path)
    names = [name for name in FAULTS if name not in OF_PROCESSES]
    texts = [faulty(FAULTS[name][0], f"Faulty{number}") for number, name in enumerate(names)]
    bundle(tmp_path, "".join(texts))
    with pytest.raises(InputError) as raised:
        look([spec(f"mine:Faulty{number}") for number in range(len(names))], tmp_path)
    found = list(map(str, raised.value.problems))
    assert len(found) == len(names), found
    first = len(HEAD.splitlines())
    for number, (name, problem) in enumerate(zip(names, found, strict=True)):
        here = first + sum(len(text.splitlines()) for text in texts[:number])
        expected = FAULTS[name][1].replace("Faulty", f"Faulty{number}")
        expected = re.sub(r":(\d+):", lambda told, here=here: f":{here + int(told[1]) - FIRST_LINE + 2}:", expected)
        assert re.search(expected, problem), (name, problem)


@pytest.mark.slow
def test_faults_come_back_from_another_process(tmp_path: Path) -> None:
    names = ["loss of a batch", "data with nan"]
    code = bundle(tmp_path, "".join(faulty(FAULTS[name][0], f"Faulty{number}") for number, name in enumerate(names)))
    with pytest.raises(InputError) as raised:
        dry_step([spec("mine:Faulty0"), spec("mine:Faulty1"), spec("mine:Sound")], tmp_path, code)
    assert ["returns a tensor of shape" in str(one) for one in raised.value.problems] == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_PROCESSES)
def test_what_only_another_process_shows_is_told(name: str, tmp_path: Path) -> None:
    method, sentence = FAULTS[name]
    code = bundle(tmp_path, faulty(method))
    with pytest.raises(InputError, match=sentence):
        dry_step([spec("mine:Faulty")], tmp_path, code)


def test_an_optimizer_that_fails_is_told_by_its_line(tmp_path: Path) -> None:
    text = """
class Broken(torch.optim.SGD):
    def step(self, closure=None):
        raise IndexError("no such moment")

class Picky(torch.optim.SGD):
    def step(self, closure=None):
        if any(p.shape[-1:] == (17,) for group in self.param_groups for p in group["params"]):
            raise IndexError("seventeen is too many")
        return super().step(closure)

class Wide(Sound):
    def build_model(self):
        return nn.Sequential(nn.Linear(3, 17), nn.Linear(17, 2))
"""
    bundle(tmp_path, text)
    runs = [spec("mine:Wide", "mine:Broken"), spec("mine:Wide", "mine:Picky"), spec("mine:Wide")]
    with pytest.raises(InputError) as raised:
        look(runs, tmp_path)
    first, second = map(str, raised.value.problems)
    assert re.fullmatch(r"mine:Broken cannot take a step: IndexError: no such moment \(\S+mine\.py:\d+\)\.", first)
    assert re.fullmatch(r"\S+mine\.py:\d+: mine:Picky on mine:Wide failed: IndexError: seventeen is too many", second)
