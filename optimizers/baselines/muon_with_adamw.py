"""Muon for the matrices of a model, AdamW for everything else, in one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT

from optimizers.base.guarded import Guarded
from optimizers.base.saved_state import NUMBER, Layout
from optimizers.errors import InputError

_CLASSES: dict[str, type[Optimizer]] = {"muon": torch.optim.Muon, "adamw": torch.optim.AdamW}


class _MatricesAndRest(Optimizer):
    """Torch's Muon for parameters of two dimensions, torch's AdamW for those of any other number.

        B     <- momentum B + (1 - momentum) G                          matrices
        U     =  (1 - momentum) G + momentum B, or B without nesterov
        O     =  U with every singular value near 1, by ns_steps of Newton and Schulz
        theta <- (1 - lr weight_decay) theta - lr s O                   s: adjust_lr_fn

    Keller Jordan et al., Muon, 2024; Muon is Scalable for LLM Training, arXiv 2502.16982.

    Every given group becomes up to two, whose `rule` is "muon" or "adamw"; each has its own `lr`, so that schedules of
    the learning rate act on both. A group's `lr` and `weight_decay` are those of its matrices, `adamw_lr` and
    `adamw_weight_decay` those of the rest. `fused` is AdamW's. InputError: parameters that are not real floating-point
    tensors; sparse gradients, before anything moves.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-2,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        nesterov: bool = True,
        ns_steps: int = 5,
        adjust_lr_fn: str = "original",
        adamw_lr: float = 1e-3,
        adamw_betas: tuple[float, float] = (0.9, 0.999),
        adamw_eps: float = 1e-8,
        adamw_weight_decay: float = 1e-2,
        *,
        fused: bool | None = None,
    ) -> None:
        self._options = {
            "muon": {
                "lr": lr,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
            "adamw": {
                "adamw_lr": adamw_lr,
                "adamw_betas": adamw_betas,
                "adamw_eps": adamw_eps,
                "adamw_weight_decay": adamw_weight_decay,
                "fused": fused,
            },
        }
        # Schedules look here for what they may change in every group.
        super().__init__(params, {"momentum": momentum})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add the matrices of a group and the rest of it as a group each."""
        given = param_group["params"]
        known = {"params", *(name for options in self._options.values() for name in options)}
        others = {name: value for name, value in param_group.items() if name not in known}
        members = [given] if isinstance(given, Tensor) else list(given)
        tensors = [member[1] if isinstance(member, tuple) else member for member in members]
        rules = ["muon" if tensor.ndim == 2 and tensor.numel() else "adamw" for tensor in tensors]
        for rule, options in self._options.items():
            own = {name.removeprefix("adamw_"): param_group.get(name, value) for name, value in options.items()}
            part = [member for member, its_rule in zip(members, rules, strict=True) if its_rule == rule]
            if part:
                defaults = _over([torch.empty(1, 1)], rule, own).defaults
                super().add_param_group({**defaults, **others, "params": part, "rule": rule})
        self._share()

    def _share(self) -> None:
        """Build torch's optimizers, over the groups and the state of this one."""
        self._parts: list[Optimizer] = []
        for rule in _CLASSES:
            # Torch's constructors insist on a parameter.
            part = _over([torch.empty(1, 1)], rule, {})
            part.param_groups = [group for group in self.param_groups if group["rule"] == rule]
            part.state = self.state
            self._parts.append(part)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient."""
        for part in self._parts:
            part.step()

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle needs."""
        return {**super().__getstate__(), "_options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled optimizer, or what load_state_dict has read."""
        super().__setstate__(state)
        self._share()


def _over(params: list[Tensor], rule: str, options: dict[str, Any]) -> Optimizer:
    return _CLASSES[rule](params, **options)


class Muon(Guarded, _MatricesAndRest):
    __doc__ = _MatricesAndRest.__doc__

    required = ("lr", "rule")

    def layout_of(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, Layout]:
        """Muon's momentum, or what AdamW keeps."""
        if group["rule"] == "muon":
            return {"momentum_buffer": p.shape}
        return {"step": NUMBER, "exp_avg": p.shape, "exp_avg_sq": p.shape}

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless the group is one of matrices as this one's, or of the rest, with options of that."""
        if own["rule"] != saved["rule"]:
            raise InputError(f"the rule is {saved['rule']!r}; this one's is {own['rule']!r}.")
        super().check_options(own, saved)
