"""The verdict as data for programs: what `--json` prints and report.json holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from analysis.statistics.intervals import Interval, PairKey
from analysis.verdict._evidence import Configuration
from analysis.verdict.findings import ArmVerdict, Verdict
from analysis.verdict.overall import standings

SCHEMA_VERSION = 2


def to_json(verdicts: Sequence[Verdict], link: str | None = None) -> dict[str, Any]:
    """The verdict as data for `json.dump`: full precision, MLflow's units (an accuracy is a fraction).

    Of a sweep over several workloads: schema_version, sweep (name, id, question), standings (a list of {arm,
    mean_rank, better, configuration_better, equivalent, configuration_equivalent, no_difference_shown, undecided,
    worse, configuration_worse}, counting workloads by finding), and workloads: by name, for each what follows.

    - schema_version: 2; keys may be added under the same number, none is removed or changed. In version 1 better and
      worse were also said of the configurations of one study, and undecided of what is now no_interval
    - sweep: name, id, question, workload
    - wall_seconds, planned_wall_seconds: of the whole sweep, or null
    - budget: trials_per_arm (in each study), studies, epochs or steps, batch_size, confirmed_per_arm,
      confirmation_seeds (of several studies the first one's)
    - metric: name, goal, target (null: none) of the search; score: name, goal of the confirmation, smallest_difference
      (null: none; in the score's own units)
    - subject: what findings are about, "arms", or "configurations" where one search has found them
    - baseline: name of an arm; comparison_level: level of the differences' intervals; equivalence_level: of those that
      lie within the smallest difference for an equivalent arm
    - digest: null or {sha256, processors, doubts}, of the whole sweep: a run of the same file finds the same, unless
      there are doubts, a list of reasons, or its processors are others
    - looks: null or {planned, taken}, the numbers of pairs at which the sweep was to be judged, and was so far
    - interval_covers: the noise that all intervals hold, ["seeds"], or with several studies ["seeds", "search"];
      without "search" a second search may find other configurations, and so other differences
    - arms: a list in the sweep's order, each with
        - name, optimizer
        - finding: baseline; of arms better, worse or equivalent (also where a difference is shown, but one that is
          smaller than the smallest that matters); of configurations configuration_better, configuration_worse or
          configuration_equivalent; of both no_difference_shown, or with a smallest difference undecided;
          too_few_seeds (or studies), no_interval (no spread to judge by) or not_compared
        - trials, confirmations: number of runs by outcome
          (finished, pruned, diverged, failed, interrupted, running)
        - search_steps, planned_steps: optimizer steps of the search, and those that were expected; or null
        - best: null or {trial_id, value, parameters, tradeoffs}; confirmed: a list of the same, best first, study by
          study; front: a list of the same, the Pareto front of a sweep with tradeoffs
        - best_value: of the search; with several studies the median of their best
        - scores: list of {rank, seed, value}, rank 1 being the first of `confirmed`
        - missing_scores: list of {rank, seed, reason}
        - mean, p_better: number or null; interval: null or {low, high, level}
          with several studies they are over the studies' means
        - difference: null or {mean, interval, detectable, seeds, pairs}, arm minus baseline; with several studies
          "seeds" are their numbers; detectable: number or null, the true difference that as many pairs would show 4
          times in 5 at the comparison level
        - equivalence: null or an interval of the same difference at the equivalence level; pairs_needed: of an
          undecided arm, how many seeds or studies would decide it 4 times in 5, or null (more than 100,000)
        - effect_size: number or null, the difference's mean over the pooled standard deviation between seeds (with
          several studies: between studies)
        - steps_to_target: number, "never" or null (not measured)
    - sentences: the verdict in words; runs_link: address or null
    """
    if len(verdicts) == 1:
        return _of_workload(verdicts[0], link)
    sweep = verdicts[0].sweep
    return {
        "schema_version": SCHEMA_VERSION,
        "sweep": {"name": sweep.name, "id": verdicts[0].sweep_id, "question": sweep.question},
        "standings": [
            {"arm": standing.arm, "mean_rank": standing.mean_rank, **standing.findings}
            for standing in standings(verdicts)
        ],
        "workloads": {verdict.workload: _of_workload(verdict, link) for verdict in verdicts},
    }


def _of_workload(verdict: Verdict, link: str | None) -> dict[str, Any]:
    sweep = verdict.sweep
    return {
        "schema_version": SCHEMA_VERSION,
        "sweep": {
            "name": sweep.name,
            "id": verdict.sweep_id,
            "question": sweep.question,
            "workload": sweep.workload.name,
        },
        "budget": {
            "trials_per_arm": sweep.search.trials,
            "studies": sweep.search.studies,
            "epochs": sweep.workload.epochs,
            "steps": sweep.workload.steps,
            "batch_size": sweep.workload.batch_size,
            "confirmed_per_arm": sweep.confirm.top_k,
            "confirmation_seeds": list(sweep.confirm.seeds),
        },
        "wall_seconds": verdict.seconds,
        "planned_wall_seconds": verdict.planned_seconds,
        "tradeoffs": [{"name": tradeoff.name, "goal": tradeoff.goal} for tradeoff in sweep.tradeoffs],
        "metric": {"name": sweep.metric.name, "goal": sweep.metric.goal, "target": sweep.metric.target},
        "score": {
            "name": verdict.score_metric,
            "goal": verdict.score_goal,
            "smallest_difference": verdict.smallest_difference,
        },
        "subject": verdict.subject,
        "baseline": sweep.baseline,
        "comparison_level": verdict.comparison_level,
        "equivalence_level": verdict.equivalence_level,
        "digest": verdict.digest and asdict(verdict.digest),
        "looks": verdict.looks and asdict(verdict.looks),
        "interval_covers": list(verdict.interval_covers),
        "arms": [_arm_as_data(arm) for arm in verdict.arms],
        "sentences": list(verdict.sentences),
        "runs_link": link,
    }


def _arm_as_data(arm: ArmVerdict) -> dict[str, Any]:
    difference, steps = arm.difference, arm.steps_to_target
    return {
        "name": arm.name,
        "optimizer": arm.optimizer,
        "finding": arm.finding,
        "trials": dict(arm.trials),
        "confirmations": dict(arm.confirmations),
        "search_steps": arm.search_steps,
        "planned_steps": arm.planned_steps,
        "best_value": arm.best_value,
        "front": [_configuration_as_data(configuration) for configuration in arm.front],
        "best": _configuration_as_data(arm.best) if arm.best else None,
        "confirmed": [_configuration_as_data(configuration) for configuration in arm.confirmed],
        "scores": _pairs_as_data(arm.scores, "value"),
        "missing_scores": _pairs_as_data(arm.unscored, "reason"),
        "mean": arm.mean,
        "interval": _interval_as_data(arm.interval),
        "difference": difference
        and {
            "mean": difference.mean,
            "interval": _interval_as_data(difference.interval),
            "detectable": difference.detectable,
            "seeds": list(difference.seeds),
            "pairs": len(difference.differences),
        },
        "equivalence": _interval_as_data(arm.equivalence),
        "pairs_needed": arm.pairs_needed,
        "effect_size": arm.effect_size,
        "p_better": arm.p_better,
        "steps_to_target": "never" if steps == math.inf else steps,
    }


def _configuration_as_data(configuration: Configuration) -> dict[str, Any]:
    return {
        "trial_id": configuration.trial_id,
        "value": configuration.value,
        "parameters": {name: _json_value(value) for name, value in configuration.params.items()},
        "tradeoffs": [_finite(value) for value in configuration.tradeoffs],
    }


def _json_value(value: Any) -> Any:
    """JSON has no infinity: as a hyperparameter it is a text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _pairs_as_data(values: Mapping[PairKey, float] | Mapping[PairKey, str], name: str) -> list[dict[str, Any]]:
    return [{"rank": rank, "seed": seed, name: value} for (rank, seed), value in sorted(values.items())]


def _interval_as_data(interval: Interval | None) -> dict[str, float] | None:
    return interval and {"low": interval.low, "high": interval.high, "level": interval.level}


def _finite(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else "never"
