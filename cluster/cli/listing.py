"""What `adamant list` shows: one row a thing, the columns as keys, or all there is to say of one thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import optimizers
import trainables
from cluster.storage.sweep_folder import data_root_of
from optimizers import Hyperparameter, InputError, OptimizerEntry, did_you_mean, schedules
from optimizers.factory import OPTIMIZERS
from optimizers.plugins import Plugin
from optimizers.registry import Registry
from search_spaces.schema.methods import METHODS, SearchMethod
from search_spaces.space.ready_files import DEFAULT_SPACES, SPACES, SWEEPS
from search_spaces.space.space import default_space, named_space
from search_spaces.stores.default_names import DEFAULT_STORAGE
from search_spaces.sweep.loading import ready_sweep
from trainables import WorkloadEntry
from trainables.workloads.catalogue import WORKLOADS
from trainables.workloads.training_options import TRAINING

Row = dict[str, Any]


def rows(kind: str) -> list[Row]:
    """Rows of one kind: workloads, optimizers, spaces, schedules, samplers or sweeps.

    Lists in them are too long for a table. Of plugins there is what is known of them without loading them.
    """
    if kind in _LISTS:
        return _LISTS[kind]()
    registry, described = _REGISTRIES[kind]
    own = [described(entry) for entry in registry.entries()]
    return [*own, *(_plugin(own[0], plugin, problem) for plugin, problem in registry.plugins())]


def row(kind: str, name: str) -> Row:
    """The row of one thing. Raises InputError, with the nearest name, when there is none of that name."""
    if kind == "optimizers":
        return _optimizer(optimizers.get(name))  # also one that is made of two, such as lookahead(sgd)
    if kind in _REGISTRIES and _REGISTRIES[kind][0].is_claimed(name):
        registry, described = _REGISTRIES[kind]
        return described(registry.get(name))
    by_name = {next(iter(one.values())): one for one in rows(kind)}
    if name not in by_name:
        raise InputError(f'there is no "{name}" among the {kind}.{did_you_mean(name, by_name)}')
    return by_name[name]


def _plugin(like: Row, plugin: Plugin, problem: str) -> Row:
    """The row of an entry point, in the columns of another row."""
    first, second, *others = like
    told = f"cannot be used: {problem}" if problem else "loaded when it is used"
    shown = {column: [] if isinstance(like[column], list) else "" for column in others}
    return {first: plugin.name, second: f"{plugin.origin}; {told}", **shown}


def _workload(entry: WorkloadEntry) -> Row:
    return {
        "workload": entry.name,
        "model": entry.model,
        "data": entry.data,
        "there": "yes" if _missing_data(entry, data_root_of(DEFAULT_STORAGE, None)) is None else "no",
        "score": " or ".join((entry.score, *entry.other_scores)),
        "reference": entry.reference,
        "metrics": [
            *(name for name in entry.metrics if name not in entry.optional_metrics),
            *(f"{name}, with the option {condition}" for name, condition in entry.optional_metrics.items()),
        ],
        "parts": [
            f"{part}: has an optimizer of its own; {part}.lr is its learning rate where lr is that of all parts"
            for part in entry.parts
        ],
        "budget": [f"{entry.epochs} epochs, batch size {entry.batch_size}"],
        "training": _hyperparameters(
            {name: replace(one, default=entry.training.get(name, one.default)) for name, one in TRAINING.items()}
        ),
        "options": _hyperparameters(entry.options),
    }


def _missing_data(entry: WorkloadEntry, root: Path) -> str | None:
    """What is missing of a workload's data; None where it is there."""
    try:
        entry.check_data(root)
    except InputError as error:
        return str(error)
    return None


def data_sets(root: Path) -> list[Row]:
    """A row for each data set: which workloads take it, and whether it is there or what is missing."""
    by_data: dict[str, list[WorkloadEntry]] = {}
    unusable: list[Row] = []
    for name in trainables.names():
        try:
            entry = trainables.get(name)
        except InputError as error:  # of a plugin
            unusable.append({"data": "not known", "workloads": name, "state": str(error)})
            continue
        by_data.setdefault(entry.data, []).append(entry)
    known = [
        {
            "data": data,
            "workloads": ", ".join(entry.name for entry in entries),
            "state": _missing_data(entries[0], root) or "there",
        }
        for data, entries in by_data.items()
    ]
    return [*known, *unusable]


def _optimizer(entry: OptimizerEntry) -> Row:
    return {
        "optimizer": entry.name,
        "what": entry.summary,
        "source": entry.source,
        "update_rule": dedent(entry.rule).strip().splitlines(),
        "special_cases": list(entry.special_cases),
        "hyperparameters": _hyperparameters(entry.hyperparameters),
    }


def _hyperparameters(table: Mapping[str, Hyperparameter]) -> list[Row]:
    return [
        {
            "name": name,
            "default": _default(one),
            "range": one.describe(),
            "unit": one.unit,
            "what": one.description,
        }
        for name, one in table.items()
    ]


def _default(one: Hyperparameter) -> Any:
    if one.required:
        return "required"
    return "off" if one.default is None else "inf" if one.default == math.inf else one.default


def _spaces() -> list[Row]:
    spaces = {name: named_space(name) for name in SPACES.names()}
    with_default = [name for name in optimizers.names() if name in DEFAULT_SPACES]
    spaces |= {f"default of {name}": default_space(optimizers.get(name)) for name in with_default}
    return [
        {"space": name, "what": space.description, "parameters": ", ".join(space.merged())}
        for name, space in spaces.items()
    ]


def _schedule(kind: schedules.Kind) -> Row:
    return {"schedule": kind.name, "what": kind.description, "keys": ", ".join(kind.keys), "source": kind.source}


def _sampler(method: SearchMethod) -> Row:
    return {
        "sampler": method.name,
        "what": method.description,
        "tradeoffs": "no" if method.one_objective else "yes",
        "source": method.origin,
    }


def _sweeps() -> list[Row]:
    sweeps = [ready_sweep(name) for name in SWEEPS.names()]
    return [
        {
            "sweep": sweep.name,
            "question": sweep.question,
            "workload": ", ".join(workload.name for workload in sweep.by_workload.values()),
            "arms": ", ".join(sweep.arms),
            "budget": "; ".join(dict.fromkeys(workload.budget for workload in sweep.by_workload.values())),
            "sizes": ", ".join(sweep.file.sizes),
            "trials": len(sweep.contests)
            * len(sweep.arms)
            * (sweep.search.trials + sweep.confirm.top_k * len(sweep.confirm.seeds)),
        }
        for sweep in sweeps
    ]


_LISTS = {"spaces": _spaces, "sweeps": _sweeps}
_REGISTRIES: dict[str, tuple[Registry[Any], Callable[[Any], Row]]] = {
    "workloads": (WORKLOADS, _workload),
    "optimizers": (OPTIMIZERS, _optimizer),
    "schedules": (schedules.KINDS, _schedule),
    "samplers": (METHODS, _sampler),
}
