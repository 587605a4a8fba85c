"""SGD, torch's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers.catalogue.shared_hyperparameters import flag, lr, momentum, weight_decay
from optimizers.domains import SHARE
from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError
from optimizers.hyperparameter import Hyperparameter


def _refuse_impossible_nesterov(values: Mapping[str, Any]) -> None:
    if values["nesterov"] and (values["momentum"] == 0 or values["dampening"] != 0):
        raise InputError("sgd: nesterov needs momentum > 0 and dampening = 0.").about(
            "nesterov", "momentum", "dampening"
        )


ENTRY = OptimizerEntry(
    name="sgd",
    target="optimizers.baselines.torch_baselines:SGD",
    summary="stochastic gradient descent, with momentum when asked for",
    rule="""
        g     <- grad + weight_decay theta
        b     <- momentum b + (1 - dampening) g          (b = g at the first step)
        theta <- theta - lr b                            nesterov: theta - lr (g + momentum b)
    """,
    source="Sutskever et al., ICML 2013",
    special_cases=("momentum = 0: plain gradient descent", "moment_adam with beta1 = 0, order off and eps = 1"),
    hyperparameters={
        **lr(1e-3),
        **momentum(),
        "dampening": Hyperparameter(0.0, "share of the gradient kept out of the momentum", SHARE),
        **flag("nesterov", False, "look ahead by the momentum"),
        **weight_decay(),
    },
    fixed={"fused": True},
    rules=(_refuse_impossible_nesterov,),
)
