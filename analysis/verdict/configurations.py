"""A configuration that was found, as something to paste: into a program, or into a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optimizers
from search_spaces.space.space import TRAINING, ArmSpace, configuration_of, hyperparameters, owner_of
from search_spaces.tracking.codec import section
from trainables.mlflow_contract import Param, Section

_COUNTS_EPOCHS = "# Its schedules count epochs: call optimizer.set_epoch(n), from 1, as each begins."


def as_python(optimizer: str, params: Mapping[str, Any]) -> str | None:
    """The call of `optimizers.build` that makes the optimizer; `params` are those of a `RunRecord`.

    None where parts of the model have hyperparameters of their own, and so an optimizer each.
    """
    configuration = _hyperparameters(params)
    known = optimizers.get(optimizer).hyperparameters
    if any(owner_of(name, known)[0] for name in configuration):
        return None
    arguments = [f"    {name}={value!r}," for name, value in hyperparameters(configuration).items()]
    call = ["optimizer = optimizers.build(", f'    "{optimizer}",', "    model.parameters(),", *arguments, ")"]
    counts_epochs = any(name.endswith(".unit") and value == "epoch" for name, value in configuration.items())
    return "\n".join(["import optimizers", "", *call, *([_COUNTS_EPOCHS] if counts_epochs else [])])


def as_arm(name: str, space: ArmSpace, params: Mapping[str, Any]) -> str:
    """An arm of a sweep, in YAML, in which everything that was searched has the value that was found."""
    import yaml

    training = {key: params[key] for key in space.parameters if key.startswith(f"{TRAINING}.") and key in params}
    parameters = {key: {"value": value} for key, value in {**_hyperparameters(params), **training}.items()}
    arm = {name: {"optimizer": space.optimizer, "parameters": parameters}}
    return yaml.safe_dump(
        {"arms": arm}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    ).rstrip()


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
