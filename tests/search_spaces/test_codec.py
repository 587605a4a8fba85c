"""Configurations come back from MLflow as what they were, though its parameters are text."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces.tracking.codec import flatten, nest, parameters, recorded_parameters, section
from trainables import TrialSpec
from trainables.mlflow_contract import Section, Tag

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["1e-3", "1", "0x1", "true", "True", "none", "None", "nan", "inf", "", "[0.1]", "{}"])
)
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
SETTINGS = st.dictionaries(NAMES, VALUES, max_size=4)


def exact(value: Any) -> Any:
    """What tells 1 from True, 1.0 and "1", and 0.0 from -0.0."""
    match value:
        case dict():
            return {name: exact(inner) for name, inner in value.items()}
        case list():
            return [exact(inner) for inner in value]
        case float():
            return "float", struct.pack("d", value)
        case _:
            return type(value).__name__, value


def spec_of(hyperparameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return TrialSpec("mlp/digits", 20, 64, "adam", hyperparameters, seed=0, **changes).to_dict()


def recorded(spec: dict[str, Any]) -> dict[str, Any]:
    """A run's parameters as they are read from what MLflow holds."""
    params = {name: str(value) for name, value in parameters("adam", spec).items()}
    return recorded_parameters(params, {Tag.ARM: "adam", Tag.TRIAL_SPEC: json.dumps(spec)})


@given(SETTINGS)
def test_what_is_flattened_is_nested_again(nested: dict[str, Any]) -> None:
    assert exact(nest(flatten(nested))) == exact(nested)


@given(SETTINGS, SETTINGS, SETTINGS)
def test_every_section_comes_back_to_the_last_bit(
    hyperparameters: dict[str, Any], training: dict[str, Any], options: dict[str, Any]
) -> None:
    read = recorded(spec_of(hyperparameters, training=training, options=options))
    assert exact(nest(section(read, Section.OPTIMIZER))) == exact(hyperparameters)
    assert exact(nest(section(read, Section.TRAINING))) == exact(training)
    assert exact(nest(section(read, Section.WORKLOAD))) == exact(options)
    assert (read["arm"], read["epochs"], read["batch_size"]) == ("adam", 20, 64)
    assert list(read) == sorted(read)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('codec') / 'mlflow.db'}"
    MlflowClient(uri).search_experiments()
    return uri


@settings(max_examples=10, deadline=None)
@given(hyperparameters=st.dictionaries(NAMES, SCALARS, max_size=4))
def test_a_real_database_changes_nothing(database: str, hyperparameters: dict[str, Any]) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Param

    client, spec = MlflowClient(database), spec_of(hyperparameters)
    run_id = client.create_run("0", tags={Tag.ARM: "adam", Tag.TRIAL_SPEC: json.dumps(spec)}).info.run_id
    client.log_batch(run_id, params=[Param(name, str(value)) for name, value in parameters("adam", spec).items()])
    data = client.get_run(run_id).data
    assert exact(section(recorded_parameters(data.params, data.tags), Section.OPTIMIZER)) == exact(hyperparameters)


def test_people_see_plain_text() -> None:
    spec = spec_of(
        {"lr": 1e-3, "amsgrad": False, "beta1_schedule": {"kind": "demon", "tau": 0.1, "unit": None}},
        training={"lr_schedule": "none", "ema": 0.5},
        options={"milestones": [1, 2]},
        evaluate_every=5,
    )
    assert {name: str(value) for name, value in parameters("plain", spec).items()} == {
        "arm": "plain",
        "steps": "100",
        "evaluate_every": "5",
        "batch_size": "64",
        "training.lr_schedule": "none",
        "training.ema": "0.5",
        "workload.milestones": "[1, 2]",
        "optimizer.lr": "0.001",
        "optimizer.amsgrad": "False",
        "optimizer.beta1_schedule.kind": "demon",
        "optimizer.beta1_schedule.tau": "0.1",
        "optimizer.beta1_schedule.unit": "None",
    }


@pytest.mark.parametrize("tags", [{}, {Tag.TRIAL_SPEC: json.dumps(spec_of({"lr": 1.0}))[:-9]}])
@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-05", 1e-5), ("64", 64), ("True", True), ("None", None), ("none", "none"), ("inf", "inf"), ("", "")],
)
def test_without_a_whole_spec_the_text_is_read(tags: dict[str, str], text: str, value: Any) -> None:
    """As of runs that something else has written, and of a tag that MLflow has cut off."""
    assert exact(recorded_parameters({"optimizer.it": text}, tags)) == exact({"optimizer.it": value})


def test_infinity_comes_back() -> None:
    assert recorded(spec_of({"clip": math.inf}))["optimizer.clip"] == math.inf
