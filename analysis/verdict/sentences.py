"""The verdict in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analysis.verdict.formatting import MetricFormat, outcome_counts, times
from search_spaces.schema.words import listing, plural, plurals
from trainables.mlflow_contract import Status

if TYPE_CHECKING:
    from analysis.data.runs import SweepRecords
    from analysis.verdict.findings import ArmVerdict
    from search_spaces import Sweep


def of_verdict(arms: tuple[ArmVerdict, ...], records: SweepRecords, level: float) -> tuple[str, ...]:
    """Each comparison first, then what limits it."""
    sweep = records.sweep
    baseline = next(arm for arm in arms if arm.name == sweep.baseline)
    others = [arm for arm in arms if arm is not baseline]
    number = MetricFormat(records.score_metric)
    studies = sweep.search.studies
    said = [_comparison(arm, baseline, number, sweep) for arm in others if arm.scores and baseline.scores]
    if any(arm.interval or (arm.difference and arm.difference.interval) for arm in arms):
        said.append(noise_in_intervals(sweep))
    if studies > 1:
        said.append(
            f"Each arm was searched in {plural(studies, 'study')}: the best {sweep.metric.name} is the median of "
            "theirs, and scores are means over studies."
        )
    if not others:
        said.append(f"{baseline.name} is the only arm, so there is nothing to compare.")
    comparisons = len(others) * records.workloads
    if comparisons > 1 and any(arm.difference and arm.difference.interval for arm in others):
        said.append(
            f"With {comparisons} comparisons, the interval of each difference is at the "
            f"{100 * level:.1f} % level, so that all hold together at 95 % (Bonferroni)."
        )
    said.extend(_without_scores(arm, arm is baseline) for arm in arms if not arm.scores)
    said.extend(_unscored(arm) for arm in arms if arm.scores and arm.unscored)
    if sweep.scheduler.type != "pbt":  # whose trials are parts of a member's run
        said.extend(_unequal_budget(arms, studies * sweep.search.trials))
    said.extend(_unfinished(arms))
    if records.score_note:
        said.append(records.score_note)
    return tuple(said)


def noise_in_intervals(sweep: Sweep) -> str:
    """Say which noise the intervals of a sweep hold; that of the search takes several studies to see."""
    if sweep.search.studies > 1:
        return "Intervals are over studies: they hold the noise of seeds and that of the search."
    if not _is_searched(sweep):
        return "Intervals hold the noise of seeds; nothing was searched."
    return "Intervals hold the noise of seeds, not that of the search: a second search may find other configurations."


def _is_searched(sweep: Sweep) -> bool:
    arms = sweep.arms.values()
    return any(parameter.value is None for arm in arms for parameter in arm.space.parameters.values())


def _is_about_arms(sweep: Sweep) -> bool:
    """Whether comparisons hold for arms, or only for the configurations that one search has found for them."""
    return sweep.search.studies > 1 or not _is_searched(sweep)


def unit_of(sweep: Sweep) -> str:
    """What pairs of scores have in common, and what intervals are over."""
    return "seed" if sweep.search.studies == 1 else "study"


def _comparison(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    unit = unit_of(sweep)
    if arm.difference is None:
        return (
            f"{arm.name} and {baseline.name} have no {unit} in common that both completed, so they cannot be compared."
        )
    mean, interval, units = arm.difference.mean, arm.difference.interval, len(arm.difference.seeds)
    if arm.finding == "too_few_seeds":
        return (
            f"Too few {plurals(unit)} to tell ({units}); so far {arm.name} scores "
            f"{number.effect(mean, '+')} {number.unit} against {baseline.name}."
        )
    if interval is None:
        return _without_interval(arm, baseline, number, sweep)
    if arm.finding in ("better", "worse"):
        difference = number.difference_in_words(mean, interval)
        noise = "" if arm.effect_size is None else f", {times(abs(arm.effect_size))} the spread between {plurals(unit)}"
        return f"{_claim(arm, baseline, sweep)}: {difference}{noise}."
    return f"No difference shown between {_both(arm, baseline, sweep)}.{_detectable(arm, number, unit)}"


def _claim(arm: ArmVerdict, baseline: ArmVerdict, sweep: Sweep) -> str:
    if _is_about_arms(sweep):
        return f"{arm.name} is {arm.finding} than {baseline.name}"
    if sweep.confirm.top_k == 1:
        return f"The configuration found for {arm.name} is {arm.finding} than the one for {baseline.name}"
    return f"The configurations found for {arm.name} are {arm.finding} than those for {baseline.name}"


def _both(arm: ArmVerdict, baseline: ArmVerdict, sweep: Sweep) -> str:
    found = "" if _is_about_arms(sweep) else "the configurations found for "
    return f"{found}{arm.name} and {baseline.name}"


def _without_interval(arm: ArmVerdict, baseline: ArmVerdict, number: MetricFormat, sweep: Sweep) -> str:
    assert arm.difference is not None
    unit, pair = unit_of(sweep), _both(arm, baseline, sweep)
    units = plural(len(arm.difference.seeds), unit)
    if arm.finding == "no_difference_shown":
        return f"No difference shown between {pair}: they score the same on each of {units}."
    ranks = [rank for rank, _ in arm.difference.differences]
    if min(ranks.count(rank) for rank in ranks) < 2:
        return f"No interval for the difference between {pair}: one configuration has a single paired seed."
    constant = f"{number.effect(arm.difference.mean, '+')} {number.unit}"
    return (
        f"No interval for the difference between {pair}: it is {constant} on each of {units}, "
        "without any spread to judge it by."
    )


def _detectable(arm: ArmVerdict, number: MetricFormat, unit: str) -> str:
    """Not how many seeds would show the observed difference: where the interval holds 0, that may be of any size."""
    if arm.difference is None or arm.difference.detectable is None:
        return ""
    shown = f"{number.effect(arm.difference.detectable)} {number.unit}"
    return f" With {plural(len(arm.difference.seeds), unit)} a difference of about {shown} would be seen 4 times in 5."


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


def _unfinished(arms: tuple[ArmVerdict, ...]) -> Iterator[str]:
    for arm in arms:
        unfinished = (Status.INTERRUPTED, Status.RUNNING)
        counts = outcome_counts((name, arm.trials[name] + arm.confirmations[name]) for name in unfinished)
        if counts:
            yield f"{arm.name} has unfinished runs ({counts}), so this verdict is preliminary."
