"""Every workload on some of its real data: the conformance suite, and a trial that is stopped and goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import trainables
from optimizers import InputError
from tests.conftest import slow
from tests.trainables.cases import first_of, spec_of
from trainables import TrialSpec
from trainables.data.splits import DataSet
from trainables.testing.tested_workload import Subject
from trainables.testing.workload_cases import CHECKS
from trainables.tune.trial import Trial

IN_THE_GATE = {"mlp/digits", "cnn/cifar10", "resnet20/mnist", "lstm/text", "dcgan/mnist", "function/beale"}
IN_THE_GATE |= {"gpt/text", "mlp/table", "vit/folder"}
"""One of each family of models: there the case that meets most of the code is run, for one of them every case is."""
MEETS_MOST = "interrupted_equals_uninterrupted"
IN_FULL = "mlp/digits"
OF_PROCESSES = {"data_is_fixed", "two_workers_train_as_one"}
ROOT = Path(os.environ.get("ADAMANT_DATA", "nowhere"))


@pytest.fixture(autouse=True)
def one_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path_factory.getbasetemp() / "workload-cache"))
    torch.set_num_threads(1)


def some_data(name: str, options: dict[str, Any]) -> DataSet:
    entry = trainables.get(name)
    try:
        entry.check_data(ROOT, options)
    except InputError as error:
        pytest.skip(f"no data under ADAMANT_DATA: {error}")
    data = entry.load_data(ROOT, options)
    return first_of(data, options)


def trial(spec: TrialSpec, folder: Path, session: int = 1) -> Trial:
    folder.mkdir(exist_ok=True)
    config = {
        "spec": spec.to_dict(),
        "folder": str(folder),
        "session": session,
        "data_root": "",
        "code": None,
        "decisions": [1, 2],
        "tradeoffs": [],
    }
    limits = {"checkpoint_seconds": 60.0, "trial_timeout": 3600.0}
    return Trial({**config, **limits, "cpus": 1, "gpus": 0, "workers": 1, "accelerator": None})


def cases_of_all() -> Iterator[Any]:
    """Names of workloads and of cases; cases that start processes are run for one of each family."""
    for name in trainables.names():
        for case in CHECKS:
            if name.startswith("function/") and case == "splits_are_disjoint":
                continue  # there is no data
            if case in OF_PROCESSES:
                if name in IN_THE_GATE:
                    yield slow(name, case)
            elif name == IN_FULL or (name in IN_THE_GATE and case == MEETS_MOST):
                yield name, case
            else:
                yield slow(name, case)


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "case"), list(cases_of_all()))
def test_it_passes_the_suite(name: str, case: str) -> None:
    options = spec_of(name).options
    CHECKS[case](Subject(name, options, ROOT, some_data(name, options)))


@pytest.mark.realdata
@pytest.mark.parametrize("name", [name if name == IN_FULL else slow(name) for name in trainables.names()])
def test_an_interrupted_trial_equals_an_uninterrupted_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(name)
    data = some_data(name, spec.options)
    monkeypatch.setattr("trainables.tune._open_run._load_data", lambda *_: data)
    whole = trial(spec, tmp_path / "whole")
    assert [whole.step()["epoch"], whole.step()["done"]] == [1, True]
    interrupted = trial(spec, tmp_path / "part")
    assert not interrupted.step()["done"]
    torch.manual_seed(4321)
    resumed = trial(spec, tmp_path / "part", session=2)
    again = resumed.step()
    assert (again["step"], again["done"]) == (3, False), "it goes on from the checkpoint, and tells its result again"
    outcome = resumed.step()["outcome"]
    records = [json.loads((tmp_path / run / "record.json").read_text()) for run in ("whole", "part")]
    assert outcome["status"] == "finished", outcome
    assert records[0]["outcome"] == records[1]["outcome"]
    curves = [[{**point, "timestamp": 0} for point in record["curve"]] for record in records]
    assert curves[0] == curves[1]
    metrics = {key for key in curves[0][-1] if key.startswith("val/")}
    entry = trainables.get(name)
    assert metrics == set(entry.metrics_with(spec.options))
    assert {key for key in curves[0][-1] if key.startswith("train/")} == set(entry.train_losses)
    assert entry.score_with(spec.options)[0] in outcome["test"]
