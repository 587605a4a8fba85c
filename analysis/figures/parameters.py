"""The hyperparameters that a sweep searched: their values in each trial, and the axes that suit their distributions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.charts.chart import Axis, Scale
from analysis.data.tables import SweepTables
from search_spaces import ArmSpace, Parameter, Sweep
from search_spaces.space.space import KIND, TRAINING
from trainables.mlflow_contract import Section


@dataclass(frozen=True)
class ParameterScale:
    """How a hyperparameter is drawn: ``choices`` side by side, or numbers as they are, or as 1 - x (``complement``)."""

    name: str
    scale: Scale
    complement: bool = False
    choices: tuple[str, ...] = ()

    @property
    def axis(self) -> Axis:
        if self.choices:
            room = (-0.6, len(self.choices) - 0.4)
            return Axis(self.name, ticks=dict(enumerate(self.choices)), range=room)
        return Axis(f"1 − {self.name}" if self.complement else self.name, self.scale)

    def places(self, values: Iterable[Any]) -> np.ndarray:
        """Where the values lie on the axis; NaN for those that are missing."""
        if self.choices:
            found = {choice: float(place) for place, choice in enumerate(self.choices)}
            return np.array([found.get(_word(value), np.nan) for value in values], dtype=float)
        numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=float)
        return 1 - numbers if self.complement else numbers


def searched(sweep: Sweep) -> dict[str, dict[str, Parameter]]:
    """Each hyperparameter that is not constant, with the arms that search it, in the order of the spaces."""
    found: dict[str, dict[str, Parameter]] = {}
    for arm, asked in sweep.arms.items():
        for name, parameter in asked.space.parameters.items():
            if parameter.distribution != "constant":
                found.setdefault(name, {})[arm] = parameter
    return found


def scale_of(name: str, parameters: Iterable[Parameter]) -> ParameterScale:
    """The axis for a hyperparameter that several arms may search in ways of their own."""
    parameters = list(parameters)
    choices = [_word(value) for parameter in parameters for value in parameter.values or ()]
    if choices:
        return ParameterScale(name, "linear", choices=tuple(dict.fromkeys(choices)))
    drawn = {parameter.distribution for parameter in parameters}
    if "one_minus_log_uniform" in drawn:
        return ParameterScale(name, "log", complement=True)
    return ParameterScale(name, "log" if drawn & {"log_uniform", "int_log_uniform"} else "linear")


def configurations(tables: SweepTables) -> pd.DataFrame:
    """The trials with a column for each hyperparameter of `searched`, by its name there; NaN where inactive."""
    spaces = {arm: asked.space for arm, asked in tables.sweep.arms.items()}
    rows = [configuration(spaces[row["arm"]], row) for row in tables.trials.to_dict("records")]
    names = list(searched(tables.sweep))
    chosen = pd.DataFrame([[row.get(name) for name in names] for row in rows], columns=pd.Index(names), dtype=object)
    return pd.concat(
        [tables.trials[["trial_id", "arm", "outcome", "value"]], chosen.set_index(tables.trials.index)], axis=1
    )


def configuration(space: ArmSpace, run: Mapping[Any, Any]) -> dict[str, Any]:
    """What the arm's space chose for a run, constants included: a row of the tables, as the space names its values."""
    chosen: dict[str, Any] = {}
    for name, parameter in space.parameters.items():
        if space.active(name, chosen) and (value := _recorded(name, parameter, run)) is not None:
            chosen[name] = value
    return chosen


def _recorded(name: str, parameter: Parameter, run: Mapping[Any, Any]) -> Any:
    """The value in the run; a schedule with settings of its own has its name under ``.kind``."""
    column = name if name.startswith(f"{TRAINING}.") else f"{Section.OPTIMIZER}.{name}"
    for key in (column, f"{column}{KIND}"):
        value = run.get(key)
        if not pd.isna(value):
            return value
    return parameter.value


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
