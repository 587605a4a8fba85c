"""Lookahead, around any other optimizer; alone it goes around Adam."""

from __future__ import annotations

import dataclasses

from optimizers.catalogue import adam
from optimizers.domains import Integer, Real
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

_RULE = """
        theta <- theta after a step of {base}
        phi   <- phi + lookahead_alpha (theta - phi)     every lookahead_k steps; phi = theta at the start
        theta <- phi                                     at the same steps

        {base}:
{rule}"""

_OWN = {
    "lookahead_k": Hyperparameter(5, "from one move of the slow weights to the next", Integer(1), "steps"),
    "lookahead_alpha": Hyperparameter(
        0.5, "share of the way to the fast weights that the slow ones go", Real(0, 1, exclude_min=True)
    ),
}


def around(base: OptimizerEntry) -> OptimizerEntry:
    """The entry of Lookahead around another; the hyperparameters are those of both."""
    return dataclasses.replace(
        base,
        name=f"lookahead({base.name})",
        target="optimizers.baselines.lookahead_wrapper:Lookahead",
        base=base,
        summary=f"{base.name} whose slow weights follow every few steps, and are those to be used",
        rule=_RULE.format(base=base.name, rule=base.rule.strip("\n")),
        source=f"Lookahead, arXiv 1907.08610; {base.source}",
        special_cases=(
            f"lookahead_alpha = 1: {base.name} alone",
            "evaluation, and whoever takes the model at the end, need eval(), which puts in phi; "
            "checkpoints belong to train()",
        ),
        hyperparameters={**base.hyperparameters, **_OWN},
        averages_weights=True,
    )


ENTRY = dataclasses.replace(
    around(adam.ENTRY),
    name="lookahead",
    summary="slow weights that follow every few steps; around adam, or as lookahead(sgd) around any",
)
