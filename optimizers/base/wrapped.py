"""A guard around an optimizer that was not written for this project, whatever its class or function is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.base._kept_values import KeptValues, is_without_data, layout
from optimizers.base._restored_values import Before, RestoredValues
from optimizers.base.averaging import Averaging
from optimizers.base.guards import check_real, loss_of, parameters, precise_dtype, refuse_sparse
from optimizers.base.non_finite import check_gradients
from optimizers.base.saved_state import SavedState, is_option_like
from optimizers.base.shield import shielded
from optimizers.errors import InputError

Make = Callable[..., Optimizer]
"""A class, or a function of the parameters and of settings."""
_OWN = "kept"


def wrapped(params: Iterable[Any], make: Make, settings: Mapping[str, Any], name: str) -> Wrapped:
    """Build an optimizer by its class or function, and put the guard around it.

    Args:
        params: Tensors or param groups.
        make: A class, or a function that returns an optimizer.
        settings: Keyword arguments.
        name: What errors call it.

    InputError: parameters that are not real floating-point tensors, something built that is not an optimizer.
    """
    groups = list(params)
    tensors = list(_tensors(groups))
    check_real(tensors, name)
    with torch.no_grad(), shielded((p, False) for p in tensors):
        optimizer = make(groups, **settings)
    if not isinstance(optimizer, Optimizer):
        raise InputError(f"{name} made a {type(optimizer).__name__}, which is not a torch.optim.Optimizer.")
    has_averages = all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))
    return (WrappedAveraging if has_averages else Wrapped)(optimizer, make, settings, name)


class Wrapped(SavedState):
    """Keeps of any optimizer, `inner`, what torch promises of all, and what training here relies on.

    - A step leaves every `p.grad` as it was; what the optimizer writes to is a copy.
    - State and arithmetic are float32 for float16 and bfloat16 parameters, from the construction on.
    - A gradient with nan or inf is refused by FloatingPointError before anything moves.
    - A checkpoint holds the state to the last bit, and with it what the optimizer keeps in attributes, see
      `KeptValues`. A state dict of another optimizer or model is refused, see `SavedState`.
    - InputError: complex parameters; sparse gradients, unless the optimizer takes them.

    Methods and attributes that it has beside those of torch are reached through this one.
    """

    required = ()

    def __init__(self, inner: Optimizer, make: Make, settings: Mapping[str, Any], name: str) -> None:
        super().__init__([{"params": []}], {})
        self.inner = inner
        self.kind = type(inner).__name__
        self._recipe = (make, dict(settings), name)
        self._takes_sparse: bool | None = None
        self._share()

    def _share(self) -> None:
        """Have the groups and the state of the inner optimizer here too; some make new ones."""
        self.param_groups, self.state, self.defaults = self.inner.param_groups, self.inner.state, self.inner.defaults

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the inner optimizer that this one has not."""
        if name.startswith("__") or "inner" not in vars(self):
            raise AttributeError(name)
        return getattr(self.inner, name)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, whose options may differ from the defaults."""
        if "inner" not in vars(self):
            super().add_param_group(param_group)
            return
        tensors = list(_tensors([param_group]))
        check_real(tensors, self.kind)
        with torch.no_grad(), shielded((p, False) for p in tensors):
            self.inner.add_param_group(param_group)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every parameter that has a gradient; `closure` computes the loss again and returns it."""
        loss = loss_of(closure)
        if not self._accepts_sparse():
            refuse_sparse(self)
        check_gradients(self)
        with shielded((p, True) for p in parameters(self)):
            self.inner.step()
        self._share()
        return loss

    def _accepts_sparse(self) -> bool:
        """Whether the gradients may be sparse; where one is, this is tried out, once."""
        if all(p.grad is None or p.grad.layout is torch.strided for p in parameters(self)):
            return True
        if self._takes_sparse is None:
            make, settings, name = self._recipe
            p = torch.nn.Parameter(torch.ones(4, 2))
            p.grad = torch.eye(4, 2).to_sparse()
            try:
                wrapped([p], make, settings, name).inner.step()
            except Exception:  # noqa: BLE001 - whatever it is, sparse gradients are not for this optimizer
                self._takes_sparse = False
            else:
                self._takes_sparse = bool(p.isfinite().all())
        return self._takes_sparse

    def state_dict(self) -> dict[str, Any]:
        """Return all that further steps depend on, as plain data.

        As torch's, and under `kept` of which parameters it is, the layout of their state, and what the optimizer keeps
        in attributes.
        """
        saved, kept = super().state_dict(), KeptValues(self.inner)
        state = {key: kept.plain(value) for key, value in saved["state"].items()}
        own = {
            "of": self.kind,
            "parameters": [[precise_dtype(p), list(p.shape), list(p.stride())] for p in parameters(self)],
            "layout": {key: layout(value) for key, value in state.items()},
            "attributes": kept.attributes(),
        }
        groups = [kept.plain(group) for group in saved["param_groups"]]
        return {**saved, "state": state, "param_groups": groups, _OWN: own}

    def check_options(self, own: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
        """InputError unless numbers that were saved for a group are numbers, and there are as many in each tuple."""
        if "lr" in own and "lr" not in saved:
            raise InputError("lr is missing.")
        for name, value in self._options_in(own).items():
            if name in saved and _has_numbers(value) and not is_option_like(saved[name], value, optional=True):
                raise InputError(f"{name} cannot be {saved[name]!r}; this one's is {value!r}.")

    def check_state(self, state_dict: dict[str, Any]) -> None:
        """InputError unless the state is one that this optimizer could have saved."""
        self._check_groups(state_dict)
        own = state_dict.get(_OWN)
        if not isinstance(own, Mapping) or not own.keys() >= {"of", "parameters", "layout", "attributes"}:
            self._refuse(f"its required key {_OWN} is missing")
        if own["of"] != self.kind:
            self._refuse(f"it is that of {own['of']}")
        shapes, saved = [list(p.shape) for p in parameters(self)], [shape for _, shape, _ in own["parameters"]]
        if saved != shapes:
            self._refuse(f"its parameters have the shapes {saved}, not {shapes}")
        if state_dict["state"].keys() != own["layout"].keys():
            self._refuse("it has no state, or a state too many, of one of its parameters")
        for key, value in state_dict["state"].items():
            if layout(value) != own["layout"][key]:
                self._refuse(f"the state of its parameter {key} is not what was saved")
            if is_without_data(value):
                self._refuse(f"the state of its parameter {key} is on the device meta, without data")

    def for_torch(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return it without the state of the parameters, which torch would cast to their types."""
        return {**state_dict, "state": {}}

    def restore(self, state_dict: dict[str, Any]) -> None:
        """Put groups, state and attributes into the inner optimizer, whose own parts may refer to them."""
        own = state_dict[_OWN]
        # Torch numbers the parameters in the order of the groups.
        params = dict(enumerate(parameters(self.inner)))
        before = {key: Before(dtype, tuple(stride)) for key, (dtype, _, stride) in enumerate(own["parameters"])}
        of_all = RestoredValues(self.inner, before.get(0))
        for group, saved in zip(self.inner.param_groups, state_dict["param_groups"], strict=True):
            of_all.fill(group, {name: value for name, value in saved.items() if name != "params"})
        self.inner.state.clear()
        for key, value in state_dict["state"].items():
            p = params.get(key)
            of_p = of_all if p is None else RestoredValues(self.inner, before[key], p)
            self.inner.state[key if p is None else p] = of_p.value(value)
        of_all.fill(vars(self.inner), own["attributes"])
        self._share()

    def __reduce__(self) -> tuple[Any, ...]:
        """How to copy or pickle it: built anew, and given what this one has saved."""
        groups = [{"params": group["params"]} for group in self.param_groups]
        return _copied, (groups, *self._recipe, self.state_dict())


class WrappedAveraging(Averaging, Wrapped):  # pyright: ignore[reportIncompatibleVariableOverride]
    """A guard around an optimizer that exchanges its weights by `train()` and `eval()` of its own.

    These are called here for a moment only: most compute each set of weights from the other, which rounds.
    """

    def __init__(self, inner: Optimizer, make: Make, settings: Mapping[str, Any], name: str) -> None:
        super().__init__(inner, make, settings, name)
        self._call("train")

    def averages(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Return the parameters with what the optimizer's own `eval()` makes of them."""
        trained = [p.detach().clone() for p in parameters(self)]
        self._call("eval")
        averaged = [p.detach().clone() for p in parameters(self)]
        self._call("train")
        for p, own in zip(parameters(self), trained, strict=True):
            p.copy_(own)
        return iter(list(zip(parameters(self), averaged, strict=True)))

    def _call(self, mode: str) -> None:
        with torch.no_grad(), shielded((p, False) for p in parameters(self)):
            getattr(self.inner, mode)()


def _has_numbers(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, tuple) and all(isinstance(one, float) for one in value))


def _copied(
    groups: list[dict[str, Any]], make: Make, settings: dict[str, Any], name: str, saved: dict[str, Any]
) -> Wrapped:
    optimizer = wrapped(groups, make, settings, name)
    optimizer.load_state_dict(saved)
    return optimizer


def _tensors(groups: Iterable[Any]) -> Iterator[Tensor]:
    for item in groups:
        members = item["params"] if isinstance(item, dict) else [item]
        for member in [members] if isinstance(members, Tensor) else members:
            yield member[1] if isinstance(member, tuple) else member
