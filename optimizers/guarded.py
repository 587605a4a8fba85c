"""A guard before other people's optimizers, so that each keeps what torch promises of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.guards import load_and_keep, loss_of, matched, refuse_complex, refuse_sparse


class Guarded(Optimizer):
    """Stands before another class among the bases, as in `class Lion(Guarded, pytorch_optimizer.Lion)`.

    - A step leaves every `p.grad` as it was; some classes of pytorch-optimizer write weight decay or more into it.
    - State and arithmetic are float32 for float16 and bfloat16 parameters, and a checkpoint restores every state in
      the precision in which it was saved. In float16 an eps of 1e-8 is 0, and a gradient of 0 then gives nan.
    - Copies and pickles keep what a class stores in attributes: those that `attributes` names.
    - InputError: parameters that are not real floating-point tensors; sparse gradients, before anything moves.

    `writes_gradients` says that the class does so in every step, and not for coupled weight decay alone.
    """

    attributes: ClassVar[tuple[str, ...]] = ()
    writes_gradients: ClassVar[bool] = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        super().add_param_group(param_group)
        refuse_complex(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        loss = loss_of(closure)
        refuse_sparse(self)
        with _shielded(self.param_groups, self.writes_gradients):
            super().step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, in the precision in which it was saved."""
        loaded = load_and_keep(self, super().load_state_dict, state_dict, lambda _: None)
        for p, saved, _ in matched(self, loaded):
            # Torch has cast what it loaded to the type of the parameter.
            self.state[p] = _copied(saved, p.device)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle needs; torch's own leaves attributes out."""
        return {**super().__getstate__(), **{name: getattr(self, name) for name in self.attributes}}


@contextmanager
def _shielded(groups: list[dict[str, Any]], always: bool) -> Iterator[None]:
    """Inside, half-precision parameters are float32 with their gradients, and a gradient that may change is a copy."""
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for group in groups:
        written = always or (group["weight_decay"] > 0 and not group.get("weight_decouple", True))
        for p in group["params"]:
            if p.grad is not None and (written or _is_half(p)):
                kept.append((p, p.data, p.grad))
    try:
        for p, data, grad in kept:
            p.grad = None
            p.data = data.float() if _is_half(data) else data
            p.grad = grad.to(p.dtype, copy=True)
        yield
    finally:
        for p, data, grad in kept:
            p.grad = None
            if p.dtype is not data.dtype:
                data.copy_(p.data)
                p.data = data
            p.grad = grad


def _is_half(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.float16, torch.bfloat16)


def _copied(value: Any, device: torch.device) -> Any:
    """A copy of a parameter's state with its tensors on `device`."""
    if isinstance(value, Tensor):
        return value.to(device, copy=True)
    if isinstance(value, dict):
        return {key: _copied(item, device) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, device) for item in value]
    return value
