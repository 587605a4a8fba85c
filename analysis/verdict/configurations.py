"""A configuration that was found, as something to paste: into a program, or into a sweep."""

from __future__ import annotations

import json
import keyword
from collections.abc import Mapping
from typing import Any

from optimizers import OptimizerEntry, user_code
from search_spaces.space.space import KIND, TRAINING, ArmSpace, configuration_of, hyperparameters, owner_of
from search_spaces.tracking.codec import section
from trainables.mlflow_contract import Param, Section

_COUNTS_EPOCHS = "# Its schedules count epochs: call optimizer.set_epoch(n), from 1, as each begins."


def as_python(space: ArmSpace, params: Mapping[str, Any]) -> str | None:
    """The call that makes the optimizer, by `optimizers.build` or, of a user's class, its own.

    `params` are those of a `RunRecord`. None where parts of the model have hyperparameters of their own, and so an
    optimizer each, for a class of which only the name is known here, and where what was recorded as a name is none.
    """
    configuration, optimizer = _hyperparameters(params), space.optimizer
    if user_code.is_own(optimizer):
        return _call_of_class(space.entry, configuration)
    known = space.entry.hyperparameters
    if any(owner_of(name, known)[0] for name in configuration):
        return None
    arguments = _arguments(hyperparameters(configuration))
    if arguments is None:
        return None
    call = [
        "optimizer = optimizers.build(",
        f"    {json.dumps(optimizer)},",
        "    model.parameters(),",
        *arguments,
        ")",
    ]
    counts_epochs = any(name.endswith(".unit") and value == "epoch" for name, value in configuration.items())
    return "\n".join(["import optimizers", "", *call, *([_COUNTS_EPOCHS] if counts_epochs else [])])


def _call_of_class(entry: OptimizerEntry, configuration: Mapping[str, Any]) -> str | None:
    if entry.open_ended:
        return None
    module, _, name = entry.target.partition(":")
    defaults = {one: hyperparameter.default for one, hyperparameter in entry.hyperparameters.items()}
    values = {**defaults, **configuration}
    arguments = _arguments(entry.arguments(values))
    if arguments is None or not all(map(_is_name, [*module.split("."), *name.split(".")])):
        return None
    call = [f"optimizer = {module}.{name}(", "    model.parameters(),", *arguments, ")"]
    return "\n".join([f"import {module}", "", *call])


def _arguments(values: Mapping[str, Any]) -> list[str] | None:
    """Return a line for each keyword argument; None where a name is none, and could be any program."""
    return [f"    {name}={value!r}," for name, value in values.items()] if all(map(_is_name, values)) else None


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def as_arm(name: str, space: ArmSpace, params: Mapping[str, Any]) -> str:
    """An arm of a sweep, in YAML, in which everything that was searched has the value that was found."""
    import yaml

    training = _searched_training(space, params)
    parameters = {key: {"value": value} for key, value in {**_hyperparameters(params), **training}.items()}
    arm = {name: {"optimizer": space.optimizer, "parameters": parameters}}
    return yaml.safe_dump(
        {"arms": arm}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    ).rstrip()


def _searched_training(space: ArmSpace, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the space searches of how a run is trained; a schedule with settings of its own has its name in `.kind`."""
    names = [name for name in space.parameters if name.startswith(f"{TRAINING}.")]
    found = {name: params.get(name, params.get(f"{name}{KIND}")) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def rest_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """How the configuration was trained: epochs, batch size, how the rate changes and so on."""
    return {
        name: value
        for name, value in params.items()
        if name != Param.ARM and not name.startswith(f"{Section.OPTIMIZER}.") and value is not None
    }


def _hyperparameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """As an arm's parameters are named; what is None is so by default."""
    given = {name: value for name, value in section(params, Section.OPTIMIZER).items() if value is not None}
    return configuration_of(given)
