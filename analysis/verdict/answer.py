"""The answer with which a notebook ends: the question, what the verdict says, and what the numbers add to it."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.verdict.findings import Relation, Verdict
from analysis.verdict.formatting import MetricFormat
from optimizers.shown_text import markdown, shown_line
from search_spaces.schema.words import listing


@dataclass(frozen=True, repr=False)
class Answer:
    """As the last expression of a notebook's cell it shows itself; as text it is a sentence a line."""

    question: str
    sentences: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(map(shown_line, (self.question, *self.sentences)))

    def _repr_markdown_(self) -> str:
        return "\n".join([f"**{markdown(self.question)}**", "", *(f"- {markdown(one)}" for one in self.sentences)])


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
    groups = _GROUPS if verdict.subject == "arms" else _GROUPS_OF_CONFIGURATIONS
    told = [
        f"{words} {baseline}: {listing(arm.name for arm in found)}"
        for words, relations in groups.items()
        if (found := [arm for arm in others if arm.relation in relations])
    ]
    return f"By mean {verdict.score_metric} of what was confirmed: {order}.", *(f"{sentence}." for sentence in told)


_GROUPS: dict[str, tuple[Relation, ...]] = {
    "Better than": ("better",),
    "Worse than": ("worse",),
    "Equivalent to": ("equivalent",),
    "Not told from": ("no_difference_shown", "too_few_seeds", "undecided", "no_interval"),
    "Not compared with": ("not_compared",),
}
_GROUPS_OF_CONFIGURATIONS: dict[str, tuple[Relation, ...]] = {
    "Found a better configuration than": ("better",),
    "Found a worse configuration than": ("worse",),
    "Found a configuration equivalent to that of": ("equivalent",),
    "Found a configuration not told from that of": ("no_difference_shown", "too_few_seeds", "undecided", "no_interval"),
    "Not compared with": ("not_compared",),
}
