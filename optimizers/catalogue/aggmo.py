"""AggMo, pytorch-optimizer's."""

from __future__ import annotations

from optimizers.catalogue.shared_hyperparameters import library_decay, lr
from optimizers.domains import Integer, Real
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

ENTRY = OptimizerEntry(
    name="aggmo",
    target="optimizers.baselines.library_baselines:AggMo",
    summary="gradient descent with several momenta at once, from none to very long",
    rule="""
        b_i   =  1 - damping_base^(i - 1)                 i = 1..K, K = damping_count
        g     <- grad + weight_decay theta                weight_decouple: theta <- (1 - lr weight_decay) theta
        v_i   <- b_i v_i + g
        theta <- theta - lr / K (v_1 + ... + v_K)
    """,
    source="Aggregated Momentum, arXiv 1804.00325",
    special_cases=(
        "damping_count = 1: sgd without momentum",
        "the defaults give the momenta 0, 0.9 and 0.99, as the library's and the paper's do",
    ),
    hyperparameters={
        **lr(1e-3),
        "damping_base": Hyperparameter(
            0.1, "how much nearer to 1 each momentum is than the last", Real(0.01, 1, exclude_max=True)
        ),
        "damping_count": Hyperparameter(3, "how many momenta there are", Integer(1, 8)),
        **library_decay(decoupled=False),
    },
)
