"""The answer of a notebook: the verdict's sentences, an order of the arms, and text that Jupyter shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis import judge
from analysis.verdict.answer import answer, order_of_arms

if TYPE_CHECKING:
    from analysis import SweepRecords
    from tests.analysis.conftest import Make


def test_the_arms_are_ordered_by_score_and_grouped_by_what_the_verdict_shows(make: type[Make]) -> None:
    scores = {
        "adam": [0.970, 0.972, 0.968, 0.971, 0.969],
        "better": [0.981, 0.982, 0.977, 0.982, 0.978],
        "same": [0.971, 0.970, 0.970, 0.972, 0.967],
        "worse": [0.951, 0.952, 0.947, 0.952, 0.948],
    }
    verdict = judge(make.confirmed(scores))
    assert order_of_arms(verdict) == (
        "By mean test/accuracy of what was confirmed: better 98.0 %, adam 97.0 %, same 97.0 %, worse 95.0 %.",
        "Found a better configuration than adam: better.",
        "Found a worse configuration than adam: worse.",
        "Found a configuration not told from that of adam: same.",
    )
    losses = {name: [1 - score for score in values] for name, values in scores.items()}
    assert order_of_arms(judge(make.confirmed(losses, score="test/loss")))[0].startswith(
        "By mean test/loss of what was confirmed: better"
    )


def test_arms_without_a_score_are_not_in_the_order(make: type[Make], eventful: SweepRecords) -> None:
    said = order_of_arms(judge(eventful))
    assert said[0] == "By mean test/accuracy of what was confirmed: scheduled 97.6 %, adam 97.0 %."
    assert said[-1] == "Not compared with adam: memory and lost."
    assert order_of_arms(judge(make.sweep([], []))) == ("No arm has a score yet, so there is no order of arms.",)


def test_an_answer_is_text_and_markdown_with_the_question_the_verdict_and_the_conclusions(make: type[Make]) -> None:
    verdict = judge(make.confirmed({"adam": [0.97, 0.96, 0.98], "scheduled": [0.97, 0.96, 0.99]}))
    said = answer(verdict, "And so on.")
    assert repr(said).splitlines() == ["Do scheduled betas help?", *verdict.sentences, "And so on."]
    assert said._repr_markdown_().splitlines()[0] == "**Do scheduled betas help?**"
    assert said._repr_markdown_().splitlines()[-1] == "- And so on."
