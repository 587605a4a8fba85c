"""A configuration that was found, as something to paste: into a program, or into a sweep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optimizers
from analysis.data.typed_params import typed
from search_spaces.space.space import ArmSpace, hyperparameters, owner_of

_PREFIX = "optimizer."
_COUNTS_EPOCHS = "# Its schedules count epochs: call optimizer.set_epoch(n), from 1, as each begins."


def as_python(optimizer: str, params: Mapping[str, str]) -> str | None:
    """The call of `optimizers.build` that makes the optimizer; `params` are a run's, as MLflow has them.

    None where parts of the model have hyperparameters of their own, and so an optimizer each.
    """
    values = _hyperparameters(params)
    known = optimizers.get(optimizer).hyperparameters
    if any(owner_of(name, known)[0] for name in values):
        return None
    arguments = [f"    {name}={value!r}," for name, value in hyperparameters(values).items()]
    call = ["optimizer = optimizers.build(", f'    "{optimizer}",', "    model.parameters(),", *arguments, ")"]
    counts_epochs = any(name.endswith(".unit") and value == "epoch" for name, value in values.items())
    return "\n".join(["import optimizers", "", *call, *([_COUNTS_EPOCHS] if counts_epochs else [])])


def as_arm(name: str, space: ArmSpace, params: Mapping[str, str]) -> str:
    """An arm of a sweep, in YAML, in which everything that was searched has the value that was found."""
    import yaml

    given = typed(params)
    training = {key: given[key] for key in space.parameters if key.startswith("training.") and key in given}
    parameters = {key: {"value": value} for key, value in {**_hyperparameters(params), **training}.items()}
    arm = {name: {"optimizer": space.optimizer, "parameters": parameters}}
    return yaml.safe_dump(
        {"arms": arm}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    ).rstrip()


def rest_of(params: Mapping[str, str]) -> dict[str, Any]:
    """How the configuration was trained: epochs, batch size, how the rate changes and so on."""
    others = {name: value for name, value in typed(params).items() if not name.startswith((_PREFIX, "arm"))}
    return {name: value for name, value in others.items() if value is not None}


def _hyperparameters(params: Mapping[str, str]) -> dict[str, Any]:
    """As an arm's parameters are named; what is None is so by default."""
    own = {name.removeprefix(_PREFIX): value for name, value in typed(params).items() if name.startswith(_PREFIX)}
    kinds = {name.removesuffix(".kind"): value for name, value in own.items() if name.endswith(".kind")}
    rest = {name: value for name, value in own.items() if value is not None and not name.endswith(".kind")}
    return dict(sorted({**rest, **kinds}.items()))
