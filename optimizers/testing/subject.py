"""What a conformance suite is run on: an optimizer with settings, built as a sweep builds it or by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim import Optimizer

from optimizers import own_class
from optimizers.entry import OptimizerEntry
from optimizers.factory import build_entry, get

Made = str | OptimizerEntry | Callable[..., Optimizer]
"""A registered name, "module:Class", an entry, or a class or function."""
# From the usual one to those that some optimizers need, which scale them.
RATES = (0.1, 1.0, 4.0, 0.01)


@dataclass(frozen=True)
class Subject:
    """An optimizer under test.

    Attributes:
        entry: What is known of it.
        settings: Its hyperparameters; others are at their defaults.
        factory: Its class or function, where the entry does not name what can be imported.
        guarded: Built as for training here, or by its class alone.
    """

    entry: OptimizerEntry
    settings: Mapping[str, Any] = field(default_factory=dict)
    factory: Callable[..., Optimizer] | None = None
    guarded: bool = True

    def build(self, params: Any, **settings: Any) -> Any:
        """Build it over parameters or groups, with some of its settings replaced."""
        together = {**self.settings, **settings}
        if self.guarded or self.factory is None:
            return build_entry(self.entry, params, together, self.factory)
        return self.factory(params, **self.entry.arguments(self.entry.check(together)))

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.entry.name

    def rates(self, lr: float) -> dict[str, float]:
        """Return settings by which every kind of parameter has this learning rate."""
        return dict.fromkeys(self.entry.learning_rates, lr)

    @property
    def searched_rates(self) -> tuple[dict[str, float], ...]:
        """Settings of the learning rates at which a small problem may be solved."""
        if "lr" in self.settings or not self.entry.learning_rates:
            return ({},)
        return (*map(self.rates, RATES), {})


def subject_of(made: Made, settings: Mapping[str, Any] | None = None, *, guarded: bool = True) -> Subject:
    """Return the subject that a name, an entry, a class or a function stands for.

    InputError: there is no such optimizer, or it is none; `guarded` is false for one that is here already guarded.
    """
    given = dict(settings or {})
    if isinstance(made, OptimizerEntry):
        return Subject(made, given, guarded=guarded)
    if isinstance(made, str):
        return Subject(get(made), given, guarded=guarded)
    target = f"{getattr(made, '__module__', '')}:{getattr(made, '__qualname__', type(made).__name__)}"
    return Subject(own_class.entry_of(target, made), given, made, guarded)


def use_averages(optimizer: Any) -> None:
    """Have the optimizer put in the weights that are meant to be used, if they are not those that are trained."""
    if callable(getattr(optimizer, "eval", None)):
        optimizer.eval()


def train_mode(optimizer: Any) -> None:
    """Have the optimizer put in the weights that are trained, as an optimizer without a guard may need."""
    if callable(getattr(optimizer, "train", None)):
        optimizer.train()


def torch_generators() -> list[torch.Tensor]:
    """Return the states of torch's generators, which training here keeps in its checkpoints."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]
