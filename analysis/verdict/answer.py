"""The answer with which a notebook ends: the question, what the verdict says, and what the numbers add to it."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.verdict.findings import ArmVerdict, Finding, Verdict
from analysis.verdict.formatting import MetricFormat
from search_spaces.schema.words import listing


@dataclass(frozen=True, repr=False)
class Answer:
    """As the last expression of a notebook's cell it shows itself; as text it is a sentence a line."""

    question: str
    sentences: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join([self.question, *self.sentences])

    def _repr_markdown_(self) -> str:
        return "\n".join([f"**{self.question}**", "", *(f"- {sentence}" for sentence in self.sentences)])


def answer(verdict: Verdict, *conclusions: str) -> Answer:
    """The verdict's sentences, and the `conclusions` after them."""
    return Answer(verdict.sweep.question or f"What does {verdict.sweep.name} show?", (*verdict.sentences, *conclusions))


def order_of_arms(verdict: Verdict) -> tuple[str, ...]:
    """The arms by the mean score of what they confirmed, best first, and which of it is told from the baseline's."""
    number, baseline = MetricFormat(verdict.score_metric), verdict.sweep.baseline
    scored = [(arm.mean, arm.name) for arm in verdict.arms if arm.mean is not None]
    if not scored:
        return ("No arm has a score yet, so there is no order of arms.",)
    ranked = sorted(scored, key=lambda found: found[0], reverse=verdict.score_goal == "maximize")
    order = ", ".join(f"{name} {number.value(mean)}" for mean, name in ranked)
    others = [arm for arm in verdict.arms if arm.name != baseline]
    told = [
        f"{words} {baseline}'s: {listing(arm.name for arm in found)}"
        for words, findings in _GROUPS.items()
        if (found := _with_finding(others, findings))
    ]
    return f"By mean {verdict.score_metric} of what was confirmed: {order}.", *(f"{sentence}." for sentence in told)


_GROUPS: dict[str, tuple[Finding, ...]] = {
    "Better than": ("better",),
    "Worse than": ("worse",),
    "Not told from": ("no_difference_shown", "too_few_seeds", "undecided"),
    "Not compared with": ("not_compared",),
}


def _with_finding(arms: list[ArmVerdict], findings: tuple[Finding, ...]) -> list[ArmVerdict]:
    return [arm for arm in arms if arm.finding in findings]
