"""NadamP: NAdam whose denominator is the p-th root of the second moment."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor
from torch.optim.optimizer import ParamsT

from optimizers.base.dense_optimizer import Bucket, DenseOptimizer, Pair, Work, gradient
from optimizers.base.tensor_list import TensorList
from optimizers.domains import DECAY, NOT_NEGATIVE, Choice, Flag, Real


class NadamP(DenseOptimizer):
    """NAdam with decoupled weight decay and a p-th root, AlgoPerf's entry of that name.

    The rule is that of the catalogue's nadamp, with p = power.

    The moment stays the second; only its root changes. So a gradient c times as large gives a step c^(1 - 2/p) times as
    large, and lr has another scale for every p.

    At p = 2 it is NAdam with constant momentum but for one debias: m's part of u is divided by 1 - beta1^t here and by
    1 - beta1^(t+1) in `torch.optim.NAdam(momentum_decay=1e6, decoupled_weight_decay=True)`; the ratio nears 1 like
    beta1^t. At p = 2 and beta1 = 0 both are AdamW.

    Args:
        params: tensors, named tensors or param groups, as for every torch optimizer.
        lr: learning rate, >= 0.
        betas: decays in [0, 1) of the averages of g and g^2.
        eps: >= 0, added to the root; in units of the gradient to the power 2/p.
        weight_decay: >= 0; taken from the parameters times `lr`.
        power: p in [1, 16].
        implementation: "reference" (one tensor after another) or "foreach".
        maximize: ascend.

    State is float32 for float16 and bfloat16 parameters. A gradient with nan or inf makes its parameters nan.
    InputError: a value outside its range, parameters that are not real floating-point tensors, sparse gradients.

    Sources: NAdam, OpenReview OM0jvwB8jIp57ZJjtNEZ, in the form of arXiv 1910.05446, table 1; AlgoPerf's NadamP, whose
    other setting, nesterov off, is left out.
    """

    options: ClassVar = {
        "lr": NOT_NEGATIVE,
        "betas": Pair(DECAY),
        "eps": NOT_NEGATIVE,
        "weight_decay": NOT_NEGATIVE,
        "power": Real(1, 16),
        "implementation": Choice(("reference", "foreach")),
        "maximize": Flag(),
    }
    memories = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        power: float = 2.0,
        *,
        implementation: str = "foreach",
        maximize: bool = False,
    ) -> None:
        given = locals()
        super().__init__(params, {name: given[name] for name in self.options})

    def update(self, work: Work) -> None:
        """One step, bucket after bucket."""
        for group, bucket in work:
            _step_bucket(group, bucket)


def _step_bucket(group: dict[str, Any], bucket: Bucket) -> None:
    step = bucket.next_step()
    grads = [gradient(p, g, group["maximize"]) for p, g in zip(bucket.params, bucket.grads, strict=True)]
    columns = (bucket.params, grads, bucket.memory("exp_avg"), bucket.memory("exp_avg_sq"))
    if group["implementation"] == "foreach":
        theta, g, m, v = map(TensorList, columns)
        _rule(theta, g, m, v, group, step)  # pyright: ignore[reportArgumentType]
    else:
        for theta, g, m, v in zip(*columns, strict=True):
            _rule(theta, g, m, v, group, step)


def _rule(theta: Tensor, g: Tensor, m: Tensor, v: Tensor, group: dict[str, Any], step: int) -> None:
    """The rule for a tensor, or for a `TensorList` in its place; theta is rounded once, whatever its type."""
    beta1, beta2 = group["betas"]
    debias1, debias2 = 1 - beta1**step, 1 - beta2**step
    m.lerp_(g, 1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    u = (m * beta1).add_(g, alpha=1 - beta1)
    moment, power = v / debias2, group["power"]
    root = moment.sqrt() if power == 2 else moment.pow(1 / power)
    u.div_(root.add_(group["eps"]))
    if group["weight_decay"]:
        u.add_(theta, alpha=group["weight_decay"] * debias1)
    theta.add_(u, alpha=-group["lr"] / debias1)
