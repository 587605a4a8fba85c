"""How a sweep was measured, in plain sentences, and what each arm searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analysis.verdict.findings import Verdict
from analysis.verdict.formatting import MetricFormat, percent
from analysis.verdict.levels import LEVEL
from analysis.verdict.subjects import unit_of
from analysis.verdict.verdict_tables import Cells
from search_spaces import Parameter, Sweep
from search_spaces.schema.parameter import Scalar
from search_spaces.schema.words import listing, plural, plurals

_SCHEDULERS = {
    "asha": "successive halving (ASHA, grace {grace}, eta {eta}) stopped what lagged behind",
    "hyperband": "Hyperband (eta {eta}) stopped what lagged behind",
    "median": "what was worse than the median of the others was stopped, after {grace} at the earliest",
    "pbt": "a population trained side by side, its worst going on from its best every {grace} epochs",
    "none": "every trial was trained to its end",
}


def protocol(verdict: Verdict) -> list[str]:
    """A sentence for each thing that must be known to believe the numbers."""
    sweep = verdict.sweep
    search, confirm = sweep.search, sweep.confirm
    scheduler = _SCHEDULERS[sweep.scheduler.type].format(grace=sweep.scheduler.grace, eta=sweep.scheduler.eta)
    trials = plural(search.trials, "trial")
    studies = trials if search.studies == 1 else f"{plural(search.studies, 'study')} of {trials}"
    batch = f", batch size {sweep.workload.batch_size}" if sweep.workload.batch_size else ""
    target = sweep.metric.target
    best = "best configuration" if confirm.top_k == 1 else f"best {confirm.top_k} configurations"
    whose = "Each arm's" if search.studies == 1 else "In each study each arm's"
    others = "" if search.studies == 1 else " in the first study, others in the others"
    said = [
        f"Every arm had the same budget: {studies}, each of at most {sweep.workload.budget} of {sweep.workload.name}"
        f"{batch}. {search.method} proposed configurations, the optimizer's default first (seed {search.seed}); "
        f"{scheduler}.",
        f"The search looked at {sweep.metric.name} ({sweep.metric.goal}) of the validation split and at nothing else.",
        f"{whose} {best} was then trained anew on {plural(len(confirm.seeds), 'seed')} "
        f"({', '.join(map(str, confirm.seeds))}{others}), the same for all arms. Only these runs read the test split, "
        f"once, after their last step: {verdict.score_metric} ({verdict.score_goal}).",
        f"Intervals of scores are bootstraps at {LEVEL:.0%}, stratified by configuration; differences are paired by "
        f"{unit_of(sweep)}, and their intervals are at {percent(verdict.comparison_level)}. A difference is shown only "
        "where its interval excludes 0. P(better) is the share of pairs of runs in which the arm beats the baseline, "
        "an estimate without an interval.",
    ]
    said += [*_equivalence(verdict), *_looks(verdict)]
    if target is not None:
        said.append(f"Steps to {target:g} count to the first evaluation that reached it; a miss is never.")
    return said


def _equivalence(verdict: Verdict) -> Iterator[str]:
    smallest = verdict.sweep.metric.smallest_difference
    if smallest is not None:
        yield (
            f"The smallest difference that matters was settled before: {smallest:.6g} "
            f"{MetricFormat(verdict.score_metric).unit}. What differs by less, as far as two one-sided tests show (an "
            f"interval at {percent(verdict.equivalence_level)} lies within it), is equivalent, also where the "
            "difference is told from 0; what is neither shown to differ nor to be equivalent is undecided."
        )


def _looks(verdict: Verdict) -> Iterator[str]:
    looks, unit = verdict.looks, unit_of(verdict.sweep)
    if looks is not None:
        taken = f"{plural(len(looks.taken), 'look')} {'was' if len(looks.taken) == 1 else 'were'} taken"
        at = f", after {listing(map(str, looks.taken))}" if looks.taken else ""
        yield (
            f"The sweep was planned to be judged {plural(len(looks.planned), 'time')} while it grows, after "
            f"{listing(map(str, looks.planned))} {plurals(unit)}; {taken}{at}. Each look has a level of its own, so "
            "that all together err no more often than one would (error spending, exact for t statistics)."
        )


def space_cells(sweep: Sweep) -> Cells:
    """What each arm searched: a row for each hyperparameter."""
    rows = []
    for name, arm in sweep.arms.items():
        for parameter, drawn in arm.space.parameters.items():
            rows.append([name, arm.optimizer, parameter, _drawn(drawn), _condition(drawn.when)])
    return ["arm", "optimizer", "hyperparameter", "searched", "only when"], rows


def _drawn(parameter: Parameter) -> str:
    if parameter.value is not None:
        return f"fixed: {parameter.value}"
    if parameter.values is not None:
        return f"one of {', '.join(map(str, parameter.values))}"
    kind = (parameter.distribution or "").replace("one_minus_log_uniform", "1 - log_uniform").replace("_", " ")
    return f"{_number(parameter.min)} to {_number(parameter.max)}, {kind}"


def _number(bound: float | str | None) -> str:
    """A formula of other hyperparameters may stand for a bound."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _condition(when: Mapping[str, Scalar | list[Scalar]]) -> str:
    def wanted(value: Scalar | list[Scalar]) -> str:
        return " or ".join(map(str, value)) if isinstance(value, list) else str(value)

    return "; ".join(f"{name} is {wanted(value)}" for name, value in when.items())
