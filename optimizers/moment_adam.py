"""MomentAdam: Adam whose betas may follow schedules, with the debias exact under any of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from optimizers import moment_adam_update as update
from optimizers import schedules
from optimizers.errors import InputError
from optimizers.moment_adam_options import DOMAINS, OPTIONS, SCHEDULES, checked_options

_MOMENTS = ("exp_avg", "exp_avg_sq")
_STATE_KEYS = ("step", "beta1_product", "beta2_product", *_MOMENTS)


class _Bucket(NamedTuple):
    """The parameters of a group that are at the same point: one call updates them all."""

    params: list[Tensor]
    grads: list[Tensor]
    states: list[dict[str, Any]]


class MomentAdam(Optimizer):
    """Adam and AdamW with scheduled betas.

    With constant betas it is `torch.optim.Adam` (`decoupled=False`) or AdamW (`decoupled=True`), bit for bit
    in the reference and foreach implementations. The weights of an exponential average sum to
    `1 - prod(beta_i)` whatever the betas were, and by that it is divided.

    Args:
        params: tensors, named tensors or param groups, as for every torch optimizer.
        lr: learning rate.
        betas: decay of the gradient's average and of its square's; the base values of the schedules.
        eps: added to the denominator after the root.
        weight_decay: decay of the parameters; taken from them times `lr`, or added to the gradient
            when not `decoupled`.
        beta1_schedule, beta2_schedule: see `optimizers.schedules`. They count the steps of each parameter, or
            the epochs that `set_epoch` announces.
        debias: divide both averages by the sum of their weights.
        implementation: "reference" (one tensor after another), "foreach", "fused" or "auto" (fused where
            torch's kernel applies). "fused" falls back to foreach where the kernel does not apply.
        maximize: ascend.

    State is float32 for float16 and bfloat16 parameters, in memory and through checkpoints. Not for capture
    in a CUDA graph: the coefficients are Python numbers. InputError: a value outside its range, parameters
    that are not real floating-point tensors, sparse gradients.

    Sources: Adam, arXiv 1412.6980; AdamW, arXiv 1711.05101; schedules of beta1, Demon, arXiv 1910.04952.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decoupled: bool = True,
        beta1_schedule: schedules.Schedule = None,
        beta2_schedule: schedules.Schedule = None,
        debias: bool = True,
        implementation: str = "auto",
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled": decoupled,
            "beta1_schedule": beta1_schedule,
            "beta2_schedule": beta2_schedule,
            "debias": debias,
            "implementation": implementation,
            "maximize": maximize,
            "epoch": 1,
        }
        super().__init__(params, checked_options(options))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults; they are checked in the same way."""
        if self.param_groups:
            param_group = {"epoch": self.param_groups[0]["epoch"], **param_group}
        own = checked_options({**self.defaults, **{k: v for k, v in param_group.items() if k != "params"}})
        super().add_param_group({**param_group, **own})
        for p in self.param_groups[-1]["params"]:
            if not p.is_floating_point():
                self.param_groups.pop()
                raise InputError(f"MomentAdam optimizes real floating-point tensors, got one of type {p.dtype}.")

    def set_epoch(self, epoch: int) -> None:
        """Announce that epoch `epoch` begins, counted from 1, to the schedules that count epochs."""
        epoch = DOMAINS["epoch"].check(epoch, "epoch")
        for group in self.param_groups:
            group["epoch"] = epoch

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # All buckets first: a refused gradient leaves every parameter as it was.
        work = [(group, bucket) for group in self.param_groups for bucket in self._buckets(group)]
        for group, bucket in work:
            _step_bucket(group, bucket)
        return loss

    def _buckets(self, group: dict[str, Any]) -> Iterable[_Bucket]:
        """The group's parameters that have gradients, by type, device and what their averages have seen."""
        buckets: dict[tuple[Any, ...], _Bucket] = {}
        for p in group["params"]:
            grad = p.grad
            if grad is None:
                continue
            if grad.layout is not torch.strided:
                raise InputError(
                    f"MomentAdam needs dense gradients, got {grad.layout} for a parameter of shape "
                    f"{tuple(p.shape)}; an embedding gives dense ones with sparse=False."
                )
            state = self.state[p]
            if not state:
                state.update(_fresh_state(p))
            key = (state["step"], state["beta1_product"], state["beta2_product"], p.dtype, p.device)
            bucket = buckets.get(key)
            if bucket is None:
                bucket = buckets[key] = _Bucket([], [], [])
            bucket.params.append(p)
            bucket.grads.append(grad)
            bucket.states.append(state)
        return buckets.values()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, in the precision in which it was saved.

        InputError: the state is not MomentAdam's, or that of parameters of other shapes.
        """
        given: list[dict[str, Any]] = []

        def check_and_keep(_: Optimizer, loaded: dict[str, Any]) -> None:
            for p, saved in self._matched(loaded):
                _check_state(p, saved)
            given.append(loaded)

        # Other hooks may replace the given dict; the last one sees what torch will load.
        handle = self.register_load_state_dict_pre_hook(check_and_keep)
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
        for p, saved in self._matched(given[0]):
            # Torch has cast these to the type of the parameter, or shares their memory with the given dict.
            for name in _MOMENTS:
                self.state[p][name] = _zeros(p).copy_(saved[name])

    def _matched(self, state_dict: dict[str, Any]) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        """The parameters with the state saved for each; one that has had no gradient has none."""
        saved_ids = itertools.chain.from_iterable(g["params"] for g in state_dict["param_groups"])
        params = itertools.chain.from_iterable(g["params"] for g in self.param_groups)
        for saved_id, p in zip(saved_ids, params, strict=False):  # torch itself reports a wrong number
            if saved_id in state_dict["state"]:
                yield p, state_dict["state"][saved_id]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled optimizer; options that an older one did not have get their defaults."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name in OPTIONS:
                group.setdefault(name, self.defaults[name])


def _check_state(p: Tensor, saved: Mapping[str, Any]) -> None:
    if not set(_STATE_KEYS).issubset(saved):
        raise InputError(f"The loaded state is not that of MomentAdam, it has: {', '.join(map(str, saved))}.")
    for name in _MOMENTS:
        if saved[name].shape != p.shape:
            shapes = f"{tuple(saved[name].shape)}, its parameter {tuple(p.shape)}"
            raise InputError(f"The loaded state is that of another model: {name} has shape {shapes}.")


def _zeros(p: Tensor) -> Tensor:
    """Zeros in the layout of a parameter, in at least float32: averages in bfloat16 stall."""
    dtype = torch.float64 if p.dtype is torch.float64 else torch.float32
    return torch.zeros_like(p, dtype=dtype, memory_format=torch.preserve_format)


def _fresh_state(p: Tensor) -> dict[str, Any]:
    return {
        "step": 0,
        "beta1_product": 1.0,
        "beta2_product": 1.0,
        "exp_avg": _zeros(p),
        "exp_avg_sq": _zeros(p),
    }


def _beta(group: dict[str, Any], index: int, step: int) -> float:
    schedule = group[SCHEDULES[index]]
    count = step if schedule["unit"] == "step" else group["epoch"]
    return schedules.evaluate(schedule, group["betas"][index], count)


def _step_bucket(group: dict[str, Any], bucket: _Bucket) -> None:
    """Advance the counters of a bucket by one step and update its parameters."""
    seen = bucket.states[0]
    step = seen["step"] + 1
    beta1, beta2 = _beta(group, 0, step), _beta(group, 1, step)
    # In float64, and exact for any sequence of betas: 1 - B is the sum of the average's weights.
    product1, product2 = seen["beta1_product"] * beta1, seen["beta2_product"] * beta2
    coefficients = update.Coefficients(
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        eps=group["eps"],
        weight_decay=group["weight_decay"],
        decoupled=group["decoupled"],
        maximize=group["maximize"],
        debias1=1 - product1 if group["debias"] else 1.0,
        debias2=1 - product2 if group["debias"] else 1.0,
    )
    exp_avgs = [state["exp_avg"] for state in bucket.states]
    exp_avg_sqs = [state["exp_avg_sq"] for state in bucket.states]
    tensors = update.Tensors(bucket.params, bucket.grads, exp_avgs, exp_avg_sqs)
    update.apply(group["implementation"], tensors, coefficients)
    for state in bucket.states:
        state["step"] = step
        state["beta1_product"] = product1
        state["beta2_product"] = product2
