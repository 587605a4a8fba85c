"""What `adamant list` shows: one row a thing, the columns as keys."""

from __future__ import annotations

from typing import Any

import optimizers
import trainables
from search_spaces import catalogue, load_sweep
from search_spaces.space import named_space

Row = dict[str, Any]


def rows(kind: str) -> list[Row]:
    """Rows of one kind: workloads, optimizers, spaces, schedules or sweeps."""
    return _LISTS[kind]()


def _workloads() -> list[Row]:
    entries = [trainables.get(name) for name in trainables.names()]
    return [
        {
            "workload": entry.name,
            "model": entry.model,
            "data": entry.data,
            "score": entry.score,
            "reference": entry.reference,
        }
        for entry in entries
    ]


def _optimizers() -> list[Row]:
    entries = [optimizers.get(name) for name in optimizers.names()]
    return [
        {
            "optimizer": entry.name,
            "what": entry.summary,
            "hyperparameters": ", ".join(entry.hyperparameters),
            "source": entry.source,
        }
        for entry in entries
    ]


def _spaces() -> list[Row]:
    spaces = {name: named_space(name) for name in catalogue.names(catalogue.SPACES)}
    return [
        {"space": name, "what": space.description, "parameters": ", ".join(space.parameters)}
        for name, space in spaces.items()
    ]


def _schedules() -> list[Row]:
    return [
        {"schedule": name, "what": kind.description, "keys": ", ".join(kind.keys), "source": kind.source}
        for name, kind in optimizers.schedules.KINDS.items()
    ]


def _sweeps() -> list[Row]:
    sweeps = [load_sweep(name) for name in catalogue.names(catalogue.SWEEPS)]
    return [
        {
            "sweep": sweep.name,
            "question": sweep.question,
            "workload": sweep.workload.name,
            "arms": ", ".join(sweep.arms),
            "trials": len(sweep.arms) * (sweep.search.trials + sweep.confirm.top_k * len(sweep.confirm.seeds)),
        }
        for sweep in sweeps
    ]


_LISTS = {
    "workloads": _workloads,
    "optimizers": _optimizers,
    "spaces": _spaces,
    "schedules": _schedules,
    "sweeps": _sweeps,
}
