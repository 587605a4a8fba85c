"""A sweep as tables: one row for each trial, each confirmation, and each evaluation of either."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.data._curves import read_curves
from analysis.data.runs import RunRecord, SweepRecords, read_sweep
from optimizers import InputError
from search_spaces import Sweep
from search_spaces.schema.words import listing
from search_spaces.tracking.artifact_addresses import readable_database
from trainables.mlflow_contract import STEPS_TO_TARGET, Param, Role, Section, Status

TRACKING_VARIABLE = "ADAMANT_TRACKING_URI"
LOCAL_DATABASE = "sqlite:///adamant-runs/mlflow.db"
_IDENTITY = ("run_id", "trial_id", "arm", "workload", "study", "seed")
_RUN_COLUMNS = (*_IDENTITY, "optimizer", "outcome", "value", "started", "seconds", "confirm_of")


@dataclass(frozen=True)
class SweepTables:
    """What MLflow knows of a sweep.

    `trials` and `confirmations` have a row for each run, by start:

    | column | what it is |
    |---|---|
    | `run_id` | MLflow's |
    | `trial_id` | such as `adam/3`, `adam/confirm/0`, or `mnist/study-2/adam/3` |
    | `arm` | |
    | `workload` | its name in the sweep, or, of a sweep on one, its own: `mlp/mnist` |
    | `study` | number of the search that it belongs to, from 1 |
    | `seed` | |
    | `optimizer` | |
    | `outcome` | finished, pruned, diverged, failed, interrupted or running |
    | `value` | last value of the sweep's metric; NaN where there is none, or where the run diverged or failed |
    | `started`, `seconds` | time in UTC; wall time in seconds, NaN while it runs |
    | `confirm_of` | `trial_id` of the configuration that a confirmation repeats |
    | `optimizer.lr`, ... | its hyperparameters, as in MLflow; missing where they do not apply |
    | `epochs`, `batch_size`, `training....` | the rest of its configuration |
    | `val/loss`, `test/accuracy`, ... | the last value of each metric, in MLflow's units (an accuracy is a fraction) |
    | `summary/steps_to_target` | optimizer steps; infinity for a run that missed the target, NaN without a target |

    `curves` has a row for each evaluation: `run_id`, `trial_id`, `arm`, `workload`, `study`, `seed`, `role` (trial or
    confirm); `step` (optimizer steps), `epoch` (or the number of the evaluation), `seconds` (wall time since the run's
    start), and a column for each metric: `train/loss`, `val/loss`, `optim/beta1`, ...; NaN where a run has none.

    `records` are the same runs as the verdict takes them, a part for each workload.
    """

    records: tuple[SweepRecords, ...]
    trials: pd.DataFrame
    confirmations: pd.DataFrame
    curves: pd.DataFrame
    tracking_uri: str

    @property
    def sweep(self) -> Sweep:
        """The question; of several workloads, as it stands for the first. See `on`."""
        return self.records[0].sweep

    @property
    def workloads(self) -> tuple[str, ...]:
        """Names of the workloads, as in the tables."""
        return tuple(map(_workload_name, self.records))

    def on(self, workload: str) -> SweepTables:
        """The part of one workload. Raises InputError when the sweep has none of that name."""
        if workload not in self.workloads:
            raise InputError(f'The sweep has no workload "{workload}"; it has {listing(self.workloads)}.')
        part = self.records[self.workloads.index(workload)]
        tables = {name: getattr(self, name) for name in ("trials", "confirmations", "curves")}
        own = {name: table[table["workload"] == workload].reset_index(drop=True) for name, table in tables.items()}
        return replace(self, records=(part,), **own)


def load(sweep: str, tracking_uri: str | None = None) -> SweepTables:
    """Read the sweep of that name; where it was run more than once, the newest.

    `tracking_uri` is any that MLflow takes; left out, `$ADAMANT_TRACKING_URI`, or the database that `adamant run` makes
    in the current folder. Raises InputError when the store cannot be read, has no such sweep, or holds one without
    its summary run.
    """
    uri = tracking_uri or os.environ.get(TRACKING_VARIABLE) or LOCAL_DATABASE
    records = read_sweep(sweep, uri)
    runs = [run for part in records for run in (*part.trials, *part.confirmations)]
    uri = readable_database(uri)
    return tables_of(records, read_curves(uri, records[0].summary_id, runs), uri)


def tables_of(records: tuple[SweepRecords, ...], curves: pd.DataFrame, tracking_uri: str) -> SweepTables:
    """The tables of runs that have been read, with their curves as `analysis.data._curves.read_curves` gives them."""
    trials, confirmations = (_runs_table(records, role) for role in ("trials", "confirmations"))
    return SweepTables(records, trials, confirmations, _curves_table(records, curves), tracking_uri)


def _workload_name(records: SweepRecords) -> str:
    return records.workload or records.sweep.workload.name


def _runs_table(records: Iterable[SweepRecords], role: str) -> pd.DataFrame:
    rows = [_row(run, part) for part in records for run in getattr(part, role)]
    others = {name for row in rows for name in row}.difference(_RUN_COLUMNS)

    def by_kind(name: str) -> tuple[bool, bool, str]:
        """Hyperparameters, then the rest of the configuration, then metrics."""
        return "/" in name, not name.startswith(f"{Section.OPTIMIZER}."), name

    own = _RUN_COLUMNS if role == "confirmations" else _RUN_COLUMNS[:-1]
    return pd.DataFrame(rows, columns=pd.Index([*own, *sorted(others, key=by_kind)]))


def _row(run: RunRecord, records: SweepRecords) -> dict[str, Any]:
    sweep = records.sweep
    usable = run.status_reason not in (Status.DIVERGED, Status.FAILED)
    row = {
        **_identity(run, records),
        "optimizer": sweep.arms[run.arm].optimizer,
        "outcome": str(run.status_reason),
        "value": run.metrics.get(sweep.metric.name, math.nan) if usable else math.nan,
        "started": run.start,
        "seconds": (run.end - run.start).total_seconds() if run.end else math.nan,
        "confirm_of": run.confirm_of,
        **{name: value for name, value in run.params.items() if name != Param.ARM},
        **run.metrics,
    }
    if sweep.metric.target is not None and run.status_reason in (Status.FINISHED, Status.DIVERGED, Status.PRUNED):
        row.setdefault(STEPS_TO_TARGET, math.inf)
    return row


def _identity(run: RunRecord, records: SweepRecords) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "trial_id": run.trial_id,
        "arm": run.arm,
        "workload": _workload_name(records),
        "study": run.study,
        "seed": run.seed,
    }


def _curves_table(records: Sequence[SweepRecords], curves: pd.DataFrame) -> pd.DataFrame:
    runs = [
        {**_identity(run, part), "role": str(role), "_started": 1000 * run.start.timestamp()}
        for part in records
        for role, of_role in ((Role.TRIAL, part.trials), (Role.CONFIRM, part.confirmations))
        for run in of_role
    ]
    table = pd.DataFrame(runs, columns=pd.Index([*_IDENTITY, "role", "_started"])).merge(curves, on="run_id")
    seconds = (table.pop("timestamp") - table.pop("_started")) / 1000
    table.insert(list(table.columns).index("epoch") + 1, "seconds", seconds)
    return table
