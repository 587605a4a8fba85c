"""The curves of a sweep's runs as one file, so that reading them takes one call and not one for each run and metric."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cluster.storage.sweep_folder import SweepFolder
from cluster.tracking.run_description import MetricRow
from optimizers.files import atomic_write
from search_spaces.study.assignment import Assignment, Outcome
from trainables.mlflow_contract import CURVES_FILE, Status, from_store, is_of_curve
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.records import record_up_to

Row = Mapping[str, str | float]


def write_curves(
    folder: SweepFolder,
    ended: Sequence[tuple[Assignment, Outcome]],
    in_mlflow: Callable[[Sequence[str]], Mapping[str, list[MetricRow]]],
) -> Path:
    """Write the curves of those runs, a row for each evaluation, and return the file.

    Columns: ``trial_id``, ``step``, ``epoch``, ``timestamp`` (milliseconds since 1970), and one for each metric.

    Args:
        folder: Holds the trials' records, from which the curves come.
        ended: The runs, in their order, with how they ended.
        in_mlflow: Returns the metrics that MLflow holds of trials without a readable record.
    """
    curves = {run.trial_id: _recorded(folder, run.trial_id, outcome) for run, outcome in ended}
    missing = [trial_id for trial_id, curve in curves.items() if curve is None]
    for trial_id, metrics in (in_mlflow(missing) if missing else {}).items():
        curves[trial_id] = _curve(metrics)
        if curves[trial_id]:
            logging.getLogger("adamant").warning(
                "%s: its record is missing or damaged; its curve is taken from MLflow", trial_id
            )
    path = folder.path / CURVES_FILE
    with atomic_write(path) as temporary:
        _write([{"trial_id": name, **point} for name, curve in curves.items() for point in curve or []], temporary)
    return path


def _recorded(folder: SweepFolder, trial_id: str, outcome: Outcome) -> Sequence[Row] | None:
    """The curve in a trial's record; None where there is none, as of one that failed early."""
    record, _ = TrialFolder(folder.trial(trial_id)).read_record()
    if record is not None and outcome.status == Status.PRUNED:
        record = record_up_to(record, outcome.epoch)
    return record["curve"] if record else None


def _curve(metrics: Sequence[MetricRow]) -> Sequence[Row]:
    """The evaluations, by step, each of which MLflow knows as values of several metrics; their epochs are counted."""
    points: dict[int, dict[str, float]] = {}
    for name, value, timestamp, step in metrics:
        if is_of_curve(name):
            points.setdefault(step, {"step": step, "timestamp": timestamp})[name] = from_store(value)
    return [{"epoch": epoch, **points[step]} for epoch, step in enumerate(sorted(points), 1)]


def _write(rows: Sequence[Row], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {"trial_id": pyarrow.string(), **dict.fromkeys(("step", "epoch", "timestamp"), pyarrow.int64())}
    names = dict.fromkeys([*kinds, *(name for row in rows for name in row)])
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in names])
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, compression="zstd")
