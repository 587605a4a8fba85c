"""The verdict for people (terminal table, report.md) and for programs (report.json)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis import formatting
from analysis.formatting import MetricFormat, plural
from analysis.statistics import Interval, PairKey
from analysis.verdict import ArmVerdict, Configuration, Verdict
from optimizers import InputError

SCHEMA_VERSION = 1


def render_table(verdict: Verdict) -> str:
    """The verdict as plain text for a terminal."""
    header, rows = _cells(verdict)
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    table = [_aligned(row, widths) for row in (header, *rows)]
    sweep = verdict.sweep
    lines = [
        f"{sweep.name}   {sweep.question}".rstrip(),
        _budget(verdict),
        "",
        *table,
        "",
        *verdict.sentences,
        f"Trials: {_trial_counts(verdict)}.",
    ]
    return "\n".join(lines)


def to_json(verdict: Verdict, link: str | None = None) -> dict[str, Any]:
    """The verdict as data for `json.dump`: full precision, MLflow's units (an accuracy is a fraction).

    - schema_version: 1; keys may be added under the same number, none is removed or changed
    - sweep: name, id, question, workload
    - budget: trials_per_arm, epochs or steps, batch_size, confirmed_per_arm, confirmation_seeds
    - metric: name, goal, target (null: none) of the search; score: name, goal of the confirmation
    - baseline: name of an arm; comparison_level: level of the differences' intervals
    - arms: a list in the sweep's order, each with
        - name, optimizer
        - finding: baseline, better, worse, no_difference_shown, too_few_seeds, undecided or not_compared
        - trials, confirmations: number of runs by outcome
          (finished, pruned, diverged, failed, interrupted, running)
        - search_steps, planned_steps: optimizer steps of the search, and those that were expected; or null
        - best: null or {trial_id, value, parameters}; confirmed: a list of the same, best first
        - scores: list of {rank, seed, value}, rank 1 being the first of `confirmed`
        - missing_scores: list of {rank, seed, reason}
        - mean, p_better: number or null; interval: null or {low, high, level}
        - difference: null or {mean, interval, seeds, pairs}, arm minus baseline
        - steps_to_target: number, "never" or null (not measured)
    - sentences: the verdict in words; runs_link: address or null
    """
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
            "epochs": sweep.workload.epochs,
            "steps": sweep.workload.steps,
            "batch_size": sweep.workload.batch_size,
            "confirmed_per_arm": sweep.confirm.top_k,
            "confirmation_seeds": list(sweep.confirm.seeds),
        },
        "metric": {"name": sweep.metric.name, "goal": sweep.metric.goal, "target": sweep.metric.target},
        "score": {"name": verdict.score_metric, "goal": verdict.score_goal},
        "baseline": sweep.baseline,
        "comparison_level": verdict.comparison_level,
        "arms": [_arm_as_data(arm) for arm in verdict.arms],
        "sentences": list(verdict.sentences),
        "runs_link": link,
    }


def write_report(verdict: Verdict, directory: str | Path, link: str | None = None) -> tuple[Path, Path]:
    """Write report.md and report.json into `directory` (made if need be) and return their paths.

    Each file is replaced as a whole, so a reader never meets half of one. Raises InputError when the folder
    cannot be written.
    """
    folder = Path(directory)
    data = json.dumps(to_json(verdict, link), indent=2, ensure_ascii=False, allow_nan=False)
    texts = {"report.md": _markdown(verdict, link), "report.json": data + "\n"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            _replace(folder / name, text)
    except OSError as error:
        raise InputError(f'Report folder "{folder}" cannot be written: {error.strerror}.') from error
    return folder / "report.md", folder / "report.json"


def _cells(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    metric = verdict.sweep.metric
    searched, scored = MetricFormat(metric.name), MetricFormat(verdict.score_metric)
    score = verdict.score_metric.replace("/", " ")
    header = ["arm", f"best {metric.name}", score, f"against {verdict.sweep.baseline}", "P(better)"]
    if metric.target is not None:
        header.append(f"steps to {searched.value(metric.target)}")
    rows = []
    for arm in verdict.arms:
        row = [
            arm.name,
            "none" if arm.best is None or arm.best.value is None else searched.value(arm.best.value),
            "none" if arm.mean is None else scored.estimate(arm.mean, arm.interval),
            _against_baseline(arm, scored),
            "" if arm.p_better is None else f"{arm.p_better:.2f}",
        ]
        if metric.target is not None:
            row.append(formatting.steps(arm.steps_to_target))
        rows.append(row)
    return header, rows


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _against_baseline(arm: ArmVerdict, scored: MetricFormat) -> str:
    if arm.finding == "baseline":
        return "baseline"
    return "" if arm.difference is None else scored.difference(arm.difference.mean, arm.difference.interval)


def _budget(verdict: Verdict) -> str:
    sweep = verdict.sweep
    best = "" if sweep.confirm.top_k == 1 else f"best {sweep.confirm.top_k} of each "
    parts = [sweep.workload.name, f"{plural(sweep.search.trials, 'trial')} an arm"]
    if sweep.workload.evaluations is not None:
        parts.append(sweep.workload.budget)
    return ", ".join([*parts, f"{best}confirmed on {plural(len(sweep.confirm.seeds), 'seed')}"])


def _trial_counts(verdict: Verdict) -> str:
    counts = {arm.name: formatting.outcome_counts(arm.trials.items()) for arm in verdict.arms}
    return "; ".join(f"{arm} {count or 'none'}" for arm, count in counts.items())


def _markdown(verdict: Verdict, link: str | None) -> str:
    header, rows = _cells(verdict)
    blocks = [
        f"# {verdict.sweep.name}",
        verdict.sweep.question,
        f"Budget: {_budget(verdict)}.",
        _markdown_table(header, rows),
        "\n".join(f"- {sentence}" for sentence in verdict.sentences),
        "## Runs by outcome",
        _markdown_table(*_outcome_cells(verdict)),
        _steps_in_words(verdict),
        f"[Runs in MLflow]({link})" if link else "",
        "## Best configurations",
        *(_best_in_markdown(arm, verdict.sweep.metric.name) for arm in verdict.arms),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _outcome_cells(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    outcomes = list(verdict.arms[0].trials)
    rows = [
        [arm.name, kind, *(str(counts[outcome]) for outcome in outcomes)]
        for arm in verdict.arms
        for kind, counts in (("trials", arm.trials), ("confirmations", arm.confirmations))
    ]
    return ["arm", "runs", *outcomes], rows


def _steps_in_words(verdict: Verdict) -> str:
    told = [
        f"{arm.name} {arm.search_steps:,.0f}"
        + ("" if arm.planned_steps is None else f" ({arm.search_steps / arm.planned_steps - 1:+.0%} against the plan)")
        for arm in verdict.arms
        if arm.search_steps is not None
    ]
    return f"Optimizer steps of the search: {', '.join(told)}." if told else ""


def _best_in_markdown(arm: ArmVerdict, metric: str) -> str:
    import yaml

    if arm.best is None or arm.best.value is None:
        return f"### {arm.name}\n\nNo finished trial."
    value = MetricFormat(metric).value(arm.best.value)
    parameters = yaml.safe_dump(_typed(arm.best.params), sort_keys=True, allow_unicode=True).rstrip()
    return f"### {arm.name}\n\n{arm.best.trial_id}, {metric} {value}\n\n```yaml\n{parameters}\n```"


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
            "seeds": list(difference.seeds),
            "pairs": len(difference.differences),
        },
        "p_better": arm.p_better,
        "steps_to_target": "never" if steps == math.inf else steps,
    }


def _configuration_as_data(configuration: Configuration) -> dict[str, Any]:
    return {
        "trial_id": configuration.trial_id,
        "value": configuration.value,
        "parameters": _typed(configuration.params),
    }


def _pairs_as_data(values: Mapping[PairKey, float] | Mapping[PairKey, str], name: str) -> list[dict[str, Any]]:
    return [{"rank": rank, "seed": seed, name: value} for (rank, seed), value in sorted(values.items())]


def _interval_as_data(interval: Interval | None) -> dict[str, float] | None:
    return interval and {"low": interval.low, "high": interval.high, "level": interval.level}


def _typed(params: Mapping[str, str]) -> dict[str, Any]:
    """MLflow keeps parameters as text; a report shows numbers as numbers."""
    return {name: _plain(text) for name, text in sorted(params.items())}


def _plain(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
