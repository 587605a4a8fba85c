"""The tensors that one step of MomentAdam reads and changes."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Tensors(NamedTuple):
    """The tensors of a bucket; the i-th of each list belong together. All but `grads` change in place.

    The four memories are those of `_rule.Memory`; a list is empty where the form has none.
    """

    params: list[Tensor]
    grads: list[Tensor]
    short: list[Tensor]
    moment: list[Tensor]
    long: list[Tensor]
    cube: list[Tensor]
