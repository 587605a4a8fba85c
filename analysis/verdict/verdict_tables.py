"""A verdict's tables, as header and rows of text; what is shown on a terminal, in Markdown and on a page alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.verdict import formatting
from analysis.verdict._evidence import Configuration
from analysis.verdict.findings import ArmVerdict, Finding, Verdict
from analysis.verdict.formatting import MetricFormat
from analysis.verdict.overall import findings_of, standings
from analysis.verdict.subjects import unit_of
from search_spaces.schema.words import duration, plural, plurals

Cells = tuple[list[str], list[list[str]]]


def verdict_cells(verdict: Verdict) -> Cells:
    metric = verdict.sweep.metric
    searched, scored = MetricFormat(metric.name), MetricFormat(verdict.score_metric)
    score = verdict.score_metric.replace("/", " ")
    header = ["arm", f"best {metric.name}", score, f"against {verdict.sweep.baseline}", "finding", "P(better)"]
    if metric.target is not None:
        header.append(f"steps to {searched.value(metric.target)}")
    rows = []
    for arm in verdict.arms:
        row = [
            arm.name,
            "none" if arm.best_value is None else searched.value(arm.best_value),
            "none" if arm.mean is None else scored.estimate(arm.mean, arm.interval),
            _against_baseline(arm, scored),
            "" if arm.relation == "baseline" else finding_in_words(arm, unit_of(verdict.sweep)),
            "" if arm.p_better is None else f"{arm.p_better:.2f}",
        ]
        if metric.target is not None:
            row.append(formatting.steps(arm.steps_to_target))
        rows.append(row)
    return header, rows


def _against_baseline(arm: ArmVerdict, scored: MetricFormat) -> str:
    if arm.relation == "baseline":
        return "baseline"
    return "" if arm.difference is None else scored.difference(arm.difference.mean, arm.difference.interval)


def finding_in_words(arm: ArmVerdict, unit: str) -> str:
    """Such as "configuration better"; an equivalent arm that is told from the baseline all the same says so."""
    if arm.relation == "too_few_seeds":
        return f"too few {plurals(unit)}"
    words = _in_words(arm.finding)
    return f"{words}, yet a difference" if arm.relation == "equivalent" and arm.shows_difference else words


def _in_words(finding: Finding) -> str:
    return finding.replace("_", " ")


def budget(verdict: Verdict) -> str:
    sweep = verdict.sweep
    best = "" if sweep.confirm.top_k == 1 else f"best {sweep.confirm.top_k} of each "
    studies = "" if sweep.search.studies == 1 else f"{plural(sweep.search.studies, 'study')} of "
    parts = [sweep.workload.name, f"{studies}{plural(sweep.search.trials, 'trial')} an arm"]
    if sweep.workload.evaluations is not None:
        parts.append(sweep.workload.budget)
    return ", ".join([*parts, f"{best}confirmed on {plural(len(sweep.confirm.seeds), 'seed')}"])


def trial_counts(verdict: Verdict) -> str:
    counts = {arm.name: formatting.outcome_counts(arm.trials.items()) for arm in verdict.arms}
    return "; ".join(f"{arm} {count or 'none'}" for arm, count in counts.items())


def outcome_cells(verdict: Verdict) -> Cells:
    outcomes = list(verdict.arms[0].trials)
    rows = [
        [arm.name, kind, *(str(counts[outcome]) for outcome in outcomes)]
        for arm in verdict.arms
        for kind, counts in (("trials", arm.trials), ("confirmations", arm.confirmations))
    ]
    return ["arm", "runs", *outcomes], rows


def steps_in_words(verdict: Verdict) -> str:
    told = [
        f"{arm.name} {arm.search_steps:,.0f}"
        + ("" if arm.planned_steps is None else f" ({arm.search_steps / arm.planned_steps - 1:+.0%} against the plan)")
        for arm in verdict.arms
        if arm.search_steps is not None
    ]
    return f"Optimizer steps of the search: {', '.join(told)}." if told else ""


def effects_in_words(verdict: Verdict) -> str:
    """Differences as multiples of what the seed alone changes; empty where there is none."""
    told = [f"{arm.name} {arm.effect_size:+.2f}" for arm in verdict.arms if arm.effect_size is not None]
    unit = plurals(unit_of(verdict.sweep))
    return f"Difference over the spread between {unit} (rough from few {unit}): {', '.join(told)}." if told else ""


def front_cells(verdict: Verdict) -> Cells:
    objectives = [objective.name for objective in verdict.sweep.objectives]

    def written(one: Configuration) -> list[str]:
        values = (math.nan if one.value is None else one.value, *one.tradeoffs)
        told = zip(objectives, values, strict=True)
        return [MetricFormat(name).value(value) if math.isfinite(value) else "never" for name, value in told]

    rows = [[arm.name, one.trial_id, *written(one)] for arm in verdict.arms for one in arm.front]
    return ["arm", "trial", *objectives], rows


def standing_cells(verdicts: Sequence[Verdict]) -> Cells:
    rows, counted = [], findings_of(verdicts)
    for arm in standings(verdicts):
        rank = "" if arm.mean_rank is None else f"{arm.mean_rank:.2f}"
        is_baseline = arm.arm == verdicts[0].sweep.baseline
        rows.append([arm.arm, rank, *("" if is_baseline else str(arm.findings[finding]) for finding in counted)])
    return ["arm", "mean rank", *map(_in_words, counted)], rows


def time_taken(verdict: Verdict) -> list[str]:
    """Against the plan, where the sweep was planned."""
    if verdict.seconds is None:
        return []
    planned = verdict.planned_seconds
    against = "" if planned is None else f", {duration(planned)} planned ({verdict.seconds / planned - 1:+.0%})"
    return [f"Wall time: {duration(verdict.seconds)}{against}."]
