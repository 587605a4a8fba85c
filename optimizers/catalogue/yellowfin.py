"""YellowFin, this project's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import flag, weight_decay
from optimizers.domains import DECAY, NOT_NEGATIVE, Integer
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="yellowfin",
    target="optimizers.baselines.yellowfin_optimizer:YellowFin",
    summary="momentum SGD that tunes its own learning rate and momentum by measuring the gradient",
    rule="""
        g     <- grad + weight_decay theta               h = ||g||^2 over all parameters, at most 100 h_max
        h_min, h_max  =  averages of min and max of h over the window, of their logarithms
        C     =  average of h - ||average of g||^2       gradient variance
        D     =  average of ||g|| / h                    distance to the optimum
        p     =  D^2 h_min^2 / (2 C);  y the real root of y^3 + p y + p
        mu    =  max((1 + y)^2, ((sqrt(r) - 1) / (sqrt(r) + 1))^2)               r = h_max / h_min
        lr_t  =  (1 - sqrt(mu))^2 / h_min min(1, t / (10 window))
        mu, lr_t  <- their averages                      smooth
        b     <- mu b + g min(1, sqrt(h_max) / ||g||)
        theta <- theta - min(lr lr_t, 100 / ||g||) b
    """,
    source="YellowFin, arXiv 1706.03471",
    special_cases=("with mu and lr_t as they come out: sgd with that momentum and learning rate at each step",),
    hyperparameters={
        "lr": Hyperparameter(1.0, "factor on the tuned learning rate", NOT_NEGATIVE),
        "beta": Hyperparameter(0.999, "decay of every average of the tuner", DECAY, "per step"),
        "window": Hyperparameter(20, "length of the window of the curvature range", Integer(1, 100_000), "steps"),
        **flag("smooth", True, "apply averages of momentum and learning rate, not each step's own"),
        **flag("clip", True, "limit spikes in the measurements, in the gradient and in the length of a step"),
        **weight_decay(),
    },
)
