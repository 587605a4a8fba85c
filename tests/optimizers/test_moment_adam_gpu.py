"""MomentAdam on a GPU: the kernels that a step takes there against the rule in float64, at the sizes of real nets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from optimizers.moment_adam import MomentAdam, _update
from tests.optimizers.moment_adam_settings import EACH_ALONE, LONG, SEVERAL

pytestmark = pytest.mark.gpu

Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]

FORMS: dict[str, dict[str, Any]] = {
    **{
        name: EACH_ALONE[name]
        for name in (
            "nothing", "order 3", "order 4", "order 7.3", "order inf", "long", "inject", "kappa", "kappa_d", "central",
            "cautious", "cosine", "decoupled", "coupled", "beta schedules", "long schedules",
        )
    },
    **SEVERAL,
}  # fmt: skip
SHAPES: list[tuple[int, ...]] = [(64, 3, 7, 7), (512, 512, 3, 3), (1000, 512), (1000,), (33,), (), (1024, 4097)]


class Way(NamedTuple):
    """All parameters in one line of float64, before and after some steps."""

    start: Tensor
    end: Tensor

    def distance(self, other: Way) -> float:
        """How far the ends lie apart, as a share of the way."""
        return ((self.end - other.end).norm() / (other.end - other.start).norm()).item()


def way(device: torch.device, make: Make, dtype: torch.dtype, layout: Callable[[Tensor], Tensor] = torch.clone) -> Way:
    """Eight steps at gradients of changing size, which are the same for every ``dtype`` but for their rounding."""
    draw = torch.Generator(device).manual_seed(0)

    def normal(shape: tuple[int, ...], size: float) -> Tensor:
        return layout((size * torch.randn(shape, generator=draw, device=device)).to(dtype))

    params = [nn.Parameter(normal(shape, 0.05)) for shape in SHAPES]
    start = flat(params)
    optimizer = make(params)
    for size in (1.0, 0.01, 30.0, 1.0, 0.1, 1.0, 0.001, 1.0):
        for p in params:
            p.grad = normal(tuple(p.shape), 0.01 * size)
        optimizer.step()
    return Way(start, flat(params))


def flat(params: list[nn.Parameter]) -> Tensor:
    return torch.cat([p.detach().double().flatten() for p in params])


def moment_adam(options: dict[str, Any], implementation: str = "auto") -> Make:
    return lambda params: MomentAdam(params, **{"lr": 0.01, **options}, implementation=implementation)


def by_the_rule(device: torch.device, options: dict[str, Any]) -> Way:
    return way(device, moment_adam(options, "reference"), torch.float64)


@pytest.fixture
def kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that falls back to torch's foreach kernels fails."""
    monkeypatch.setattr(_update, "foreach", lambda *_: pytest.fail("no kernel computes this form"))


@pytest.mark.usefixtures("kernels_only")
@pytest.mark.parametrize("name", FORMS)
def test_a_kernel_follows_the_rule(name: str, gpu: torch.device) -> None:
    ours = way(gpu, moment_adam(FORMS[name]), torch.float32)
    # What a gate lets through turns on signs, which rounding decides for a few coordinates.
    allowed = 1e-3 if "gate" in FORMS[name] else 1e-5
    assert ours.distance(by_the_rule(gpu, FORMS[name])) < allowed


@pytest.mark.usefixtures("kernels_only")
@pytest.mark.parametrize("name", ["nothing", "order 4", "long", "all on"])
def test_half_precision_parameters_are_rounded_once(name: str, gpu: torch.device) -> None:
    ours, reference = (
        way(gpu, moment_adam(FORMS[name], implementation), torch.bfloat16) for implementation in ("auto", "reference")
    )
    assert (ours.end != reference.end).double().mean() < 1e-2
    assert ours.distance(reference) < 1e-2


@pytest.mark.usefixtures("kernels_only")
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("rival", [torch.optim.Adam, torch.optim.AdamW])
def test_its_plain_form_is_torchs_fused_adam(rival: Any, weight_decay: float, gpu: torch.device) -> None:
    theirs = way(gpu, lambda params: rival(params, 0.01, weight_decay=weight_decay, fused=True), torch.float32)
    options = {"weight_decay": weight_decay, "decoupled": rival is torch.optim.AdamW}
    assert way(gpu, moment_adam(options), torch.float32).distance(theirs) < 1e-5


@pytest.mark.usefixtures("kernels_only")
def test_our_kernel_computes_adam_too(gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_update._fused_adam, "computes", lambda *_: False)
    assert way(gpu, moment_adam({}), torch.float32).distance(by_the_rule(gpu, {})) < 1e-5


def channels_last(value: Tensor) -> Tensor:
    return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value


def transposed(value: Tensor) -> Tensor:
    return value.t().contiguous().t() if value.dim() == 2 else value


def spaced(value: Tensor) -> Tensor:
    """Every other number of a longer tensor, which no kernel can walk over."""
    return torch.stack([value, torch.zeros_like(value)], dim=-1)[..., 0]


@pytest.mark.parametrize("layout", [channels_last, transposed, spaced])
def test_parameters_lie_in_memory_in_any_way(layout: Callable[[Tensor], Tensor], gpu: torch.device) -> None:
    ours = way(gpu, moment_adam(LONG), torch.float32, layout)
    assert ours.distance(by_the_rule(gpu, LONG)) < 1e-5


def test_a_tensor_has_more_numbers_than_32_bits_count(gpu: torch.device) -> None:
    size = 2**31 + 1025
    if torch.cuda.mem_get_info()[0] < 20 * size:
        pytest.skip(f"needs {20 * size / 2**30:.0f} GB of free GPU memory")
    torch.use_deterministic_algorithms(False)  # which would fill new memory first
    draw = torch.Generator(gpu).manual_seed(0)
    p = nn.Parameter(torch.empty(size, device=gpu).normal_(generator=draw))
    p.grad = torch.empty(size, device=gpu).normal_(generator=draw)
    places = [slice(start, start + 2048) for start in (0, 2**30, 2**31 - 1024, size - 2048)]
    parts = [nn.Parameter(p.detach()[place].double()) for place in places]
    whole, of_parts = MomentAdam([p], order=4.0), MomentAdam(parts, order=4.0, implementation="reference")
    for _ in range(2):
        for part, place in zip(parts, places, strict=True):
            part.grad = p.grad[place].double()
        whole.step()
        of_parts.step()
        p.grad.mul_(-0.5)
    for part, place in zip(parts, places, strict=True):
        torch.testing.assert_close(p.detach()[place].double(), part.detach(), rtol=1e-6, atol=1e-8)
