"""What optimizers share that train one set of weights and offer an average of them for use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.guards import kind_of, unhooked


class Averaging(Optimizer):
    """Base of such optimizers: `eval()` puts the averaged weights into the parameters, `train()` the trained ones back.

    Both may be called again without effect, and a change to and fro leaves every weight as it was to the last bit.
    Steps, checkpoints and copies are for train mode; RuntimeError otherwise.
    """

    _trained: dict[Tensor, Tensor] | None = None

    @abstractmethod
    def averages(self) -> Iterable[tuple[Tensor, Tensor]]:
        """Return parameters, each with the weights to be used; the others' are those that are trained."""

    @torch.no_grad()
    def eval(self) -> None:
        """Put the averaged weights into the parameters."""
        if self._trained is not None:
            return
        self._trained = {}
        for p, averaged in self.averages():
            self._trained[p] = p.detach().clone()
            p.copy_(averaged)

    @torch.no_grad()
    def train(self) -> None:
        """Put the trained weights back."""
        for p, trained in (self._trained or {}).items():
            p.copy_(trained)
        self._trained = None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient."""
        self._refuse_in_eval_mode("a step")
        return unhooked(super().step)(self, closure)

    def state_dict(self) -> dict[str, Any]:
        """Everything that further steps depend on, beside the trained weights."""
        self._refuse_in_eval_mode("a checkpoint")
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._refuse_in_eval_mode("a checkpoint")
        super().load_state_dict(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle needs."""
        self._refuse_in_eval_mode("a copy")
        return super().__getstate__()

    def _refuse_in_eval_mode(self, what: str) -> None:
        if self._trained is not None:
            raise RuntimeError(f"{kind_of(self)} is in eval mode; {what} needs train() first.")
