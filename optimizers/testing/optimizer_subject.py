"""What a conformance suite is run on: an optimizer with settings, built as a sweep builds it or by itself."""

from __future__ import annotations

import pkgutil
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
        optimizer = self.factory(params, **self.entry.arguments(self.entry.check(together)))
        train_mode(optimizer)
        return optimizer

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.entry.name

    def rates(self, lr: float) -> dict[str, float]:
        """Return settings by which every kind of parameter has this learning rate."""
        return dict.fromkeys(self.entry.learning_rates, lr)

    def searched_rates(self, share: float = 1.0) -> list[dict[str, float]]:
        """Return settings of the learning rates, times `share`, at which a small problem may be solved."""
        own = [{name: share * self.settings[name] for name in self.entry.learning_rates if name in self.settings}]
        if not self.entry.learning_rates:
            return [{}]
        return [*filter(None, own), *(self.rates(share * lr) for lr in RATES)]


def subject_of(made: Made, settings: Mapping[str, Any] | None = None, *, guarded: bool = True) -> Subject:
    """Return the subject that a name, an entry, a class or a function stands for.

    Args:
        made: The optimizer.
        settings: Its hyperparameters; a learning rate that is required and not among them is 0.1.
        guarded: Built as for training here, or by its class alone.

    InputError: there is no such optimizer, or it is none.
    """
    factory: Callable[..., Optimizer] | None = None
    if isinstance(made, OptimizerEntry):
        entry = made
    elif isinstance(made, str):
        entry = get(made)
    else:
        name = getattr(made, "__qualname__", type(made).__name__)
        entry, factory = own_class.entry_of(f"{getattr(made, '__module__', '')}:{name}", made), made
    if not guarded and factory is None:
        factory = pkgutil.resolve_name(entry.target)
    needed = {name: RATES[0] for name in entry.learning_rates if entry.hyperparameters[name].required}
    return Subject(entry, {**needed, **(settings or {})}, factory, guarded)


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
