"""A guard before other people's optimizers, so that each keeps what torch promises of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from optimizers.base.guards import loss_of, refuse_complex, refuse_sparse, unhooked
from optimizers.base.saved_state import SavedState
from optimizers.base.shield import shielded


class Guarded(SavedState):
    """Stands before another class among the bases, as in `class Lion(Guarded, pytorch_optimizer.Lion)`.

    - A step leaves every `p.grad` as it was; some classes of pytorch-optimizer write weight decay or more into it.
    - A gradient whose elements lie in another order than the parameter's is copied: torch's fused kernels walk over raw
      memory.
    - State and arithmetic are float32 for float16 and bfloat16 parameters. In float16 an eps of 1e-8 is 0, and a
      gradient of 0 then gives nan.
    - A state dict that is not this optimizer's is refused, see `SavedState`.
    - Copies and pickles keep what a class stores in attributes: those that `attributes` names.
    - InputError: parameters that are not real floating-point tensors; sparse gradients, before anything moves.

    `writes_gradients` says that the class does so in every step, and not for coupled weight decay alone;
    `takes_sparse_gradients` that it does.
    """

    attributes: ClassVar[tuple[str, ...]] = ()
    writes_gradients: ClassVar[bool] = False
    takes_sparse_gradients: ClassVar[bool] = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        super().add_param_group(param_group)
        refuse_complex(self)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        loss = loss_of(closure)
        if not self.takes_sparse_gradients:
            refuse_sparse(self)
        with shielded(self._with_gradients()):
            unhooked(super().step)(self)
        return loss

    def _with_gradients(self) -> Iterator[tuple[Tensor, bool]]:
        """The parameters that have a gradient, each with whether a step may write into it."""
        for group in self.param_groups:
            coupled = group["weight_decay"] > 0 and not group.get("weight_decouple", True)
            for p in group["params"]:
                if p.grad is not None:
                    yield p, self.writes_gradients or coupled

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle needs; torch's own leaves attributes out."""
        return {**super().__getstate__(), **{name: getattr(self, name) for name in self.attributes}}
