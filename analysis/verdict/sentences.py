"""The verdict in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analysis.verdict.comparison_sentences import comparison_sentence
from analysis.verdict.formatting import MetricFormat, outcome_counts, percent
from analysis.verdict.levels import comparisons
from analysis.verdict.subjects import is_searched, subject_of
from search_spaces.schema.words import listing, plural
from search_spaces.sweep.resolved import FEWEST_PAIRS
from trainables.mlflow_contract import Status

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from analysis.verdict.findings import ArmVerdict
    from analysis.verdict.levels import Levels
    from search_spaces import Sweep


_NEEDED_FOR_ARMS = (
    f"A verdict on the arms themselves takes several searches of each: at least {FEWEST_PAIRS} studies "
    f"(search: {{studies: {FEWEST_PAIRS}}})."
)


def of_verdict(arms: tuple[ArmVerdict, ...], records: SweepRecords, levels: Levels) -> tuple[str, ...]:
    """Each comparison first, then what limits it."""
    sweep = records.sweep
    baseline = next(arm for arm in arms if arm.name == sweep.baseline)
    others = [arm for arm in arms if arm is not baseline]
    number = MetricFormat(records.score_metric)
    studies = sweep.search.studies
    compared = [arm for arm in others if arm.scores and baseline.scores]
    said = [comparison_sentence(arm, baseline, number, sweep) for arm in compared]
    if any(arm.interval or (arm.difference and arm.difference.interval) for arm in arms):
        said.append(noise_in_intervals(sweep))
    if studies > 1:
        said.append(
            f"Each arm was searched in {plural(studies, 'study')}: the best {sweep.metric.name} is the median of "
            "theirs, and scores are means over studies."
        )
    if not others:
        said.append(f"{baseline.name} is the only arm, so there is nothing to compare.")
    if any(arm.difference and arm.difference.interval for arm in others):
        if subject_of(sweep) == "configurations":
            said.append(_NEEDED_FOR_ARMS)
        said.extend(_levels_in_words(records, levels))
    said.extend(_without_scores(arm, arm is baseline) for arm in arms if not arm.scores)
    said.extend(_unscored(arm) for arm in arms if arm.scores and arm.unscored)
    if sweep.scheduler.type != "pbt":  # whose trials are parts of a member's run
        said.extend(_unequal_budget(arms, studies * sweep.search.trials))
    said.extend(_failed(records))
    said.extend(_unfinished(arms))
    if records.score_note:
        said.append(records.score_note)
    return tuple(said)


def _levels_in_words(records: SweepRecords, levels: Levels) -> Iterator[str]:
    """What more than one comparison, or more than one look, does to the intervals of differences."""
    several, looks = comparisons(records), records.looks
    level = f"the interval of each difference is at the {percent(levels.difference)} level"
    if several > 1 and looks is None:
        yield f"With {several} comparisons, {level}, so that all hold together at 95 % (Bonferroni)."
    if looks is not None:
        others = "" if several == 1 else f" of all {several} comparisons"
        yield (
            f"This is look {max(1, len(looks.taken))} of {len(looks.planned)} planned ones: {level}, so that those of "
            f"all looks{others} hold together at 95 %."
        )


def noise_in_intervals(sweep: Sweep) -> str:
    """Say which noise the intervals of a sweep hold; that of the search takes several studies to see."""
    if sweep.search.studies > 1:
        return "Intervals are over studies: they hold the noise of seeds and that of the search."
    if not is_searched(sweep):
        return "Intervals hold the noise of seeds; nothing was searched."
    return "Intervals hold the noise of seeds, not that of the search: a second search may find other configurations."


def _without_scores(arm: ArmVerdict, is_baseline: bool) -> str:
    trials, confirmations = outcome_counts(arm.trials.items()), outcome_counts(arm.confirmations.items())
    if not trials and not confirmations:
        why = "has no runs"
    elif not arm.trials[Status.FINISHED] and not confirmations:
        why = f"has no finished trial ({trials})"
    elif not confirmations:
        finished = plural(arm.trials[Status.FINISHED], "finished trial")
        why = f"was not confirmed: it has {finished} and no confirmation run"
    else:
        why = f"has no confirmed score (confirmation runs: {confirmations})"
    consequence = "so no arm can be compared with the baseline" if is_baseline else "so it is not compared"
    return f"{arm.name} {why}, {consequence}."


def _unscored(arm: ArmVerdict) -> str:
    several = len(arm.confirmed) > 1
    missing = listing(
        f"seed {seed}{f' of {arm.confirmed[rank - 1].trial_id}' if several else ''} ({why})"
        for (rank, seed), why in sorted(arm.unscored.items())
    )
    return f"{arm.name} has no score for {missing}: its mean and its pairs leave that out."


def _unequal_budget(arms: tuple[ArmVerdict, ...], planned: int) -> Iterator[str]:
    for arm in arms:
        # A failed trial is replaced by another and taught the search nothing.
        count = sum(arm.trials.values()) - arm.trials[Status.FAILED]
        if count and count != planned:
            yield f"{arm.name} has {count} of {planned} trials, so the arms did not get the same budget."


def _failed(records: SweepRecords) -> Iterator[str]:
    runs = [run for run in (*records.trials, *records.confirmations) if run.status_reason == Status.FAILED]
    for arm in records.sweep.arms:
        own = [run for run in runs if run.arm == arm]
        if own:
            why = f", {own[-1].trial_id} with: {own[-1].detail}" if own[-1].detail else ""
            yield f"{arm} has {plural(len(own), 'failed run')}{why}."


def _unfinished(arms: tuple[ArmVerdict, ...]) -> Iterator[str]:
    for arm in arms:
        unfinished = (Status.INTERRUPTED, Status.RUNNING)
        counts = outcome_counts((name, arm.trials[name] + arm.confirmations[name]) for name in unfinished)
        if counts:
            yield f"{arm.name} has unfinished runs ({counts}), so this verdict is preliminary."
