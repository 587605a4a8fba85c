"""What each arm's best trials chose for a hyperparameter, beside what it is by default."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import one_workload
from analysis.figures.parameters import configuration
from analysis.verdict.formatting import MetricFormat
from search_spaces import ArmSpace
from trainables.mlflow_contract import Status

_BEST_PART = 4
_FIXED, _UNUSED = "fixed", "unused"
_COLUMNS = ("arm", "trial", "value", "hyperparameter", "best", "best trials", "all trials", "default")


def best_trials(tables: SweepTables, arm: str) -> pd.DataFrame:
    """Rows of `tables.trials`: those of the arm's best quarter that were trained to their end, best first."""
    own = tables.trials[tables.trials["arm"] == arm]
    finished = own[own["outcome"] == Status.FINISHED].dropna(subset=["value"])
    ranked = finished.sort_values("value", ascending=tables.sweep.metric.goal == "minimize", kind="stable")
    return ranked.head(math.ceil(len(own) / _BEST_PART))


def choices(tables: SweepTables, hyperparameters: Sequence[str]) -> pd.DataFrame:
    """A row for each arm and hyperparameter that its space holds, for arms with a finished trial.

    `hyperparameters` are named as in a sweep; a schedule's name stands for its settings as well. Raises InputError for
    the tables of several workloads. The columns:

    | column | what it is |
    |---|---|
    | `arm`, `trial`, `value` | the arm, its best trial, and that trial's value of the sweep's metric |
    | `hyperparameter`, `best` | its value in that trial, as text: "fixed" where nothing was searched |
    | `best trials` | the range, or the counts, over `best_trials` |
    | `all trials` | the same over all of the arm's trials |
    | `default` | its value in the arm's first trial |

    A setting that the best trials do not use, as they chose another schedule, has no row.
    """
    tables = one_workload(tables)
    rows = [row for arm in tables.sweep.arms for row in _of_arm(tables, arm, hyperparameters)]
    return pd.DataFrame(rows, columns=pd.Index(_COLUMNS))


def choices_in_words(tables: SweepTables, hyperparameters: Sequence[str]) -> tuple[str, ...]:
    """A text for each arm that has one of them: its best trial, beside the baseline's, and then its best trials."""
    arms = [arm for arm in tables.sweep.arms if _names(_space(tables, arm), hyperparameters)]
    if not arms:
        return (f"No arm searches {' or '.join(hyperparameters)}.",)
    found = choices(tables, hyperparameters)
    return tuple(_in_words(tables, arm, found[found["arm"] == arm]) for arm in arms)


def _in_words(tables: SweepTables, arm: str, rows: pd.DataFrame) -> str:
    best, number = best_trials(tables, arm), MetricFormat(tables.sweep.metric.name)
    if best.empty:
        return f"{arm} has no finished trial, so there is no best configuration of it."
    baseline = tables.sweep.baseline
    against = "" if arm == baseline else _best_of(tables, baseline, number)
    used = rows[rows["best"] != _UNUSED]
    chosen = ", ".join(f"{row.hyperparameter} {row.best}" for row in used.itertuples())
    value = number.value(best["value"].iloc[0])
    said = f"The best of {arm} is {best['trial_id'].iloc[0]}, {tables.sweep.metric.name} {value}{against}: {chosen}."
    searched = used[used["best trials"] != _FIXED].to_dict("records")
    if len(best) == 1 or not searched:
        return said
    trials = int((tables.trials["arm"] == arm).sum())
    return f"{said} The best {len(best)} of its {trials} trials: {'; '.join(map(_spread_in_words, searched))}."


def _spread_in_words(row: Mapping[Any, Any]) -> str:
    default = "" if row["default"] == _UNUSED else f", by default {row['default']}"
    return f"{row['hyperparameter']} {row['best trials']}{default}"


def _best_of(tables: SweepTables, baseline: str, number: MetricFormat) -> str:
    values = best_trials(tables, baseline)["value"]
    return "" if values.empty else f" ({baseline}'s best {number.value(values.iloc[0])})"


def _of_arm(tables: SweepTables, arm: str, hyperparameters: Sequence[str]) -> list[tuple]:
    space, best = _space(tables, arm), best_trials(tables, arm)
    names = _names(space, hyperparameters)
    if best.empty or not names:
        return []
    chosen = [configuration(space, row) for row in best.to_dict("records")]
    tried = [configuration(space, row) for row in tables.trials[tables.trials["arm"] == arm].to_dict("records")]
    default = space.default()
    first = best.iloc[0]
    return [
        (
            arm,
            first["trial_id"],
            first["value"],
            name,
            _word(chosen[0].get(name)),
            _FIXED if space.parameters[name].distribution == "constant" else _spread(chosen, name),
            _spread(tried, name),
            _word(default.get(name)),
        )
        for name in names
        if any(name in one for one in chosen)
    ]


def _space(tables: SweepTables, arm: str) -> ArmSpace:
    return tables.sweep.arms[arm].space


def _names(space: ArmSpace, wanted: Iterable[str]) -> list[str]:
    """Those of the space that are wanted, and the settings that were searched of a schedule that is."""
    names = (
        name
        for asked in wanted
        for name, parameter in space.parameters.items()
        if name == asked or (name.startswith(f"{asked}.") and parameter.distribution != "constant")
    )
    return list(dict.fromkeys(names))


def _spread(configurations: Sequence[dict[str, Any]], name: str) -> str:
    values = [one[name] for one in configurations if name in one]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        low, high = _word(min(values)), _word(max(values))
        text = low if low == high else f"{low} to {high}"
    else:
        text = ", ".join(f"{word} ({count})" for word, count in Counter(map(_word, values)).most_common())
    unused = len(configurations) - len(values)
    return f"{text}, {_UNUSED} ({unused})" if unused else text


def _word(value: Any) -> str:
    """Three digits, of what is missing to 1 where it is little, as with betas; "unused" without a value."""
    if value is None:
        return _UNUSED
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if 0.9 < value < 1:
        return f"{value:.{1 - math.floor(math.log10(1 - value))}f}".rstrip("0")
    return f"{value:.3g}"
