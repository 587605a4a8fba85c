"""The Ray Tune Trainable: one step is the training between two decisions of the scheduler.

The driver imports this module too, to name the class; torch and the training wait until a trial runs.
"""

from __future__ import annotations

import sys
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.util import get_node_ip_address

from optimizers.errors import one_line
from trainables.mlflow_contract import Status
from trainables.spec import TrialSpec
from trainables.training.lost_contact import LostContactError
from trainables.tune._open_run import open_run
from trainables.tune._team import Team
from trainables.tune.bundle import bundle
from trainables.tune.checkpoint import TrialFolder
from trainables.tune.heartbeat import beating
from trainables.tune.summary import last_values

if TYPE_CHECKING:
    from trainables.training.training_run import Training

# Between two looks at what else is to be done: so many steps at most, and about so many seconds.
MOST_STEPS, CHUNK_S = 100, 2.0
# A diverged trial must look worse than any other to a scheduler that compares plain numbers.
WORST_OBJECTIVE = sys.float_info.max / 1e6


class Trial(tune.Trainable):
    """Runs the :class:`TrialSpec` under ``config["spec"]``.

    Further keys of ``config``: ``folder`` (the trial's own), ``session``, ``code``, the folder of the user's code that
    the spec names, or None; ``data_root``; ``workers``, the processes
    that train it together, with ``cpus`` and ``gpus`` each, on GPUs of the kind ``accelerator`` or, for None, on any;
    and ``decisions``, the epochs after which the scheduler may decide, the last of which is the end. A member of a
    population goes on from the state in the folder ``parent`` after ``since`` epochs, and leaves its own to others.
    ``tradeoffs`` are further metrics that the study hears of. Between decisions a long trial is saved every
    ``checkpoint_seconds``, so that a lost node costs no more than this. Whoever waits for it sees by its heartbeat, a
    file, that it makes progress, and may end what makes none for ``trial_timeout`` seconds.

    A result holds ``epoch``, ``objective`` (the metric; ``WORST_OBJECTIVE`` for a diverged trial), ``decided`` (pairs
    of an epoch and the metric after it, for all decisions so far), ``curve`` (the points since the last result; after a
    restart all of them), ``warnings`` and, with ``done``, ``tradeoffs`` and ``outcome``, whose ``status`` is finished,
    diverged, failed or interrupted. An error in a trial is such a result and not an exception, because what ends in one
    is issued again; when one of a trial's processes dies or has no memory left, the trial does end in one, and goes on
    from its checkpoint in a new process. Interrupted is a trial that met an OSError: no configuration can cause one, so
    the machine is to be mended, and then the trial goes on.
    """

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        of_worker = bundle(config["cpus"], config["gpus"], config["accelerator"])
        return tune.PlacementGroupFactory([of_worker] * config["workers"])

    def setup(self, config: dict[str, Any]) -> None:
        self._team: Team | None = None
        self._begin(config)

    def _begin(self, config: dict[str, Any]) -> None:
        self._config = config
        self._spec = TrialSpec.from_dict(config["spec"])
        self._folder = TrialFolder(config["folder"], config["session"])
        self._training: Training | None = None
        self._recorded: dict[str, Any] | None = None
        self._warnings: list[str] = []
        self._points_sent = 0
        self._resend = False

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """A reused actor keeps nothing of the trial before but its processes and the shared data."""
        if self._team is not None and self._team.size != new_config["workers"]:
            self.cleanup()
        self._begin(new_config)
        return True

    def cleanup(self) -> None:
        """The other processes of a trial end with its actor."""
        if self._team is not None:
            self._team.stop()
            self._team = None

    def step(self) -> dict[str, Any]:
        try:
            with beating(self._folder.path, self._config["trial_timeout"]) as self._beat:
                return self._train_to_next_decision()
        except Exception as error:
            self._training = None
            self.cleanup()  # where the others stand now is not known
            if isinstance(error, LostContactError | ChildProcessError | MemoryError) or _is_out_of_memory(error):
                raise
            return self._failure(error)

    def _train_to_next_decision(self) -> dict[str, Any]:
        if self._training is None and self._recorded is None:
            self._start()
        self._beat()
        if self._recorded is not None:
            return self._result(self._recorded)
        training = self._training
        if training is None:
            raise RuntimeError("a trial was stepped after its end")
        if not self._resend:
            self._train(training)
            if self._folder.is_stopped():
                return self._result(self._record(training))
        self._resend = False
        record = self._record(training)
        if not training.finished:  # also for those that go on from here
            self._save(training)
        self._warnings += self._folder.write_record(record)
        return self._result(record)

    def _start(self) -> None:
        """Build everything afresh, or from what an earlier driver or process left in the trial's folder."""
        recorded, self._warnings = self._folder.read_record()
        if recorded is not None and recorded["spec"] != self._spec.to_dict():
            raise FileExistsError(
                f"{self._folder.path} holds the record of another configuration; move it away and resume"
            )
        if recorded is not None and "outcome" in recorded:
            self._recorded = recorded
            return
        config = self._config
        if config["workers"] > 1:
            self._team = self._team or Team(config["workers"], config["cpus"], config["gpus"])
        self._training = open_run(config) if self._team is None else self._team.open(config)
        state, warnings = self._folder.load_checkpoint()
        self._warnings += warnings
        if state is None and self._config.get("parent"):
            self._inherit(self._training, TrialFolder(self._config["parent"]))
        if state is not None:
            self._load(self._training, state, self._folder)
            # The driver may not have heard of the decision at which this was saved, so it is told again.
            self._resend = self._at_decision(self._training)

    def _inherit(self, training: Training, parent: TrialFolder) -> None:
        state, warnings = parent.load_checkpoint()
        if state is None or state["step"] != self._config["since"] * training.steps_per_epoch:
            raise FileNotFoundError(f"{parent.path} holds no state after {self._config['since']} epochs to go on from")
        self._warnings += warnings
        self._load(training, state, parent, inherited=True)

    def _load(self, training: Training, state: dict[str, Any], folder: TrialFolder, inherited: bool = False) -> None:
        try:
            training.load_state_dict(state, inherited)
        except ValueError as error:  # such as data that was changed meanwhile, which is no fault of a configuration
            raise FileExistsError(
                f"{folder.path} holds a checkpoint that cannot be gone on from: {error}; mend this, or move it away"
            ) from error
        if self._team is not None:
            self._team.load(training, folder.path, inherited)

    def _ended(self, training: Training) -> bool:
        return training.finished or training.epoch >= self._config["decisions"][-1]

    def _at_decision(self, training: Training) -> bool:
        return training.step % training.steps_per_epoch == 0 and training.epoch in self._config["decisions"]

    def _train(self, training: Training) -> None:
        next_epoch = min(epoch for epoch in self._config["decisions"] if epoch > training.epoch)
        until = next_epoch * training.steps_per_epoch
        saved = time.monotonic()
        while training.step < until and not training.finished:
            steps = min(until - training.step, _steps_of_chunk(training))
            training.advance(steps) if self._team is None else self._team.advance(training, steps)
            self._beat()
            for picture in training.take_pictures():
                self._folder.write_picture(*picture)
            if self._folder.is_stopped():
                return
            if time.monotonic() - saved > self._config["checkpoint_seconds"] and training.step < until:
                self._save(training)
                saved = time.monotonic()

    def _save(self, training: Training) -> None:
        state = training.state_dict() if self._team is None else self._team.state_dict(training)
        self._folder.save_checkpoint(state, training.step)

    def _record(self, training: Training) -> dict[str, Any]:
        from trainables.training.processors import processor_of

        record = {
            "spec": self._spec.to_dict(),
            "fingerprint": training.data.fingerprint,
            "data_note": training.data.note,
            "node": get_node_ip_address(),
            "device": training.device_name,
            "processor": processor_of(training.device),
            "step": training.step,
            "epoch": training.epoch,
            "curve": training.curve,
            "train_seconds": training.train_seconds,
            "inherited_steps": self._config.get("since", 0) * training.steps_per_epoch,
        }
        if self._ended(training):
            tested = training.test_metrics() if self._spec.test and not training.diverged else {}
            record["outcome"] = {
                "status": Status.DIVERGED if training.diverged else Status.FINISHED,
                "test": tested,
                "weights_sha256": training.weights_sha256(),
            }
        return record

    def _result(self, record: dict[str, Any]) -> dict[str, Any]:
        curve, outcome = record["curve"], record.get("outcome")
        diverged = outcome is not None and outcome["status"] == Status.DIVERGED
        worst = WORST_OBJECTIVE if self._spec.goal == "minimize" else -WORST_OBJECTIVE
        result = {
            "epoch": max(record["epoch"], 1),
            "step": record["step"],
            "objective": worst if diverged or not curve else curve[-1][self._spec.metric],
            "decided": [
                (point["epoch"], point[self._spec.metric])
                for point in curve
                if point["epoch"] in self._config["decisions"]
            ],
            "curve": curve[self._points_sent :],
            "train_seconds": record["train_seconds"],
            "fingerprint": record["fingerprint"],
            "warnings": self._warnings,
            "done": outcome is not None,
            "outcome": outcome,
            "tradeoffs": last_values(record, self._config["tradeoffs"]) if outcome and curve else [],
        }
        self._points_sent, self._warnings = len(curve), []
        return result

    def _failure(self, error: Exception) -> dict[str, Any]:
        with suppress(OSError):  # the error may well be that nothing can be written there
            (self._folder.path / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        status = Status.INTERRUPTED if isinstance(error, OSError) else Status.FAILED
        reason = f"{type(error).__name__}: {one_line(error)}"
        return {
            "epoch": 1,
            "step": 0,
            "objective": WORST_OBJECTIVE if self._spec.goal == "minimize" else -WORST_OBJECTIVE,
            "decided": [],
            "curve": [],
            "train_seconds": 0.0,
            "fingerprint": "",
            "warnings": self._warnings,
            "done": True,
            "outcome": {"status": status, "reason": reason[:500], "test": {}, "weights_sha256": ""},
        }


def _steps_of_chunk(training: Training) -> int:
    """Return how many steps take some seconds, by those so far."""
    if not training.train_seconds:
        return 1
    return min(MOST_STEPS, max(1, int(CHUNK_S * training.step / training.train_seconds)))


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether a GPU has no memory left. On the CPU torch raises a plain RuntimeError for one huge tensor."""
    import torch

    return isinstance(error, torch.OutOfMemoryError)
