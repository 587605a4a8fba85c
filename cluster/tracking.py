"""MLflow tracking off the training path: one background thread, batches, and calls that may be repeated."""

from __future__ import annotations

import itertools
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.pictures import Pictures
from cluster.run_description import MetricRow, RunDescription, metric_rows

if TYPE_CHECKING:
    from mlflow import MlflowClient

# log_batch takes 1,000 entities, of which 100 parameters and 100 tags; no run here has nearly as many of those.
MAX_BATCH = 1000
# MLflow's own tag for what a run's page shows as its description.
NOTE_TAG = "mlflow.note.content"
RETRY_PAUSE_S = 2.0
ATTEMPTS_BEFORE_A_WARNING = 3
# How long a finished sweep waits for a tracking server that is away before it leaves the rest to a resume.
FLUSH_TIMEOUT_S = 300.0

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "1")
# MLflow speaks of its database migrations, of every file it fetches, and of errors that are told and handled here.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Of a server it prints two lines for every run that ends.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# A server that is away is waited for here, in order and without a limit, so MLflow's own retries stay short.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


class Tracker:
    """Writes the runs of one sweep to its experiment, ``adamant/<sweep>``.

    Every call returns at once. Calls are carried out in order and repeated until the server takes them, so each of them
    can be repeated without harm: runs are found by tag before they are made, and a metric that is there with the same
    step, time and value is not written twice.
    """

    def __init__(self, tracking_uri: str, sweep_name: str, sweep_id: str, artifact_root: Path) -> None:
        self._uri, self._experiment_name, self._sweep_id = tracking_uri, f"adamant/{sweep_name}", sweep_id
        self._artifact_root = artifact_root
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._closing = threading.Event()
        self._ready = threading.Event()
        self._client: MlflowClient | None = None
        self._experiment_id = ""
        self._run_ids: dict[str, str] = {}
        self._attempted: set[str] = set()
        self._opened: set[str] = set()
        self._closed_runs: set[str] = set()
        self._live: dict[str, RunDescription] = {}
        self._started: dict[str, int] = {}
        self._pictures = Pictures()
        self._thread = threading.Thread(target=self._work, name="mlflow-tracking", daemon=True)
        self._submit(self._connect)
        self._thread.start()

    def log(self, run: RunDescription, curve: Sequence[Mapping[str, float]]) -> None:
        """Add points of a curve (step, timestamp and metrics each), making the run if it is not there."""
        self._live[run.trial_id] = run
        self._started.setdefault(run.trial_id, _now())
        self._submit(lambda: self._log(run, metric_rows(curve)))

    def end(
        self,
        run: RunDescription,
        status: str,
        tags: Mapping[str, str],
        points: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Close a run as FINISHED, KILLED or FAILED with its last tags and points of its curve."""
        self._live.pop(run.trial_id, None)
        ended = _now()

        def carry_out() -> None:
            if run.trial_id in self._closed_runs:
                return
            self._log(run, metric_rows(points), tags)
            self._mlflow.set_terminated(self._run_ids[run.trial_id], status, end_time=ended)
            self._closed_runs.add(run.trial_id)

        self._submit(carry_out)

    def artifact(self, run: RunDescription, path: Path) -> None:
        """Log a file or the files of a folder to a run."""

        def carry_out() -> None:
            run_id = self._run(run)
            log = self._mlflow.log_artifacts if path.is_dir() else self._mlflow.log_artifact
            log(run_id, str(path))

        self._submit(carry_out)

    def tag(self, run: RunDescription, tags: Mapping[str, str]) -> None:
        """Set tags of a run, making it if it is not there."""
        self._submit(lambda: self._log(run, [], tags))

    def text(self, run: RunDescription, name: str, text: str) -> None:
        """Log a text as a file of that name to a run."""
        self._submit(lambda: self._mlflow.log_text(self._run(run), text, name))

    def dataset(self, run: RunDescription, fingerprint: str) -> None:
        """Log the data set of a run as its input; MLflow keeps equal inputs of a run once."""
        data = run.data
        if data is not None:
            self._submit(lambda: self._mlflow.log_inputs(self._run(run), [data.as_input(fingerprint)]))

    def pictures(self, run: RunDescription, files: Sequence[tuple[int, str, Path]]) -> None:
        """Log images, each with its step and name, to a run; those that it has already are left out."""
        if files:
            self._submit(lambda: self._pictures.log(self._mlflow, self._run(run), files))

    def interrupt(self) -> None:
        """Close every run that is under way as KILLED, to be opened again by a resume."""
        for run in list(self._live.values()):
            self.end(run, "KILLED", {"status.reason": "interrupted"})

    def tag_experiment(self, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment itself."""

        def carry_out() -> None:
            for key, value in tags.items():
                self._mlflow.set_experiment_tag(self._experiment_id, key, value)

        self._submit(carry_out)

    def experiment_id(self) -> str:
        """Id of the experiment; waits for the first answer of the tracking server, at most a minute."""
        self._ready.wait(60)
        return self._experiment_id

    def run_id(self, run: RunDescription) -> str:
        """Id of a run that is written; empty before that."""
        return self._run_ids.get(run.trial_id, "")

    def find(self, where: str, order_by: str, most: int) -> list[str]:
        """Ids of this sweep's runs by a filter and an order of MLflow's, at most ``most``.

        Waits, as :meth:`flush` does, until everything called so far is written; none where it is not in time.
        """
        found: list[str] = []

        def carry_out() -> None:
            mine = f"tags.`sweep.id` = '{self._sweep_id}' and {where}"
            runs = self._mlflow.search_runs([self._experiment_id], mine, max_results=most, order_by=[order_by])
            found[:] = [run.info.run_id for run in runs]

        self._submit(carry_out)
        return found if self.flush() else []

    def closed_runs(self) -> set[str]:
        """Trial ids whose runs were closed, other than by an interruption, when the tracker connected."""
        self._ready.wait(FLUSH_TIMEOUT_S)
        return set(self._closed_runs)

    def flush(self, timeout: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until everything called so far is written, at most ``timeout`` seconds; whether it is."""
        written = threading.Event()
        self._submit(written.set)
        return written.wait(timeout)

    def close(self, timeout: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until everything is written, at most ``timeout`` seconds; whether it was."""
        self._queue.put(None)
        self._thread.join(timeout)
        self._closing.set()
        return not self._thread.is_alive()

    @property
    def _mlflow(self) -> MlflowClient:
        if self._client is None:
            raise RuntimeError("the tracker has not connected")
        return self._client

    def _submit(self, call: Callable[[], None]) -> None:
        self._queue.put(call)

    def _work(self) -> None:
        while (call := self._queue.get()) is not None:
            for attempt in itertools.count(1):
                if self._closing.is_set():
                    break
                try:
                    call()
                    break
                except Exception as error:  # noqa: BLE001 - whatever the server does, training goes on and nothing is dropped
                    if attempt == ATTEMPTS_BEFORE_A_WARNING:
                        reason = " ".join(str(error).split())[:200]
                        logging.getLogger("adamant").warning(
                            "MLflow does not answer (%s); trying until it does", reason
                        )
                    self._closing.wait(RETRY_PAUSE_S)

    def _connect(self) -> None:
        logging.getLogger("alembic").setLevel(logging.ERROR)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri=self._uri)
        experiment = client.get_experiment_by_name(self._experiment_name)
        if experiment is None:
            # A server keeps artifacts where its owner says; a local database would put them into the current folder.
            local = not self._uri.startswith("http")
            location = (self._artifact_root / self._experiment_name.replace("/", "-")).as_uri() if local else None
            try:
                self._experiment_id = client.create_experiment(self._experiment_name, artifact_location=location)
            except MlflowException:
                found = client.get_experiment_by_name(self._experiment_name)
                if found is None:
                    raise
                self._experiment_id = found.experiment_id
        else:
            self._experiment_id = experiment.experiment_id
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(self._experiment_id)
        self._client = client
        self._find_runs()
        self._ready.set()

    def _find_runs(self) -> None:
        token = None
        while True:
            page = self._mlflow.search_runs(
                [self._experiment_id], f"tags.`sweep.id` = '{self._sweep_id}'", max_results=1000, page_token=token
            )
            for run in page:
                self._adopt(run.data.tags, run.info.run_id, run.info.status)
            token = page.token
            if not token:
                return

    def _adopt(self, tags: Mapping[str, str], run_id: str, status: str) -> None:
        trial_id = tags.get("trial.id", "")
        if trial_id in self._run_ids:
            # Made twice because the answer to the first attempt was lost.
            self._mlflow.delete_run(run_id)
            return
        self._run_ids[trial_id] = run_id
        if status != "RUNNING" and tags.get("status.reason") != "interrupted":
            self._closed_runs.add(trial_id)

    def _run(self, run: RunDescription) -> str:
        """The run's id; makes the run, or opens it again when an interruption closed it."""
        if run.trial_id in self._opened:
            return self._run_ids[run.trial_id]
        if run.trial_id in self._run_ids:
            self._mlflow.update_run(self._run_ids[run.trial_id], status="RUNNING")
            self._closed_runs.discard(run.trial_id)
        else:
            self._run_ids[run.trial_id] = self._create(run)
        run_id = self._run_ids[run.trial_id]
        self._write(run_id, params=run.params, tags={NOTE_TAG: run.note(run_id)} if run.note else {})
        self._opened.add(run.trial_id)
        return run_id

    def _create(self, run: RunDescription) -> str:
        if run.trial_id in self._attempted:
            same = f"tags.`sweep.id` = '{self._sweep_id}' and tags.`trial.id` = '{run.trial_id}'"
            found = self._mlflow.search_runs([self._experiment_id], same, max_results=1)
            if found:
                return found[0].info.run_id
        self._attempted.add(run.trial_id)
        tags = {**run.tags, "sweep.id": self._sweep_id, "trial.id": run.trial_id}
        started = self._started.get(run.trial_id, _now())
        return self._mlflow.create_run(self._experiment_id, started, tags, run_name=run.trial_id).info.run_id

    def _log(self, run: RunDescription, rows: Sequence[MetricRow], tags: Mapping[str, str] | None = None) -> None:
        self._write(self._run(run), rows=rows, tags=tags or {})

    def _write(
        self,
        run_id: str,
        *,
        rows: Sequence[MetricRow] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        entities = [
            *(Param(key, str(value)) for key, value in (params or {}).items()),
            *(RunTag(key, value) for key, value in (tags or {}).items()),
            *(Metric(*row) for row in rows),
        ]
        for start in range(0, len(entities), MAX_BATCH):
            batch = entities[start : start + MAX_BATCH]
            self._mlflow.log_batch(
                run_id,
                metrics=[entity for entity in batch if isinstance(entity, Metric)],
                params=[entity for entity in batch if isinstance(entity, Param)],
                tags=[entity for entity in batch if isinstance(entity, RunTag)],
            )


def _now() -> int:
    """Milliseconds, as MLflow counts; when something happened, and not when the server took it."""
    return round(time.time() * 1000)
