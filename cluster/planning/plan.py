"""What a sweep will cost, before anything starts: runs, steps with the pruning to be expected, time, disk and rows."""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import trainables
from cluster.ray.capacity import workers_on
from cluster.ray.simulation import Ended, simulate
from cluster.tracking.run_description import describe, trial_spec
from optimizers import InputError, user_code
from optimizers.user_code import CodeBundle
from search_spaces import Sweep
from search_spaces.schema.methods import GRID, window_of
from search_spaces.study.assignment import Assignment, arm_path, default_assignment
from search_spaces.study.population import is_population
from search_spaces.sweep.resolved import Contest, Workload
from trainables import TrialSpec
from trainables.mlflow_contract import Role
from trainables.training.peak_memory import tensors_in
from trainables.tune.checkpoint import KEPT_CHECKPOINTS

# What is pruned depends on how trials compare, so the plan is a mean over sweeps whose trials are good at random.
SIMULATIONS = 5
# From the command to the first training step, from the last to the end, and between two runs of one process (see the
# benchmark sweep_overhead).
START_UP_S, ENDING_S, BETWEEN_RUNS_S = 10.0, 3.0, 0.15
PROBE_S = 2.0
PROBED_CURVE_BYTES = 200
Side = tuple[str, str]
"""An arm on a workload: the names of the workload, "" where there is only one, and of the arm."""


@dataclass(frozen=True)
class Probe:
    """What one arm's runs take: seconds a step and an evaluation, bytes of a checkpoint, metrics at an evaluation."""

    step_s: float
    evaluation_s: float
    checkpoint_bytes: int
    metrics: int


@dataclass(frozen=True)
class ArmPlan:
    """One arm on one workload, ``digits/adam`` where the sweep has several: runs and epochs (or evaluations) to expect.

    Optimizer steps where the data is there to count them.
    """

    name: str
    trials: int
    confirmations: int
    most_epochs: int
    search_epochs: float
    confirm_epochs: int
    steps_per_epoch: int | None
    seconds: float | None = None

    @property
    def search_steps(self) -> float | None:
        """Optimizer steps of the search to be expected."""
        return None if self.steps_per_epoch is None else self.search_epochs * self.steps_per_epoch

    @property
    def steps(self) -> float | None:
        """All optimizer steps to be expected."""
        whole = self.search_epochs + self.confirm_epochs
        return None if self.steps_per_epoch is None else whole * self.steps_per_epoch


@dataclass(frozen=True)
class Plan:
    """``wall_s`` and what follows from it are None without a probe; ``slots`` runs go on at once."""

    sweep: str
    arms: tuple[ArmPlan, ...]
    slots: int
    wall_s: float | None
    cpu_hours: float | None
    gpu_hours: float | None
    disk_bytes: int | None
    mlflow_rows: int

    def to_json(self) -> dict[str, Any]:
        """As data: the fields, and each arm's steps."""
        arms = [{**asdict(arm), "search_steps": arm.search_steps, "steps": arm.steps} for arm in self.arms]
        return {**asdict(self), "arms": arms}


