"""The verdict for people: the table on a terminal, and the report in a folder."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from analysis import formatting
from analysis.as_data import to_json, typed
from analysis.evidence import Configuration
from analysis.formatting import MetricFormat
from analysis.overall import standings
from analysis.verdict import ArmVerdict, Verdict
from optimizers import InputError
from search_spaces.words import duration, plural


def render_table(verdicts: Sequence[Verdict]) -> str:
    """The verdicts of a sweep, one for each of its workloads, as plain text for a terminal."""
    sweep = verdicts[0].sweep
    lines = [f"{sweep.name}   {sweep.question}".rstrip()]
    for verdict in verdicts:
        lines += ["", f"{verdict.workload}:"] if verdict.workload else []
        lines += [_budget(verdict), "", *_table(*_cells(verdict)), "", *verdict.sentences]
        lines.append(f"Trials: {_trial_counts(verdict)}.")
        if sweep.tradeoffs:
            lines += ["", "Pareto front:", *_table(*_front_cells(verdict))]
    if len(verdicts) > 1:
        lines += ["", f"Over {plural(len(verdicts), 'workload')}:", *_table(*_standing_cells(verdicts))]
    return "\n".join([*lines, *_time_taken(verdicts[0])])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (header, *rows))
    return ["   ".join(row).rstrip() for row in padded]


def write_report(verdicts: Sequence[Verdict], directory: str | Path, link: str | None = None) -> tuple[Path, Path]:
    """Write report.md and report.json into `directory` (made if need be) and return their paths.

    Each file is replaced as a whole, so a reader never meets half of one. Raises InputError when the folder
    cannot be written.
    """
    folder = Path(directory)
    data = json.dumps(to_json(verdicts, link), indent=2, ensure_ascii=False, allow_nan=False)
    texts = {"report.md": _markdown(verdicts, link), "report.json": data + "\n"}
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
            "none" if arm.best_value is None else searched.value(arm.best_value),
            "none" if arm.mean is None else scored.estimate(arm.mean, arm.interval),
            _against_baseline(arm, scored),
            "" if arm.p_better is None else f"{arm.p_better:.2f}",
        ]
        if metric.target is not None:
            row.append(formatting.steps(arm.steps_to_target))
        rows.append(row)
    return header, rows


def _against_baseline(arm: ArmVerdict, scored: MetricFormat) -> str:
    if arm.finding == "baseline":
        return "baseline"
    return "" if arm.difference is None else scored.difference(arm.difference.mean, arm.difference.interval)


def _budget(verdict: Verdict) -> str:
    sweep = verdict.sweep
    best = "" if sweep.confirm.top_k == 1 else f"best {sweep.confirm.top_k} of each "
    studies = "" if sweep.search.studies == 1 else f"{plural(sweep.search.studies, 'study')} of "
    parts = [sweep.workload.name, f"{studies}{plural(sweep.search.trials, 'trial')} an arm"]
    if sweep.workload.evaluations is not None:
        parts.append(sweep.workload.budget)
    return ", ".join([*parts, f"{best}confirmed on {plural(len(sweep.confirm.seeds), 'seed')}"])


def _trial_counts(verdict: Verdict) -> str:
    counts = {arm.name: formatting.outcome_counts(arm.trials.items()) for arm in verdict.arms}
    return "; ".join(f"{arm} {count or 'none'}" for arm, count in counts.items())


def _markdown(verdicts: Sequence[Verdict], link: str | None) -> str:
    sweep = verdicts[0].sweep
    blocks = [f"# {sweep.name}", sweep.question]
    if len(verdicts) > 1:
        blocks += [f"Over {plural(len(verdicts), 'workload')}:", _markdown_table(*_standing_cells(verdicts))]
    for verdict in verdicts:
        blocks += _workload_in_markdown(verdict)
    blocks += ["\n".join(_time_taken(verdicts[0])), f"[Runs in MLflow]({link})" if link else ""]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _workload_in_markdown(verdict: Verdict) -> list[str]:
    named, deeper = (f"## {verdict.workload}", "###") if verdict.workload else ("", "##")
    front = [f"{deeper} Pareto front", _markdown_table(*_front_cells(verdict))] if verdict.sweep.tradeoffs else []
    return [
        named,
        f"Budget: {_budget(verdict)}.",
        _markdown_table(*_cells(verdict)),
        _effects_in_words(verdict),
        "\n".join(f"- {sentence}" for sentence in verdict.sentences),
        *front,
        f"{deeper} Runs by outcome",
        _markdown_table(*_outcome_cells(verdict)),
        _steps_in_words(verdict),
        f"{deeper} Best configurations",
        *(_best_in_markdown(arm, verdict.sweep.metric.name, f"{deeper}#") for arm in verdict.arms),
    ]


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


def _effects_in_words(verdict: Verdict) -> str:
    unit = "seeds" if verdict.sweep.search.studies == 1 else "studies"
    told = [f"{arm.name} {arm.effect_size:+.2f}" for arm in verdict.arms if arm.effect_size is not None]
    return f"Difference over the spread between {unit}: {', '.join(told)}." if told else ""


def _front_cells(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    objectives = [objective.name for objective in verdict.sweep.objectives]

    def written(one: Configuration) -> list[str]:
        values = (math.nan if one.value is None else one.value, *one.tradeoffs)
        told = zip(objectives, values, strict=True)
        return [MetricFormat(name).value(value) if math.isfinite(value) else "never" for name, value in told]

    rows = [[arm.name, one.trial_id, *written(one)] for arm in verdict.arms for one in arm.front]
    return ["arm", "trial", *objectives], rows


def _standing_cells(verdicts: Sequence[Verdict]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for arm in standings(verdicts):
        rank = "" if arm.mean_rank is None else f"{arm.mean_rank:.2f}"
        counts = [arm.better, arm.no_difference_shown, arm.worse]
        is_baseline = arm.arm == verdicts[0].sweep.baseline
        rows.append([arm.arm, rank, *("" if is_baseline else str(count) for count in counts)])
    return ["arm", "mean rank", "better", "no difference shown", "worse"], rows


def _time_taken(verdict: Verdict) -> list[str]:
    """Against the plan, where the sweep was planned."""
    if verdict.seconds is None:
        return []
    planned = verdict.planned_seconds
    against = "" if planned is None else f", {duration(planned)} planned ({verdict.seconds / planned - 1:+.0%})"
    return [f"Wall time: {duration(verdict.seconds)}{against}."]


def _best_in_markdown(arm: ArmVerdict, metric: str, heading: str) -> str:
    import yaml

    if arm.best is None or arm.best.value is None:
        return f"{heading} {arm.name}\n\nNo finished trial."
    value = MetricFormat(metric).value(arm.best.value)
    parameters = yaml.safe_dump(typed(arm.best.params), sort_keys=True, allow_unicode=True).rstrip()
    return f"{heading} {arm.name}\n\n{arm.best.trial_id}, {metric} {value}\n\n```yaml\n{parameters}\n```"


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
