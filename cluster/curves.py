"""The curves of a sweep's runs as one file, so that reading them takes one call and not one for each run and metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cluster.places import SweepFolder
from optimizers.files import atomic_write
from search_spaces.kept_in_mlflow import CURVES_FILE
from trainables.checkpoint import TrialFolder


def write_curves(folder: SweepFolder, trial_ids: Iterable[str]) -> Path:
    """Write the curves in the records of those trials, a row for each evaluation, and return the file.

    Columns: ``trial_id``, ``step``, ``epoch``, ``timestamp`` (milliseconds since 1970), and one for each metric.
    """
    rows = [row for trial_id in trial_ids for row in _rows(folder, trial_id)]
    path = folder.path / CURVES_FILE
    with atomic_write(path) as temporary:
        _write(rows, temporary)
    return path


def _rows(folder: SweepFolder, trial_id: str) -> list[dict[str, str | float]]:
    record, _ = TrialFolder(folder.trial(trial_id)).read_record()
    return [{"trial_id": trial_id, **point} for point in record["curve"]] if record else []


def _write(rows: Sequence[Mapping[str, str | float]], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {"trial_id": pyarrow.string(), **dict.fromkeys(("step", "epoch", "timestamp"), pyarrow.int64())}
    names = dict.fromkeys([*kinds, *(name for row in rows for name in row)])
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in names])
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, compression="zstd")
