"""Registering an optimizer, finding it by its name, and building it.

Importing this module does not import torch: an optimizer's class is imported when it is built.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from optimizers import own_class, user_code
from optimizers.catalogue import ENTRIES, lookahead
from optimizers.entry import OptimizerEntry
from optimizers.errors import InputError
from optimizers.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim.optimizer import Optimizer, ParamsT


def _adopt(name: str, target: str, found: Any) -> OptimizerEntry:
    return replace(own_class.entry_of(target, found), name=name)


OPTIMIZERS: Registry[OptimizerEntry] = Registry("optimizer", ENTRIES, group="adamant.optimizers", adopt=_adopt)
Registered = TypeVar("Registered")
MOST_AROUND = 8
_AROUND = re.compile(r"lookahead\((.*)\)")


def register(optimizer: Registered) -> Registered:
    """Let sweeps name an optimizer, which is then validated, built and listed as ours are.

    `optimizer` is its entry, or a class, for which this is a decorator: it goes by its own name, and its entry is read
    from its signature. Returns what it is given. The class must be importable, and registered, in every process;
    installed packages have entry points for this.

    InputError: the name is taken, or the class is no optimizer.
    """
    given: Any = optimizer
    if not isinstance(given, OptimizerEntry):
        given = _adopt(given.__name__, f"{given.__module__}:{given.__qualname__}", given)
    OPTIMIZERS.register(given)
    return optimizer


def names() -> tuple[str, ...]:
    """Return the names of all optimizers; "lookahead" stands for "lookahead(NAME)" with any of them."""
    return OPTIMIZERS.names()


def get(name: str) -> OptimizerEntry:
    """Return the entry of that name; InputError with the nearest name when there is none.

    "lookahead(NAME)" is Lookahead around another optimizer, its hyperparameters those of both. "module:Class" is a
    class of a user's own, see `optimizers.user_code`.
    """
    if user_code.is_own(name) and not name.startswith("lookahead("):
        return _own(name, user_code.current().digest, user_code.is_importable(name))
    if isinstance(name, str) and name.count("(") > MOST_AROUND:
        raise InputError(f"{name[:40]}...: at most {MOST_AROUND} optimizers can be nested in one another.")
    around = _AROUND.fullmatch(name) if isinstance(name, str) else None
    if around is None:
        return OPTIMIZERS.get(name)
    base = get(around[1])
    if base.averages_weights:
        raise InputError(f"lookahead cannot go around {base.name}, which averages its weights itself.")
    return lookahead.around(base)


@lru_cache
def _own(name: str, digest: str, importable: bool) -> OptimizerEntry:
    """The entry of a user's class, derived once from the code of that digest: from the class, or from its text."""
    if importable:
        return own_class.entry_of(name, user_code.resolve(name))
    return own_class.described(name, user_code.source_of(name))


def build(name: str, params: ParamsT, **hyperparameters: Any) -> Optimizer:
    """Build the named optimizer over tensors, named tensors or param groups, whose keys are checked as its own.

    InputError, before anything is imported: as `get` and `OptimizerEntry.check`. A schedule that still lacks
    its `stop` or `total` is refused by the optimizer itself.
    """
    return build_entry(get(name), params, hyperparameters)


def build_entry(
    entry: OptimizerEntry,
    params: ParamsT,
    hyperparameters: Mapping[str, Any],
    factory: Callable[..., Optimizer] | None = None,
) -> Optimizer:
    """Build what an entry describes, as `build`; `factory` is the class or function that its target names."""
    values = entry.check(hyperparameters)
    if isinstance(params, Mapping) or hasattr(params, "requires_grad"):
        kind = type(params).__name__
        raise InputError(f"{entry.name} takes a list of parameters or of param groups, got one {kind}.")
    return _build(entry, [_group(entry, item, values) for item in params], values, factory)


def _group(entry: OptimizerEntry, item: Any, values: Mapping[str, Any]) -> Any:
    """A param group as the class takes it, its parameters in a list; anything else as it is."""
    if not isinstance(item, dict):
        return item
    if "params" not in item:
        raise InputError(f"{entry.name}: a param group needs params, got one with {', '.join(item) or 'nothing'}.")
    params = item["params"]
    if hasattr(params, "requires_grad"):
        params = [params]
    return {**entry.check_group(item, values), "params": list(params)}


def _build(
    entry: OptimizerEntry, groups: list[Any], values: Mapping[str, Any], factory: Callable[..., Optimizer] | None = None
) -> Optimizer:
    optimizer_class = factory or pkgutil.resolve_name(entry.target)
    if entry.base is not None:
        own = {name: values[name] for name in entry.hyperparameters if name not in entry.base.hyperparameters}
        inner = {name: value for name, value in values.items() if name not in own}
        return optimizer_class(_build(entry.base, groups, inner), **own)
    if not _is_guarded(optimizer_class):
        wrapped = pkgutil.resolve_name("optimizers.base.wrapped:wrapped")
        return wrapped(groups, optimizer_class, {**entry.arguments(values), **entry.fixed}, entry.name)
    fixed = dict(entry.fixed)
    if fixed.get("fused") and not all(map(_fused_takes, _tensors(groups))):
        del fixed["fused"]
    optimizer = optimizer_class(groups, **entry.arguments(values), **fixed)
    if entry.hides_non_finite:
        pkgutil.resolve_name("optimizers.base.non_finite:refuse_non_finite")(optimizer)
    return optimizer


def _is_guarded(optimizer_class: Any) -> bool:
    """Whether a class keeps by itself what the guard around others' keeps for them."""
    base = pkgutil.resolve_name("optimizers.base.saved_state:SavedState")
    return isinstance(optimizer_class, type) and issubclass(optimizer_class, base)


def _tensors(groups: list[Any]) -> Iterable[Tensor]:
    for item in groups:
        members = item["params"] if isinstance(item, dict) else [item]
        for member in members:
            yield member[1] if isinstance(member, tuple) else member


def _fused_takes(p: Tensor) -> bool:
    """Torch's fused kernels take real floating-point tensors on these devices; others are refused with a sentence."""
    return p.is_floating_point() and p.device.type in ("cpu", "cuda")
