"""The arguments of a constructor as the hyperparameters of an entry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from optimizers.domains import Plain
from optimizers.entry import OptimizerEntry
from optimizers.hyperparameter import Hyperparameter

REQUIRED: Final = object()
"""In place of the default of an argument that has none."""
UNKNOWN: Final = object()
"""In place of a default that only executing the code would tell."""


@dataclass
class Arguments:
    """What a constructor takes beside the parameters.

    `defaults` are the named arguments in their order. One that is `open_ended` takes others as well: those that
    `others` names, or any where that is None.
    """

    defaults: dict[str, Any] = field(default_factory=dict)
    open_ended: bool = False
    others: frozenset[str] | None = None
    summary: str = ""
    averages_weights: bool = False


def entry_from(target: str, arguments: Arguments) -> OptimizerEntry:
    """Return the entry of "module:Class" with these arguments."""
    table: dict[str, Hyperparameter] = {}
    tuples: dict[str, tuple[str, ...]] = {}
    open_ended, others = arguments.open_ended, arguments.others
    for name, default in arguments.defaults.items():
        members = _members(name, default, arguments.defaults)
        if members:
            tuples[name] = members
            numbers = zip(members, default, strict=True)
            table |= {one: _setting(value, f"{name}[{i}]") for i, (one, value) in enumerate(numbers)}
        elif default is REQUIRED:
            table[name] = Hyperparameter(None, f"{name} of the constructor", Plain(), required=True)
        elif default is UNKNOWN:
            # Where it is a tuple, its members are searched one by one.
            table[name], open_ended, others = _setting(None, name), True, None
        elif is_plain(default):
            table[name] = _setting(default, name)
    return OptimizerEntry(
        name=target,
        target=target,
        summary=arguments.summary or "an optimizer of one's own",
        rule="",
        source=target,
        hyperparameters=table,
        tuples=tuples,
        learning_rates=("lr",) if "lr" in table else (),
        averages_weights=arguments.averages_weights,
        open_ended=open_ended,
        others=None if others is None else others - table.keys() - tuples.keys() - {"params"},
    )


def _setting(default: Any, what: str) -> Hyperparameter:
    return Hyperparameter(default, f"{what} of the constructor", Plain(default))


def _members(name: str, default: Any, others: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the numbers of a tuple, as beta1 and beta2 of betas; nothing for what is searched as it is."""
    if not isinstance(default, tuple | list) or not default or not all(map(_is_number, default)):
        return ()
    # A plural without its s; eps and the like are none.
    stem = name[:-1] if name.endswith("s") and not name.endswith(("eps", "ss")) else name
    members = tuple(f"{stem}{number}" for number in range(1, len(default) + 1))
    return () if any(one in others for one in members) else members


def is_plain(value: Any) -> bool:
    """Return whether a default can be written in a sweep."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, str) or _is_number(value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and not math.isnan(value)
