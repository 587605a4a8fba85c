"""A sweep's experiment and runs in MLflow: made once, found again, and mended where somebody deleted them."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.tracking.mlflow_errors import is_absent, is_lasting
from cluster.tracking.run_description import MetricRow, RunDescription, changed_parameter
from search_spaces.stores.addresses import is_server
from search_spaces.stores.databases import make_whole
from trainables.mlflow_contract import MlflowStatus, Status, Tag, tagged

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

# log_batch takes 1,000 entities, of which 100 parameters and 100 tags; no run here has nearly as many of those.
MAX_BATCH = 1000
EXPERIMENT = "the experiment"
_DELETED = "deleted"


class TrackedRuns:
    """The runs of one sweep; every call may raise, and may be repeated after it has.

    Attributes:
        experiment_id: Empty before the first :meth:`connect`.
        ids: MLflow's ids of the runs that are there, by ``trial_id``.
        closed: Trial ids of the runs that are closed and whole.
        incomplete: Trial ids of the runs of which an earlier driver could not send everything.
    """

    def __init__(
        self,
        uri: str,
        experiment_name: str,
        sweep_id: str,
        artifact_root: Path,
        on_refusal: Callable[[RunDescription, Exception], None],
        on_loss: Callable[[str, str], None],
    ) -> None:
        """``on_refusal`` is told of parameters that a run does not take; ``on_loss`` of what was deleted for good."""
        self.experiment_id = ""
        self.ids: dict[str, str] = {}
        self.closed: set[str] = set()
        self.incomplete: set[str] = set()
        self._uri, self._experiment_name, self._sweep_id = uri, experiment_name, sweep_id
        self._artifact_root, self._on_refusal, self._on_loss = artifact_root, on_refusal, on_loss
        self._client: MlflowClient | None = None
        self._found: dict[str, Run] = {}
        self._attempted: set[str] = set()
        self._opened: set[str] = set()
        # By MLflow's ids of runs: names and steps of the values that are there.
        self._there: dict[str, set[tuple[str, int]]] = defaultdict(set)

    @property
    def client(self) -> MlflowClient:
        if self._client is None:
            raise RuntimeError("the tracker has not connected")
        return self._client

    def connect(self) -> None:
        """Find the experiment and its runs, making the database and the experiment where they are missing."""
        logging.getLogger("alembic").setLevel(logging.ERROR)
        from mlflow import MlflowClient

        make_whole(self._uri, _make_tables)
        self._client = MlflowClient(tracking_uri=self._uri)
        self.experiment_id = self._experiment()
        self._find_runs()

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(self._experiment_name)
        if found is None:
            # A server keeps artifacts where its owner says; a local database would put them into the current folder.
            folder = self._artifact_root.resolve() / self._experiment_name.replace("/", "-")
            location = None if is_server(self._uri) else folder.as_uri()
            try:
                return self.client.create_experiment(self._experiment_name, artifact_location=location)
            except MlflowException:
                found = self.client.get_experiment_by_name(self._experiment_name)
                if found is None:
                    raise
        if found.lifecycle_stage == _DELETED:
            self.client.restore_experiment(found.experiment_id)
        return found.experiment_id

    def look_again(self) -> None:
        """Find out anew which runs are closed and whole: somebody may have deleted some."""
        self.closed.clear()
        self._found.clear()
        self._find_runs()

    def _find_runs(self) -> None:
        from mlflow.entities import ViewType

        for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY):
            for run in self._search(tagged(Tag.SWEEP_ID, self._sweep_id), view):
                self._adopt(run)

    def _search(self, where: str, view: int) -> list[Run]:
        found, token = [], None
        while True:
            page = self.client.search_runs([self.experiment_id], where, view, max_results=1000, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _adopt(self, run: Run) -> None:
        """Take a run as that of its trial; of several the newest that is not deleted, which come first."""
        tags, trial_id = run.data.tags, run.data.tags.get(Tag.TRIAL_ID, "")
        known = self._found.setdefault(trial_id, run)
        if known is not run:
            made_twice = run.data.params == known.data.params and run.info.lifecycle_stage != _DELETED
            if made_twice and known.info.run_id != run.info.run_id:  # the answer to the first attempt was lost
                self.client.delete_run(run.info.run_id)
            return
        self.ids[trial_id] = run.info.run_id
        if tags.get(Tag.STATUS_INCOMPLETE):
            self.incomplete.add(trial_id)
        ended = run.info.status != MlflowStatus.RUNNING and tags.get(Tag.STATUS_REASON) != Status.INTERRUPTED
        if ended and trial_id not in self.incomplete and run.info.lifecycle_stage != _DELETED:
            self.closed.add(trial_id)

    def open(self, run: RunDescription, started: int) -> str:
        """Return the run's id; makes the run, or opens it again where it was closed or deleted."""
        if run.trial_id in self._opened:
            return self.ids[run.trial_id]
        found = self._found.get(run.trial_id)
        if found is not None and (change := changed_parameter(found, run)):
            # Such as after a study was restored from an older copy: the trial of that number is another one now.
            self._forget(run.trial_id)
            _warn(f"the run {found.info.run_id} of {run.trial_id} has another {change}; a new one is made beside it")
            found = None
        if found is not None:
            if found.info.lifecycle_stage == _DELETED:
                self._restore_run(run.trial_id)
            self.client.update_run(self.ids[run.trial_id], status=MlflowStatus.RUNNING)
            self._there[self.ids[run.trial_id]] = {(name, step) for name, _, _, step in self.curve(run.trial_id)}
            self.closed.discard(run.trial_id)
        elif run.trial_id not in self.ids:
            self.ids[run.trial_id] = self._create(run, started)
        run_id = self.ids[run.trial_id]
        try:
            self.write(run_id, params=run.params, tags={Tag.NOTE: run.note(run_id)} if run.note else {})
        except Exception as error:
            if not is_lasting(error):
                raise
            self._on_refusal(run, error)  # the rest of the run can be logged without its parameters
        self._opened.add(run.trial_id)
        return run_id

    def reopen(self, trial_id: str) -> None:
        """Have the next :meth:`open` send the run's parameters again."""
        self._opened.discard(trial_id)

    def _create(self, run: RunDescription, started: int) -> str:
        if run.trial_id in self._attempted:
            from mlflow.entities import ViewType

            same = f"{tagged(Tag.SWEEP_ID, self._sweep_id)} and {tagged(Tag.TRIAL_ID, run.trial_id)}"
            for made in self._search(same, ViewType.ACTIVE_ONLY):
                if not changed_parameter(made, run):
                    return made.info.run_id
        self._attempted.add(run.trial_id)
        tags = {**run.tags, Tag.SWEEP_ID: self._sweep_id, Tag.TRIAL_ID: run.trial_id}
        return self.client.create_run(self.experiment_id, started, tags, run_name=run.trial_id).info.run_id

    def close(self, trial_id: str, status: MlflowStatus, ended: int) -> None:
        """Close a run that is open, with MLflow's status and time."""
        self.client.set_terminated(self.ids[trial_id], status, end_time=ended)
        self.closed.add(trial_id)

    def mend(self, trial_id: str) -> bool:
        """Look, after a refusal, for what was deleted of the experiment and of a run, and restore it.

        Returns:
            Whether anything was mended, so that the call is worth repeating.

        Raises:
            Exception: MLflow's error where the server refuses this question too, or does not answer it.
        """
        try:
            experiment = self.client.get_experiment(self.experiment_id)
        except Exception as error:
            if not is_absent(error):
                raise
            for known in (self.ids, self._found, self.closed, self._attempted, self._opened):
                known.clear()
            self.connect()
            self._on_loss(EXPERIMENT, "the experiment was deleted for good; a new one is made")
            return True
        if experiment.lifecycle_stage == _DELETED:
            self.client.restore_experiment(self.experiment_id)
            _warn("the experiment was deleted; it is restored")
            return True
        return trial_id in self.ids and self._mend_run(trial_id)

    def _mend_run(self, trial_id: str) -> bool:
        try:
            run = self.client.get_run(self.ids[trial_id])
        except Exception as error:
            if not is_absent(error):
                raise
            self._forget(trial_id)
            self._on_loss(trial_id, f"the run of {trial_id} was deleted for good; a new one is made")
            return True
        if run.info.lifecycle_stage != _DELETED:
            return False
        self._restore_run(trial_id)
        return True

    def _restore_run(self, trial_id: str) -> None:
        self.client.restore_run(self.ids[trial_id])
        _warn(f"the run of {trial_id} was deleted; it is restored")
        self._opened.discard(trial_id)

    def _forget(self, trial_id: str) -> None:
        self.ids.pop(trial_id, None)
        self._found.pop(trial_id, None)
        self._opened.discard(trial_id)

    def write(
        self,
        run_id: str,
        *,
        rows: Sequence[MetricRow] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics, parameters and tags of a run in batches.

        A metric that has a value at a step is not written again: that of a trial which was trained again, from an older
        checkpoint, differs in nothing but its time.
        """
        from mlflow.entities import Metric, Param, RunTag

        new = [row for row in rows if (row[0], row[3]) not in self._there[run_id]]
        entities = [
            *(Param(key, str(value)) for key, value in (params or {}).items()),
            *(RunTag(key, value) for key, value in (tags or {}).items()),
            *(Metric(*row) for row in new),
        ]
        for start in range(0, len(entities), MAX_BATCH):
            batch = entities[start : start + MAX_BATCH]
            self.client.log_batch(
                run_id,
                metrics=[entity for entity in batch if isinstance(entity, Metric)],
                params=[entity for entity in batch if isinstance(entity, Param)],
                tags=[entity for entity in batch if isinstance(entity, RunTag)],
            )
        self._there[run_id] |= {(row[0], row[3]) for row in new}

    def curve(self, trial_id: str) -> list[MetricRow]:
        """Return all that MLflow holds of a run's metrics: name, value, time in ms and step."""
        if trial_id not in self.ids:
            return []
        run_id = self.ids[trial_id]
        return [
            (name, point.value, point.timestamp, point.step)
            for name in self.client.get_run(run_id).data.metrics
            for point in self.client.get_metric_history(run_id, name)
        ]


def _make_tables(uri: str) -> None:
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(uri, DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH).engine.dispose()


def now_ms() -> int:
    """Return milliseconds since 1970, as MLflow counts; when something happened, and not when the server took it."""
    return round(time.time() * 1000)


def _warn(message: str) -> None:
    logging.getLogger("adamant").warning("MLflow: %s", message)
