"""Hyperparameters that many optimizers share, each as a dict to be merged into an entry's table."""

from __future__ import annotations

from optimizers.domains import DECAY, NOT_NEGATIVE, Domain, Flag
from optimizers.hyperparameter import Hyperparameter

Table = dict[str, Hyperparameter]


def lr(default: float) -> Table:
    """The learning rate."""
    return {"lr": Hyperparameter(default, "learning rate", NOT_NEGATIVE, "parameter per unit of direction")}


def betas(beta1: float = 0.9, beta2: float = 0.999, second: str = "squares") -> Table:
    """Decays of the averages of the gradients and of their `second`."""
    return {
        "beta1": Hyperparameter(beta1, "decay of the average of the gradients", DECAY, "per step"),
        "beta2": Hyperparameter(beta2, f"decay of the average of their {second}", DECAY, "per step"),
    }


def eps(default: float, domain: Domain = NOT_NEGATIVE) -> Table:
    """The constant in the denominator."""
    return {"eps": Hyperparameter(default, "added to the denominator", domain, "gradient")}


def weight_decay(default: float = 0.0) -> Table:
    """Decay of the parameters."""
    return {"weight_decay": Hyperparameter(default, "decay of the parameters", NOT_NEGATIVE, "per step and lr")}


def library_decay(decoupled: bool) -> Table:
    """Decay of the parameters in the three forms of pytorch-optimizer, none by default."""
    return {
        **weight_decay(),
        **flag("weight_decouple", decoupled, "take weight decay from the parameters, not the gradients"),
        **flag("fixed_decay", False, "decoupled decay is per step alone, whatever the learning rate"),
    }


def momentum(default: float = 0.0) -> Table:
    """The momentum of a gradient descent."""
    return {"momentum": Hyperparameter(default, "share of the last step that is kept", DECAY, "per step")}


def flag(name: str, default: bool, description: str) -> Table:
    """A switch."""
    return {name: Hyperparameter(default, description, Flag())}


AMSGRAD = flag("amsgrad", False, "divide by the largest second moment seen")
DECOUPLED = flag("decoupled_weight_decay", False, "take weight decay from the parameters, not the gradients")
BETAS = {"betas": ("beta1", "beta2")}
