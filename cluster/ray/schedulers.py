"""One Tune scheduler for a whole sweep: each arm has its own rungs, and confirmations always run to their end."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from optuna import Study
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from search_spaces import Sweep
from search_spaces.study.arm_studies import ArmStudies
from search_spaces.study.study import Assignment
from trainables.mlflow_contract import Role

# More of them in a trial would cost more than they save.
MOST_DECISIONS = 50
Decisions = Iterable[tuple[str, list[tuple[int, float]]]]


def decision_epochs(sweep: Sweep, epochs: int, assignment: Assignment) -> list[int]:
    """The epochs after which a run's fate may be decided: the rungs of a trial, and the end."""
    if assignment.role != Role.TRIAL:
        return [epochs]
    if assignment.until is not None:
        return [assignment.until]
    grace, rungs = sweep.scheduler.grace, []
    match sweep.scheduler.type:
        case "asha" | "hyperband":
            while grace < epochs:
                rungs.append(grace)
                grace *= sweep.scheduler.eta
        case "median":
            # Each decision is a message to the driver, so a long trial is looked at now and then.
            rungs = list(range(grace, epochs, max(1, epochs // MOST_DECISIONS)))
    return [*rungs, epochs]


def sweep_scheduler(
    arms: Mapping[str, ArmStudies], assignment: Callable[[str], Assignment], slots: Callable[[], int]
) -> SweepScheduler:
    """The scheduler of a whole sweep, standing where its studies say that it stood."""
    schedulers = {
        path: arm_scheduler(arm.sweep, arm.sweep.workload.evaluations, arm.search.study) for path, arm in arms.items()
    }
    scheduler = SweepScheduler(schedulers, assignment, slots)
    for path, arm in arms.items():
        scheduler.replay(path, arm.decisions())
    return scheduler


def arm_scheduler(sweep: Sweep, epochs: int, study: Study) -> TrialScheduler:
    """The scheduler of one arm, whose search is ``study``, with rungs at the epochs of :func:`decision_epochs`."""
    grace, eta = sweep.scheduler.grace, sweep.scheduler.eta
    match sweep.scheduler.type:
        case "asha":
            return AsyncHyperBandScheduler(
                time_attr="epoch",
                metric="objective",
                mode="min" if sweep.metric.goal == "minimize" else "max",
                max_t=epochs,
                grace_period=grace,
                reduction_factor=eta,
            )
        case "hyperband":
            return StudyScheduler(study, HyperbandPruner(grace, epochs, eta))
        case "median":
            return StudyScheduler(study, MedianPruner(n_startup_trials=5, n_warmup_steps=grace - 1))
    return FIFOScheduler()


class StudyScheduler(FIFOScheduler):
    """Stops what a pruner of Optuna's would stop, which looks at nothing but the study: so a resume changes nothing."""

    def __init__(self, study: Study, pruner: BasePruner) -> None:
        super().__init__()
        self._study, self._pruner = study, pruner

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        number = int(trial.trial_id.rpartition("/")[2])
        known = self._study.get_trials(deepcopy=False)[number]
        told = {**known.intermediate_values, result["epoch"]: result["objective"]}
        asked = copy.copy(known)
        asked.intermediate_values = told
        return TrialScheduler.STOP if self._pruner.prune(self._study, asked) else TrialScheduler.CONTINUE


class SweepScheduler(FIFOScheduler):
    """Delegates to one scheduler an arm; ``assignment`` tells what Tune's trial of an id runs.

    Arms go by ``Assignment.path``. ``slots`` says how many trials the cluster runs at once.
    """

    def __init__(
        self, arms: Mapping[str, TrialScheduler], assignment: Callable[[str], Assignment], slots: Callable[[], int]
    ) -> None:
        super().__init__()
        self._arms = arms
        self._assignment = assignment
        self._slots = slots

    def replay(self, arm: str, decisions: Decisions) -> None:
        """Put an arm's scheduler where it stood, by the values that the study recorded at each decision.

        One that looks at the study itself stands there already. A trial that runs again and tells its last value once
        more is then known at that rung, and goes on.
        """
        scheduler = self._arms[arm]
        if isinstance(scheduler, StudyScheduler):
            return
        for trial_id, values in decisions:
            recorded: Any = SimpleNamespace(trial_id=trial_id)
            controller: Any = None
            scheduler.on_trial_add(controller, recorded)
            for epoch, value in values:
                scheduler.on_trial_result(controller, recorded, {"epoch": epoch, "objective": value})
            scheduler.on_trial_remove(controller, recorded)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        scheduler, lasting = self._delegate(trial)
        scheduler.on_trial_add(tune_controller, lasting)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        scheduler, lasting = self._delegate(trial)
        return scheduler.on_trial_result(tune_controller, lasting, result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        # The rungs have heard every decision already; a last value that lies on none of them is not theirs.
        self.on_trial_remove(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        self.on_trial_remove(tune_controller, trial)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        scheduler, lasting = self._delegate(trial)
        scheduler.on_trial_remove(tune_controller, lasting)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The oldest pending trial, or the newest while an actor is starting.

        A free actor goes to the trial chosen here. Were that one whose own actor is still starting, Tune would stop
        that actor, and with short trials the second core would never come up. The newest has none.
        """
        trials = tune_controller.get_trials()
        live = [trial for trial in trials if trial.status in (Trial.PENDING, Trial.RUNNING)]
        pending = [trial for trial in live if trial.status == Trial.PENDING]
        if not pending or len(pending) == len(trials):
            return None
        every_actor_is_up = len(live) - len(pending) >= self._slots() - 1
        return pending[0] if every_actor_is_up else pending[-1]

    def debug_string(self) -> str:
        return "; ".join(f"{arm}: {scheduler.debug_string()}" for arm, scheduler in self._arms.items())

    def _delegate(self, trial: Trial) -> tuple[TrialScheduler, Any]:
        """The trial's scheduler, and the trial under the id that it keeps over all sessions.

        Tune's own id is new in each session, and a rung must not hold one trial twice.
        """
        assignment = self._assignment(trial.trial_id)
        scheduler = self._arms[assignment.path] if assignment.role == Role.TRIAL else _RUN_TO_THE_END
        return scheduler, SimpleNamespace(trial_id=assignment.trial_id)


_RUN_TO_THE_END = FIFOScheduler()
