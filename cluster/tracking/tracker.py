"""MLflow tracking off the training path: one background thread, batches, and calls that may be repeated.

A server that is away is waited for. What it refuses for good is told, and holds up nothing else.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.tracking._logged_pictures import Pictures
from cluster.tracking._tracked_runs import EXPERIMENT, TrackedRuns, now_ms
from cluster.tracking.mlflow_errors import is_lasting, reason
from cluster.tracking.run_description import MetricRow, RunDescription, metric_rows
from trainables.mlflow_contract import EXPERIMENT_PREFIX, Status, Tag, tagged

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


@dataclass(frozen=True)
class Trouble:
    """Why nothing is written at present; ``lasting`` where the server answers, and refuses whatever it is asked."""

    reason: str
    lasting: bool

    def __str__(self) -> str:
        return f"{'refuses' if self.lasting else 'does not answer'} ({self.reason})"


@dataclass(frozen=True)
class _Job:
    """A call, and the run that it is for; None for the experiment itself."""

    call: Callable[[], None]
    run: RunDescription | None = None

    @property
    def trial_id(self) -> str:
        return self.run.trial_id if self.run else ""


class Tracker:
    """Writes the runs of one sweep to its experiment, ``adamant/<sweep>``.

    Every call returns at once. Calls are carried out in order and repeated until the server takes them, so each of them
    can be repeated without harm: runs are found by tag before they are made, and a metric that is there with the same
    step, time and value is not written twice. A call that the server refuses for good is left out, after what somebody
    deleted of it has been restored.

    Attributes:
        trouble: Why nothing can be written at present, or None.
        refused: What MLflow does not hold whole: a run's ``trial_id``, or ``the experiment``, and the reason.
    """

    def __init__(self, tracking_uri: str, sweep_name: str, sweep_id: str, artifact_root: Path) -> None:
        self.trouble: Trouble | None = None
        self.refused: dict[str, str] = {}
        self._sweep_id = sweep_id
        self._runs = TrackedRuns(
            tracking_uri, f"{EXPERIMENT_PREFIX}{sweep_name}", sweep_id, artifact_root, self._refuse, self._lose
        )
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._closing = threading.Event()
        self._ready = threading.Event()
        self._live: dict[str, RunDescription] = {}
        self._started: dict[str, int] = {}
        self._pictures = Pictures()
        self._thread = threading.Thread(target=self._work, name="mlflow-tracking", daemon=True)
        self._submit(self._connect)
        self._thread.start()

    def log(self, run: RunDescription, curve: Sequence[Mapping[str, float]]) -> None:
        """Add points of a curve (step, timestamp and metrics each), making the run if it is not there."""
        self._live[run.trial_id] = run
        self._started.setdefault(run.trial_id, now_ms())
        self._submit(lambda: self._log(run, metric_rows(curve)), run)

    def send_again(self, run: RunDescription) -> None:
        """Forget what was refused of a run, all of which follows once more."""

        def carry_out() -> None:
            if self.refused.pop(run.trial_id, None) is not None:
                self._runs.reopen(run.trial_id)

        self._submit(carry_out, run)

    def end(
        self,
        run: RunDescription,
        status: Status,
        tags: Mapping[str, str] | None = None,
        points: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Close a run with its last tags and points of its curve."""
        self._live.pop(run.trial_id, None)
        ended = now_ms()

        def carry_out() -> None:
            if run.trial_id in self._runs.closed:
                return
            last = {Tag.STATUS_REASON: status, **(tags or {}), **self._completeness(run)}
            self._log(run, metric_rows(points), last)
            self._runs.close(run.trial_id, status.mlflow, ended)

        self._submit(carry_out, run)

    def artifact(self, run: RunDescription, path: Path, place: str | None = None) -> None:
        """Log a file or the files of a folder to a run, into the folder ``place`` of its artefacts."""

        def carry_out() -> None:
            client = self._runs.client
            log = client.log_artifacts if path.is_dir() else client.log_artifact
            log(self._open(run), str(path), place)

        self._submit(carry_out, run)

    def tag(self, run: RunDescription, tags: Mapping[str, str]) -> None:
        """Set tags of a run, making it if it is not there."""
        self._submit(lambda: self._log(run, [], tags), run)

    def text(self, run: RunDescription, name: str, text: str) -> None:
        """Log a text as a file of that name to a run."""
        self._submit(lambda: self._runs.client.log_text(self._open(run), text, name), run)

    def dataset(self, run: RunDescription, fingerprint: str) -> None:
        """Log the data set of a run as its input; MLflow keeps equal inputs of a run once."""
        data = run.data
        if data is not None:
            self._submit(lambda: self._runs.client.log_inputs(self._open(run), [data.as_input(fingerprint)]), run)

    def pictures(self, run: RunDescription, files: Sequence[tuple[int, str, Path]]) -> None:
        """Log images, each with its step and name, to a run; those that it has already are left out."""
        if files:
            self._submit(lambda: self._pictures.log(self._runs.client, self._open(run), files), run)

    def interrupt(self) -> None:
        """Close every run that is under way as KILLED, to be opened again by a resume."""
        for run in list(self._live.values()):
            self.end(run, Status.INTERRUPTED)

    def tag_experiment(self, tags: Mapping[str, str]) -> None:
        """Set tags of the experiment itself."""

        def carry_out() -> None:
            for key, value in tags.items():
                self._runs.client.set_experiment_tag(self._runs.experiment_id, key, value)

        self._submit(carry_out)

    def experiment_id(self) -> str:
        """Id of the experiment; waits for the first answer of the tracking server, at most a minute."""
        self._ready.wait(60)
        return self._runs.experiment_id

    def run_id(self, run: RunDescription) -> str:
        """Id of a run that is written; empty before that."""
        return self._runs.ids.get(run.trial_id, "")

    def find(self, where: str, order_by: str, most: int) -> list[str]:
        """Ids of this sweep's runs by a filter and an order of MLflow's, at most ``most``.

        Waits, as :meth:`flush` does, until everything called so far is written; none where it is not in time.
        """
        found: list[str] = []

        def carry_out() -> None:
            mine = f"{tagged(Tag.SWEEP_ID, self._sweep_id)} and {where}"
            experiments = [self._runs.experiment_id]
            runs = self._runs.client.search_runs(experiments, mine, max_results=most, order_by=[order_by])
            found[:] = [run.info.run_id for run in runs]

        self._submit(carry_out)
        return found if self.flush() else []

    def curves(self, trial_ids: Sequence[str]) -> dict[str, list[MetricRow]]:
        """Every metric that MLflow holds of these trials: name, value, time in ms and step.

        Waits, as :meth:`flush` does, until everything called so far is written; none where it is not in time.
        """
        found: dict[str, list[MetricRow]] = {}
        self._submit(lambda: found.update({trial_id: self._runs.curve(trial_id) for trial_id in trial_ids}))
        return found if self.flush() else {}

    def closed_runs(self) -> set[str]:
        """Trial ids whose runs were closed, other than by an interruption, when the tracker connected."""
        self._ready.wait(FLUSH_TIMEOUT_S)
        return set(self._runs.closed)

    def closed_runs_now(self) -> set[str]:
        """Trial ids of the runs that are closed and not deleted; waits until everything called so far is written."""
        self._submit(self._runs.look_again)
        self.flush()
        return set(self._runs.closed)

    def flush(self, timeout: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until everything called so far is written or refused, at most ``timeout`` seconds; whether it is."""
        written = threading.Event()
        self._submit(written.set)
        return written.wait(timeout)

    def close(self, timeout: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until everything is written, at most ``timeout`` seconds; whether it was."""
        self._queue.put(None)
        self._thread.join(timeout)
        self._closing.set()
        return not self._thread.is_alive()

    def _submit(self, call: Callable[[], None], run: RunDescription | None = None) -> None:
        self._queue.put(_Job(call, run))

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            for attempt in itertools.count(1):
                if self._closing.is_set():
                    break
                try:
                    self._carry_out(job)
                    self.trouble = None
                    break
                except Exception as error:  # noqa: BLE001 - whatever the server does, training goes on and nothing is dropped
                    self._tell(error, attempt)
                    self._closing.wait(RETRY_PAUSE_S)

    def _carry_out(self, job: _Job) -> None:
        """Do a job, or leave it out when it is refused. Raises where the server is away or refuses everything."""
        while True:
            try:
                job.call()
            except Exception as error:
                if not is_lasting(error) or not self._ready.is_set():
                    raise
                if self._runs.mend(job.trial_id):
                    continue
                self._refuse(job.run, error)
            return

    def _refuse(self, run: RunDescription | None, error: Exception) -> None:
        """Note, and say once a run, that a part of it is not in MLflow."""
        name = run.trial_id if run else EXPERIMENT
        if name not in self.refused:
            logging.getLogger("adamant").warning("MLflow refuses a part of %s (%s)", name, reason(error))
        self.refused.setdefault(name, reason(error))

    def _lose(self, name: str, what: str) -> None:
        """Note, and say, that what MLflow held of a run or of the experiment was deleted for good."""
        logging.getLogger("adamant").warning("MLflow: %s", what)
        self.refused[name] = what

    def _tell(self, error: Exception, attempt: int) -> None:
        """Say, once in a row of attempts, why nothing is written."""
        self.trouble = Trouble(reason(error), is_lasting(error))
        if attempt == (1 if self.trouble.lasting else ATTEMPTS_BEFORE_A_WARNING):
            logging.getLogger("adamant").warning("MLflow %s; trying until it takes the runs", self.trouble)

    def _connect(self) -> None:
        self._runs.connect()
        self._ready.set()

    def _open(self, run: RunDescription) -> str:
        return self._runs.open(run, self._started.get(run.trial_id, now_ms()))

    def _log(self, run: RunDescription, rows: Sequence[MetricRow], tags: Mapping[str, str] | None = None) -> None:
        self._runs.write(self._open(run), rows=rows, tags=tags or {})

    def _completeness(self, run: RunDescription) -> dict[str, str]:
        """The tag by which a resume finds a run that it has to send again; blank on one that it has."""
        why = self.refused.get(run.trial_id, "")
        return {Tag.STATUS_INCOMPLETE: why} if why or run.trial_id in self._runs.incomplete else {}
