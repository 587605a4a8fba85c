"""The table of every optimizer that a sweep can name. Defaults are those of the classes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import moment_adam_options
from optimizers.domains import Domain, Flag, Real
from optimizers.entry import Hyperparameter, OptimizerEntry, ScheduleOf
from optimizers.errors import InputError

_NOT_NEGATIVE = Real(0)
_FRACTION = Real(0, 1, exclude_max=True)
_ADAM = "Adam, arXiv 1412.6980"


def _lr(default: float) -> dict[str, Hyperparameter]:
    return {"lr": Hyperparameter(default, "learning rate", _NOT_NEGATIVE)}


def _betas() -> dict[str, Hyperparameter]:
    return {
        "beta1": Hyperparameter(0.9, "decay of the average of the gradients", _FRACTION),
        "beta2": Hyperparameter(0.999, "decay of the average of their squares", _FRACTION),
    }


def _eps(default: float, domain: Domain = _NOT_NEGATIVE) -> dict[str, Hyperparameter]:
    return {"eps": Hyperparameter(default, "added to the denominator", domain)}


def _weight_decay(default: float) -> dict[str, Hyperparameter]:
    return {"weight_decay": Hyperparameter(default, "decay of the parameters", _NOT_NEGATIVE)}


def _momentum() -> dict[str, Hyperparameter]:
    return {"momentum": Hyperparameter(0.0, "share of the last step that is kept", _FRACTION)}


def _flag(name: str, default: bool, description: str) -> dict[str, Hyperparameter]:
    return {name: Hyperparameter(default, description, Flag())}


_AMSGRAD = _flag("amsgrad", False, "divide by the largest second moment seen")
_DECOUPLED = _flag("decoupled_weight_decay", False, "take weight decay from the parameters, not the gradients")


def _refuse_impossible_nesterov(values: Mapping[str, Any]) -> None:
    if values["nesterov"] and (values["momentum"] == 0 or values["dampening"] != 0):
        raise InputError("sgd: nesterov needs momentum > 0 and dampening = 0.")


def _refuse_forgetful_denominator(values: Mapping[str, Any]) -> None:
    names = ("beta1", "beta2", *moment_adam_options.SCHEDULES)
    moment_adam_options.refuse_forgetful_denominator(*(values[name] for name in names))


ENTRIES = (
    OptimizerEntry(
        "moment_adam",
        "optimizers.moment_adam:MomentAdam",
        "Adam with scheduled betas and a debias that stays exact under them",
        f"this project; {_ADAM}",
        {
            **_lr(1e-3),
            **_betas(),
            "beta1_schedule": Hyperparameter(None, "how beta1 changes", ScheduleOf("beta1")),
            "beta2_schedule": Hyperparameter(None, "how beta2 changes", ScheduleOf("beta2")),
            **_eps(1e-8, moment_adam_options.DOMAINS["eps"]),
            **_weight_decay(0.0),
            **_flag("decoupled", True, "take weight decay from the parameters (AdamW), not the gradients"),
            **_flag("debias", True, "divide the averages by the sum of their weights"),
        },
        rules=(_refuse_forgetful_denominator,),
    ),
    OptimizerEntry(
        "sgd",
        "torch.optim:SGD",
        "stochastic gradient descent, with momentum when asked for",
        "Sutskever et al., ICML 2013",
        {
            **_lr(1e-3),
            **_momentum(),
            "dampening": Hyperparameter(0.0, "share of the gradient kept out of the momentum", Real(0, 1)),
            **_flag("nesterov", False, "look ahead by the momentum"),
            **_weight_decay(0.0),
        },
        fixed={"fused": True},
        rules=(_refuse_impossible_nesterov,),
    ),
    OptimizerEntry(
        "adagrad",
        "torch.optim:Adagrad",
        "divides by the root of the sum of all squared gradients",
        "Duchi et al., JMLR 2011",
        {
            **_lr(1e-2),
            "lr_decay": Hyperparameter(0.0, "decay of the learning rate with the step", _NOT_NEGATIVE),
            "initial_accumulator_value": Hyperparameter(0.0, "the sum of squares at the start", _NOT_NEGATIVE),
            **_eps(1e-10),
            **_weight_decay(0.0),
        },
        fixed={"fused": True},
    ),
    OptimizerEntry(
        "rmsprop",
        "torch.optim:RMSprop",
        "divides by the root of an average of squared gradients",
        "Hinton, Coursera lecture 6e, 2012",
        {
            **_lr(1e-2),
            "alpha": Hyperparameter(0.99, "decay of the average of squared gradients", _FRACTION),
            **_eps(1e-8),
            **_momentum(),
            **_flag("centered", False, "subtract the squared average of the gradients"),
            **_weight_decay(0.0),
        },
    ),
    OptimizerEntry(
        "adam",
        "torch.optim:Adam",
        "averages of the gradient and of its square, both debiased",
        _ADAM,
        {**_lr(1e-3), **_betas(), **_eps(1e-8), **_weight_decay(0.0), **_AMSGRAD, **_DECOUPLED},
        fixed={"fused": True},
    ),
    OptimizerEntry(
        "adamw",
        "torch.optim:AdamW",
        "Adam with decoupled weight decay",
        "AdamW, arXiv 1711.05101",
        {**_lr(1e-3), **_betas(), **_eps(1e-8), **_weight_decay(1e-2), **_AMSGRAD},
        fixed={"fused": True},
    ),
    OptimizerEntry(
        "nadam",
        "torch.optim:NAdam",
        "Adam with Nesterov momentum on a schedule",
        "NAdam, OpenReview OM0jvwB8jIp57ZJjtNEZ",
        {
            **_lr(2e-3),
            **_betas(),
            **_eps(1e-8),
            **_weight_decay(0.0),
            "momentum_decay": Hyperparameter(4e-3, "speed of the momentum's schedule", _NOT_NEGATIVE),
            **_DECOUPLED,
        },
    ),
    OptimizerEntry(
        "radam",
        "torch.optim:RAdam",
        "Adam that waits until the variance of its denominator is tractable",
        "RAdam, arXiv 1908.03265",
        {**_lr(1e-3), **_betas(), **_eps(1e-8), **_weight_decay(0.0), **_DECOUPLED},
    ),
)