def slots_here(sweep: Sweep) -> int:
    """How many of its runs this machine holds at once."""
    gpus = 0
    if sweep.resources.gpu:
        import torch

        gpus = torch.cuda.device_count()
    return max(1, workers_on(os.cpu_count() or 1, gpus, sweep.resources) // sweep.resources.workers)


def make_plan(
    sweep: Sweep, steps: Mapping[str, int | None], slots: int, probed: Mapping[str, Probe] | None = None
) -> Plan:
    """The plan of a sweep on ``slots`` places, timed where it was probed.

    ``steps`` are those of each workload from one evaluation to the next, see :func:`steps_per_epoch`.
    """
    sides = [(name, arm) for name in sweep.by_workload for arm in sweep.arms]
    seconds = {
        side: (steps.get(side[0]) or 1) * probed[_label(*side)].step_s + probed[_label(*side)].evaluation_s
        for side in sides
        if probed
    }
    runs = [_simulated(sweep, slots, seconds, seed) for seed in range(SIMULATIONS)]
    arms = tuple(_arm_plan(sweep, side, runs, steps.get(side[0]), seconds.get(side)) for side in sides)
    busy = sum(arm.seconds or 0.0 for arm in arms) / 3600
    evaluations = sum(arm.search_epochs + arm.confirm_epochs for arm in arms)
    metrics = max((probe.metrics for probe in (probed or {}).values()), default=10)
    ended = sum(arm.trials + arm.confirmations for arm in arms)
    contest, arm = sweep.on(sides[0][0]), sides[0][1]
    described = describe(contest, default_assignment(contest, arm))
    checkpoint = max((probe.checkpoint_bytes for probe in (probed or {}).values()), default=0)
    return Plan(
        sweep=sweep.name,
        arms=arms,
        slots=slots,
        wall_s=START_UP_S + ENDING_S + statistics.mean(run[-1].at for run in runs) if probed else None,
        cpu_hours=busy * sweep.resources.workers * sweep.resources.cpu if probed else None,
        gpu_hours=busy * sweep.resources.workers * sweep.resources.gpu if probed else None,
        disk_bytes=round(_states_at_once(sweep, slots) * checkpoint + evaluations * metrics * PROBED_CURVE_BYTES)
        if probed
        else None,
        mlflow_rows=round(evaluations * metrics + ended * (len(described.params) + len(described.tags))),
    )


def probed_plan(sweep: Sweep, data_root: Path, slots: int | None = None) -> Plan:
    """The plan of a sweep on so many places, or as many as this machine has, after a probe on this machine."""
    here = slots_here(sweep)
    probed = probe(sweep, data_root, min(slots or here, here))
    return make_plan(sweep, steps_per_epoch(sweep, data_root), slots or here, probed)


def _states_at_once(sweep: Sweep, slots: int) -> int:
    """Checkpoints that lie on disk together at most: of what runs, and of a population's last two generations."""
    populations = sum(is_population(contest, arm) for contest in sweep.contests.values() for arm in sweep.arms)
    members = sweep.search.trials * populations
    return slots * (KEPT_CHECKPOINTS + 1) + 2 * KEPT_CHECKPOINTS * members


def _simulated(sweep: Sweep, slots: int, seconds: Mapping[Side, float], seed: int) -> list[Ended]:
    """A run of the sweep in which every trial has a quality of its own, drawn at random, that does not change."""
    drawn = replace(sweep, search=sweep.search.model_copy(update=_at_random(sweep)), tradeoffs=())

    def curve(assignment: Assignment, epoch: int) -> float:
        return random.Random(f"{seed} {assignment.trial_id}").random()

    of_arms = {
        arm_path(contest, arm): spent
        for contest in sweep.contests
        for (workload, arm), spent in seconds.items()
        if workload == contest.workload
    }
    return simulate(drawn, curve, slots=slots, seconds=of_arms, per_run=BETWEEN_RUNS_S if seconds else 0.0)


def _at_random(sweep: Sweep) -> dict[str, Any]:
    """A search that costs no time to draw, and waits for the trials of its window where the sweep's own does."""
    if sweep.search.method == GRID:
        return {}
    if math.isinf(window_of(sweep.search)):
        return {"method": "random", "arguments": {}}
    return {"method": "TPESampler", "arguments": {"n_startup_trials": sweep.search.trials + 1}}


def _label(workload: str, arm: str) -> str:
    return arm_path(Contest(workload), arm)


def _arm_plan(sweep: Sweep, side: Side, runs: list[list[Ended]], steps: int | None, seconds: float | None) -> ArmPlan:
    own = [
        [ended for ended in run if (ended.assignment.contest.workload, ended.assignment.arm) == side] for run in runs
    ]
    searched = [[ended for ended in run if ended.assignment.role == Role.TRIAL] for run in own]
    confirmed = [[ended for ended in run if ended.assignment.role == Role.CONFIRM] for run in own]
    search_epochs = statistics.mean(sum(ended.epochs for ended in run) for run in searched)
    confirm_epochs = sum(ended.epochs for ended in confirmed[0])
    busy = None if seconds is None else (search_epochs + confirm_epochs) * seconds + BETWEEN_RUNS_S * len(own[0])
    epochs = sweep.by_workload[side[0]].evaluations
    return ArmPlan(
        _label(*side),
        len(searched[0]),
        len(confirmed[0]),
        sweep.search.studies * sweep.search.trials * epochs,
        search_epochs,
        confirm_epochs,
        steps,
        busy,
    )


def steps_per_epoch(sweep: Sweep, data_root: Path) -> dict[str, int | None]:
    """Of each workload the optimizer steps from one evaluation to the next.

    None where the data that they follow from is not there.
    """
    return {name: _steps_of(workload, data_root) for name, workload in sweep.by_workload.items()}


def _steps_of(workload: Workload, data_root: Path) -> int | None:
    if workload.interval is not None:
        return workload.interval
    entry = trainables.get(workload.name)
    if user_code.is_own(workload.name) and not user_code.is_importable(workload.name):
        return None
    try:
        entry.check_data(data_root, workload.options)
    except InputError:
        return None
    return entry.steps_per_pass(data_root, workload.options, workload.batch_size)


def probe(sweep: Sweep, data_root: Path, slots: int) -> dict[str, Probe]:
    """Train the first configuration of each arm for some seconds, as many at once as the sweep will run; by arm plan.

    Runs beside each other share memory and caches, so one alone would be too fast. Of a run of several workers each
    trains its share of a batch; the exchange of gradients is not timed. Measures this machine.
    """
    found, workers = {}, sweep.resources.workers
    with ProcessPoolExecutor(slots * workers, multiprocessing.get_context("spawn")) as processes:
        for name, arm in itertools.product(sweep.by_workload, sweep.arms):
            contest = sweep.on(name)
            whole = trial_spec(contest, default_assignment(contest, arm))
            spec = {**whole.to_dict(), "batch_size": -(-whole.batch_size // workers)}
            resources = (sweep.resources.cpu, sweep.resources.gpu)
            asked = (sweep.code, spec, str(data_root), *resources)
            copies = [processes.submit(_time, *asked) for _ in range(slots * workers)]
            timed = [copy.result() for copy in copies]
            found[_label(name, arm)] = Probe(
                statistics.mean(one.step_s for one in timed),
                statistics.mean(one.evaluation_s for one in timed),
                timed[0].checkpoint_bytes,
                timed[0].metrics,
            )
    return found


def _time(code: CodeBundle, spec: dict[str, Any], data_root: str, cpus: int, gpus: float) -> Probe:
    import torch

    from trainables.training.training_run import open_training

    user_code.load(code)
    torch.set_num_threads(cpus)
    device = torch.device("cuda" if gpus and torch.cuda.is_available() else "cpu")
    # Without an evaluation in between, which is timed by itself.
    timed = TrialSpec.from_dict({**spec, "epochs": 1, "evaluate_every": 10**9})
    data = trainables.get(timed.workload).load_data(Path(data_root), timed.options).to(device)
    training = open_training(timed, data, device)
    training.advance(3)
    step_s = _seconds(lambda: training.advance(1))
    evaluated = training.workload.measure(training.model, data.validation)
    evaluation_s = _seconds(lambda: training.workload.measure(training.model, data.validation))
    reported = [part.report() for part in training.parts]
    tensors = tensors_in(training.state_dict())
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return Probe(step_s, evaluation_s, size, len(evaluated) + sum(map(len, reported)))


def _seconds(call: Any) -> float:
    """Seconds that a call takes, over as many as fit into the time of a probe, at least two."""
    started, calls = time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - started < PROBE_S:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls
