# pyright: reportPrivateImportUsage=false
# Torch documents its kernels over lists of tensors, but exports no public name for them.
"""Lookahead: slow weights that follow those of another optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base.averaging import Averaging
from optimizers.base.diagnostics import diagnostics
from optimizers.base.guards import parameters, precise_dtype
from optimizers.base.saved_state import SavedState
from optimizers.domains import Integer, Real
from optimizers.errors import InputError

LOOKAHEAD_K = Integer(1)
LOOKAHEAD_ALPHA = Real(0, 1, exclude_min=True)
# The key of what the base's state dict has beside the two keys of torch's.
_FURTHER = "base_further"
_OWN = {"lookahead_k": LOOKAHEAD_K, "lookahead_alpha": LOOKAHEAD_ALPHA, "lookahead_step": Integer(0)}


class Lookahead(Averaging, SavedState):
    """Every `lookahead_k` steps of `base`, slow weights go part of the way to the fast ones, which go on from there.

    The rule is that of the catalogue's lookahead.

    Lookahead Optimizer: k steps forward, 1 step back, arXiv 1907.08610.

    `eval()` puts the slow weights into the parameters, `train()` the fast ones back. Slow weights are float32 for
    float16 and bfloat16 parameters. The param groups are those of `base`, whose options and schedules act as ever; a
    group may have its own `lookahead_k`, a whole number >= 1, and `lookahead_alpha`, in (0, 1]; InputError otherwise.

    Written here because pytorch-optimizer's class cannot be copied or pickled, takes its slow weights at construction,
    before a user has loaded a model's own, and rounds them to half precision.
    """

    memories = ("slow",)
    required = tuple(_OWN)

    def __init__(self, base: Optimizer, lookahead_k: int = 5, lookahead_alpha: float = 0.5) -> None:
        self.base = base
        own = {"lookahead_k": lookahead_k, "lookahead_alpha": lookahead_alpha, "lookahead_step": 0}
        super().__init__(base.param_groups, {**base.defaults, **own})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group to the base and here; both see the same dict."""
        own = {key: param_group[key] for key in ("lookahead_k", "lookahead_alpha") if key in param_group}
        group = {**self.defaults, **own}
        own = {name: _OWN[name].check(group[name], name) for name in ("lookahead_k", "lookahead_alpha")}
        new = [param_group]
        if not any(param_group is known for known in self.base.param_groups):
            before = len(self.base.param_groups)
            self.base.add_param_group({key: value for key, value in param_group.items() if key not in own})
            new = self.base.param_groups[before:]  # Muon makes two of one
        for group in new:
            group.update(own)
            super().add_param_group(group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step of the base; the slow weights move when it is their turn."""
        self._refuse_in_eval_mode("a step")
        for p in parameters(self):
            if p not in self.state:
                self.state[p]["slow"] = p.detach().to(precise_dtype(p), copy=True)
        loss = self.base.step(closure)  # pyright: ignore[reportArgumentType]
        for group in self.param_groups:
            group["lookahead_step"] += 1
            if group["lookahead_step"] % group["lookahead_k"] == 0 and group["params"]:
                self._synchronise(group)
        return loss

    def _synchronise(self, group: dict[str, Any]) -> None:
        fast = group["params"]
        slow = [self.state[p]["slow"] for p in fast]
        torch._foreach_lerp_(slow, [p.to(s.dtype) for p, s in zip(fast, slow, strict=True)], group["lookahead_alpha"])
        torch._foreach_copy_(fast, slow)

    def averages(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the parameters that have slow weights, with these."""
        return ((p, self.state[p]["slow"]) for p in parameters(self) if p in self.state)

    def diagnostics(self) -> dict[str, float]:
        """Those of the base."""
        return diagnostics(self.base)

    def set_epoch(self, epoch: int) -> None:
        """Announce the epoch to a base that counts epochs."""
        set_epoch = getattr(self.base, "set_epoch", None)
        if set_epoch is not None:
            set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """As torch's, with the slow weights under `state` and the state of the base under `base`."""
        base = self.base.state_dict()
        further = {key: value for key, value in base.items() if key not in ("state", "param_groups")}
        return {**super().state_dict(), "base": base["state"], **({_FURTHER: further} if further else {})}

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless each of its own options is in its domain; the base checks the others."""
        for name, domain in _OWN.items():
            domain.check(saved[name], name)

    def check_state(self, state_dict: dict[str, Any]) -> None:
        """InputError unless the state is one that this optimizer and its base could have saved."""
        if "base" not in state_dict:
            raise InputError("The loaded state is not that of Lookahead, it lacks the state of its base.")
        super().check_state(state_dict)
        if isinstance(self.base, SavedState):
            self.base.check_state(_of_base(state_dict))

    def restore(self, state_dict: dict[str, Any]) -> None:
        """Restore the base, and the slow weights from the saved ones."""
        self.base.load_state_dict(_of_base(state_dict))
        self.param_groups = list(self.base.param_groups)
        super().restore(state_dict)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle needs."""
        return {**super().__getstate__(), "base": self.base}


def _of_base(state_dict: dict[str, Any]) -> dict[str, Any]:
    own = {"state": state_dict["base"], "param_groups": state_dict["param_groups"]}
    return {**own, **state_dict.get(_FURTHER, {})}
