"""How much each hyperparameter mattered in the search: fANOVA and PED-ANOVA, as Optuna computes them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.charts.chart import Axis, Bars, Chart, Layer, Panel, Text
from analysis.charts.style import INK
from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import not_shown, one_workload
from analysis.figures.parameters import configuration
from optimizers import InputError
from search_spaces import ArmSpace, Sweep, arm_colour
from search_spaces.schema.words import plural
from trainables.mlflow_contract import Status

if TYPE_CHECKING:
    from optuna import Study
    from optuna.importance import BaseImportanceEvaluator

FEWEST_TRIALS = 10
# The share of trials that count as the best, as in the paper of PED-ANOVA, and how many must be among them.
_BEST, _FEWEST_BEST = 0.1, 5
# Of 160 trials deeper trees give shares that vary as much with the seed, in five times the time.
_DEPTH = 5


@dataclass(frozen=True)
class Importance:
    """Shares by hyperparameter (0 to 1), of the variance without the conditional ones; ``trials`` counts those that
    each was judged on.
    """

    variance: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    trials: dict[str, int] = field(default_factory=dict)


def importance(tables: SweepTables) -> Chart:
    """Two panels an arm, with a bar for each hyperparameter that its space does not fix.

    fANOVA (Hutter, Hoos, Leyton-Brown, ICML 2014) is the share of the metric's variance over the whole space that the
    parameter explains by itself; PED-ANOVA (Watanabe, Bansal, Hutter, IJCAI 2023) how differently the parameter is
    spread among the best tenth of the trials, or the best 5 where that is more, and among all. A trial that was stopped
    counts with its last value, one that diverged with the worst of its arm: without them only what works would be
    compared with what works.

    A conditional parameter is judged by PED-ANOVA alone, on the trials in which it was active and beside the parameters
    that always are; those shares are of another total. The variance over a whole space is not defined for what is
    not everywhere in it. Parameters, and arms, with fewer than 10 such trials are left out. Raises InputError where
    no arm has enough trials and two parameters.
    """
    tables = one_workload(tables)
    found: dict[str, Importance] = {}
    missing: dict[str, str] = {}
    for arm, asked in tables.sweep.arms.items():
        try:
            found[arm] = importance_of(tables.trials[tables.trials["arm"] == arm], asked.space, tables.sweep)
        except InputError as error:
            missing[arm] = str(error)
    if not found:
        raise InputError(f"No importance of hyperparameters.{not_shown(missing)}")
    panels = [panel for arm, one in found.items() for panel in _panels(arm, one, tables.sweep)]
    tallest = max(len(one.trials) for one in found.values())
    return Chart(
        title=f"{tables.sweep.name}: which hyperparameters mattered for {tables.sweep.metric.name}",
        panels=panels,
        columns=2,
        caption="Variance (fANOVA): how much of all differences between trials the parameter explains by itself. Among "
        "the best (PED-ANOVA): how much it takes the right value of it to be in the best tenth, or among the best 5. "
        "The shares of an arm add up to 100 %. In brackets: trials that have a conditional parameter, which has no "
        "share of the whole variance. Few trials give rough shares." + not_shown(missing),
        size=(300, max(90, 24 * tallest)),
    )


def importance_of(trials: pd.DataFrame, space: ArmSpace, sweep: Sweep) -> Importance:
    """The importance of each of the arm's hyperparameters, from its rows of the tables.

    Raises InputError for fewer than 10 trials with a value, or fewer than two parameters: the reason alone, as it
    stands in brackets behind the arm's name.
    """
    import optuna

    study = _rebuilt(trials, space, sweep)
    told = study.get_trials(deepcopy=False)
    active = {name: sum(name in trial.params for trial in told) for name in _names(told)}
    if len(active) < 2:
        raise InputError("it searches one parameter" if active else "it has no trial with a value")
    if len(told) < FEWEST_TRIALS:
        raise InputError(f"{plural(len(told), 'trial')} with a value, {FEWEST_TRIALS} are needed")
    always = [name for name, count in active.items() if count == len(told)]
    sometimes = [name for name, count in active.items() if FEWEST_TRIALS <= count < len(told)]
    by_variance = optuna.importance.FanovaImportanceEvaluator(max_depth=_DEPTH, seed=0)
    of_the_best = max(_BEST, min(1.0, _FEWEST_BEST / len(told)))
    among_the_best = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=of_the_best)
    variance = _judged(study, by_variance, always)
    best = _judged(study, among_the_best, always)
    best |= {name: _judged(study, among_the_best, [*always, name])[name] for name in sometimes}
    return Importance(
        {_shown(name): share for name, share in variance.items()},
        {_shown(name): share for name, share in best.items()},
        {_shown(name): active[name] for name in (*always, *sometimes)},
    )


def _names(told: list[Any]) -> list[str]:
    """Those that took more than one value."""
    values: dict[str, set[Any]] = {}
    for trial in told:
        for name, value in trial.params.items():
            values.setdefault(name, set()).add(value)
    return [name for name, taken in values.items() if len(taken) > 1]


def _judged(study: Study, evaluator: BaseImportanceEvaluator, names: list[str]) -> dict[str, float]:
    """Shares that add up to 1; all 0 where nothing made a difference."""
    if not names:
        return {}
    raw = evaluator.evaluate(study, params=names)
    total = sum(raw.values())
    return {name: raw[name] / total if total > 0 and math.isfinite(total) else 0.0 for name in names}


def _rebuilt(trials: pd.DataFrame, space: ArmSpace, sweep: Sweep) -> Study:
    """A study in memory, whose parameters have the names, units and distributions that the search gave them."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(direction=sweep.metric.goal, sampler=optuna.samplers.RandomSampler(seed=0))
        finite = trials.loc[trials["value"].notna(), "value"]
        worst = finite.max() if sweep.metric.goal == "minimize" else finite.min()
        for run in trials.to_dict("records"):
            value = worst if run["outcome"] == Status.DIVERGED else run["value"]
            if math.isfinite(value):
                _add(study, space, configuration(space, run), value)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return study


def _add(study: Study, space: ArmSpace, chosen: Mapping[str, Any], value: float) -> None:
    with warnings.catch_warnings():
        # A value at the edge of its range may come back from MLflow's text a last bit outside of it.
        warnings.simplefilter("ignore")
        study.enqueue_trial(space.to_optuna(dict(chosen)))
        trial = study.ask()
        space.suggest(trial)
    study.tell(trial, value)


def _shown(name: str) -> str:
    """The study's names tell units: "1-beta2" and "beta3|share"."""
    return name.removeprefix("1-").removesuffix("|share")


def _panels(arm: str, found: Importance, sweep: Sweep) -> list[Panel]:
    names = sorted(found.trials, key=lambda name: found.variance.get(name, 0.0) + found.best[name])
    whole = max(found.trials.values())
    counts = {name: f" ({found.trials[name]})" if found.trials[name] < whole else "" for name in names}
    ticks = {float(place): f"{name}{counts[name]}" for place, name in enumerate(names)}
    panels = []
    for shares, title in ((found.variance, "variance"), (found.best, "among the best")):
        lengths = {float(place): 100 * shares[name] for place, name in enumerate(names) if name in shares}
        layers: list[Layer] = [Bars(list(lengths), list(lengths.values()), arm_colour(sweep, arm))]
        layers += [Text(length + 1.5, place, f"{length:.0f}", INK) for place, length in lengths.items()]
        panels.append(
            Panel(
                Axis("share (%)", range=(0, 112)),
                Axis("", ticks=ticks),
                layers,
                title=f"{arm}, {whole} trials: {title}",
            )
        )
    return panels
