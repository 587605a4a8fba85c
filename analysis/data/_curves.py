"""The curves of a sweep's runs, with as few calls to MLflow as there can be."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from analysis.data.runs import RunRecord
from optimizers.cache import cache_folder
from optimizers.files import atomic_write, sealed_bytes, sha256_of, unsealed_bytes
from trainables.mlflow_contract import CURVES_FILE, Status, Tag, from_store, is_of_curve

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# A server answers several questions at once, and a database waits for its disk.
_READERS = 8
_POINT = ["step", "epoch", "timestamp"]
_KEY = ["run_id", "status"]


def read_curves(tracking_uri: str, summary_id: str, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Every evaluation of the runs: `run_id`, `step`, `epoch`, `timestamp` (milliseconds), and a column a metric.

    They come from the file that the sweep left with its summary run and, for runs that are not in it (of a sweep that
    has not ended, say), from MLflow's history, metric by metric. What belongs to runs that have ended is kept on this
    machine under their ids and outcomes, and is not asked for again.
    """
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri)
    told = [run for run in runs if _curve_metrics(run)]
    cache = cache_folder("curves") / f"{hashlib.sha256(f'{tracking_uri} {summary_id}'.encode()).hexdigest()[:32]}"
    known = _kept(_read_cache(cache), told)
    curves = [known]
    missing = _not_in(told, known)
    if missing:
        left = _kept(_left_by_driver(client, summary_id, missing), missing)
        curves += [left, *_histories(client, _not_in(missing, left))]
    found = pd.concat(curves, ignore_index=True) if missing else known
    if missing:
        _keep(found[~found["status"].isin((Status.RUNNING, Status.INTERRUPTED))], cache)
    return found.drop(columns="status").sort_values(["run_id", "step"], ignore_index=True)


def _curve_metrics(run: RunRecord) -> list[str]:
    return [name for name in run.metrics if is_of_curve(name)]


def _kept(curves: pd.DataFrame, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """The rows of those runs as they stand now: one that was opened again has another status."""
    wanted = pd.MultiIndex.from_tuples([(run.run_id, run.status_reason) for run in runs], names=_KEY)
    return curves[pd.MultiIndex.from_frame(curves[_KEY]).isin(wanted)]


def _not_in(runs: Sequence[RunRecord], curves: pd.DataFrame) -> list[RunRecord]:
    there = set(curves["run_id"])
    return [run for run in runs if run.run_id not in there]


def _left_by_driver(client: MlflowClient, summary_id: str, runs: Sequence[RunRecord]) -> pd.DataFrame:
    """The sweep's own file, for those runs that had ended when it was written."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            contents = Path(client.download_artifacts(summary_id, CURVES_FILE, folder)).read_bytes()
            digest = client.get_run(summary_id).data.tags.get(Tag.CURVES_SHA256)
        except Exception:  # noqa: BLE001 - each kind of artifact store raises its own; the history has everything
            return no_curves()
    if digest not in (None, sha256_of(contents)):  # files of before have none
        return no_curves()
    curves = _of_parquet(contents)
    of = {run.trial_id: run for run in runs}
    if "trial_id" not in curves:
        return no_curves()
    curves = curves[curves["trial_id"].isin(of)]
    ids = curves["trial_id"].map({name: run.run_id for name, run in of.items()})
    status = curves["trial_id"].map({name: run.status_reason for name, run in of.items()})
    return curves.drop(columns="trial_id").assign(run_id=ids, status=status)


def _histories(client: MlflowClient, runs: Sequence[RunRecord]) -> list[pd.DataFrame]:
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda run: _history(client, run), runs))


def _history(client: MlflowClient, run: RunRecord) -> pd.DataFrame:
    """One run's evaluations, each of which MLflow knows as values of several metrics at one step."""
    metrics = {}
    for name in _curve_metrics(run):
        points = client.get_metric_history(run.run_id, name)
        metrics[name] = pd.Series({point.step: from_store(point.value) for point in points})
        metrics["timestamp"] = pd.Series({point.step: point.timestamp for point in points}).combine_first(
            metrics.get("timestamp", pd.Series(dtype="int64"))
        )
    curve = pd.DataFrame(metrics).rename_axis("step").sort_index().reset_index()
    return curve.assign(epoch=range(1, len(curve) + 1), run_id=run.run_id, status=run.status_reason)


def no_curves() -> pd.DataFrame:
    """The table of curves without a row."""
    return pd.DataFrame(
        {**{name: pd.Series(dtype=str) for name in _KEY}, **dict.fromkeys(_POINT, pd.Series(dtype=int))}
    )


def _read_cache(path: Path) -> pd.DataFrame:
    """Nothing where there is no file, or a damaged one: what it held is asked for again."""
    try:
        return _of_parquet(unsealed_bytes(path.read_bytes()))
    except (OSError, ValueError):
        return no_curves()


def _of_parquet(contents: bytes) -> pd.DataFrame:
    """Nothing where it is damaged."""
    try:
        return pd.read_parquet(io.BytesIO(contents))
    except (OSError, ValueError):
        return no_curves()


def _keep(curves: pd.DataFrame, path: Path) -> None:
    """Where the cache cannot be written, the next reading takes as long as this one."""
    with suppress(OSError), atomic_write(path) as temporary:
        temporary.write_bytes(sealed_bytes(curves.to_parquet(index=False)))
