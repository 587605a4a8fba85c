"""A run's configuration as MLflow's parameters, and back as the values that it was trained with.

MLflow keeps parameters as text, for people to read. No reader can tell from a text whether ``1``, ``true`` or ``1e-3``
was a number or a text, so the values themselves are in the tag ``trial.spec``, JSON of the whole ``TrialSpec``, in
which every number is equal to the last bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from trainables.mlflow_contract import Param, Section, Tag


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under dotted names, such as ``beta1_schedule.kind``, below a prefix where one is given.

    An empty mapping is a value.
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        flat |= flatten(value, name) if isinstance(value, Mapping) and value else {name: value}
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``flatten`` was given, where no key in it had a dot."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *owners, key = name.split(".")
        inner = nested
        for owner in owners:
            inner = inner.setdefault(owner, {})
        inner[key] = value
    return nested


def parameters(arm: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run of an arm, each with its value, by its ``TrialSpec`` as plain data."""
    epochs, every = spec["epochs"], spec.get("evaluate_every")
    budget = {Param.EPOCHS: epochs} if every is None else {Param.STEPS: epochs * every, Param.EVALUATE_EVERY: every}
    sections = {
        Section.TRAINING: spec.get("training"),
        Section.WORKLOAD: spec.get("options"),
        Section.OPTIMIZER: spec["hyperparameters"],
    }
    own = {Param.ARM: arm, **budget, Param.BATCH_SIZE: spec["batch_size"]}
    return flatten({**own, **{name: values for name, values in sections.items() if values}})


def recorded_parameters(params: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return a run's parameters, by name, with the values that it was trained with.

    Args:
        params: As MLflow holds them. They are read only where the tag ``trial.spec`` is missing, damaged or cut off, as
            MLflow does after 8,000 characters; what looks like a number is then one.
        tags: The run's tags.
    """
    try:
        values = parameters(tags[Tag.ARM], json.loads(tags.get(Tag.TRIAL_SPEC, "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        values = {name: _guess(text) for name, text in params.items()}
    return dict(sorted(values.items()))


def section(values: Mapping[str, Any], of: Section) -> dict[str, Any]:
    """Return the parameters of a section, without its name."""
    return {name.removeprefix(f"{of}."): value for name, value in values.items() if name.startswith(f"{of}.")}


def _guess(text: str) -> Any:
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text
