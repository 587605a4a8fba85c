"""Every registered optimizer on a GPU: the same way as on the CPU, and a state that goes through files and devices."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import optimizers
from optimizers.testing._precision_cases import floats_of
from optimizers.testing._problems import equal
from optimizers.testing.optimizer_subject import use_averages
from tests.optimizers import cases
from tests.optimizers.test_every_optimizer import default_and_other_options, every_optimizer, options_of

Net = Callable[..., nn.Sequential]
Train = Callable[..., None]

pytestmark = pytest.mark.gpu

CPU = torch.device("cpu")
ALLOWED = dict.fromkeys(cases.NAMES, 2e-3) | {"muon": 5e-2}
"""How far apart the ends of two ways may lie, as a share of the way; Muon orthogonalises in bfloat16. Rounding the
parameters of these runs anew before each step moves the ends by 1e-7 to 4e-4, and Muon's by 4e-3."""


def begin(name: str, options: str, net: Net, device: torch.device) -> tuple[nn.Module, Any]:
    model = net().to(device)
    return model, optimizers.build(name, model.parameters(), **options_of(name, options))


def saved(model: nn.Module, optimizer: Any) -> bytes:
    file = io.BytesIO()
    torch.save([model.state_dict(), optimizer.state_dict()], file)
    return file.getvalue()


def restore(model: nn.Module, optimizer: Any, file: bytes) -> None:
    # As a trial reads its checkpoint, wherever it runs.
    states = torch.load(io.BytesIO(file), weights_only=True, map_location="cpu")
    for part, state in zip((model, optimizer), states, strict=True):
        part.load_state_dict(state)


def weights(name: str, model: nn.Module, optimizer: Any) -> Tensor:
    """The weights as they are used, in one line on the CPU."""
    use_averages(optimizer)
    return torch.cat([p.detach().cpu().double().flatten() for p in model.parameters()])


def loss(net: Net, line: Tensor) -> float:
    model, draw = net(torch.float64), torch.Generator().manual_seed(1)
    nn.utils.vector_to_parameters(line, model.parameters())
    inputs = torch.randn(256, 8, generator=draw).double()
    return nn.functional.cross_entropy(model(inputs), inputs[:, :4].argmax(1)).item()


def assert_same_way(name: str, ours: Tensor, theirs: Tensor, start: Tensor, net: Net) -> None:
    assert ours.isfinite().all()
    if name in cases.ROUNDING_DECIDES:
        assert loss(net, ours) == pytest.approx(loss(net, theirs), rel=0.05)
    else:
        assert (ours - theirs).norm() < ALLOWED[name] * (theirs - start).norm()


@every_optimizer
@default_and_other_options
def test_a_gpu_takes_the_way_of_the_cpu(name: str, options: str, net: Net, train: Train, gpu: torch.device) -> None:
    there, here = begin(name, options, net, gpu), begin(name, options, net, CPU)
    start = nn.utils.parameters_to_vector(here[0].parameters()).detach().double()
    for run in (there, here):
        train(*run, 0, 12)
    assert {value.device.type for value in floats_of(there[1].state_dict())} <= {gpu.type}
    assert_same_way(name, weights(name, *there), weights(name, *here), start, net)


@every_optimizer
@default_and_other_options
def test_a_state_goes_through_a_file_to_the_cpu_and_back(
    name: str, options: str, net: Net, train: Train, gpu: torch.device
) -> None:
    whole, on_cpu, back = (begin(name, options, net, device) for device in (gpu, CPU, gpu))
    train(*whole, 0, 7)
    file = saved(*whole)
    start = torch.cat([p.detach().cpu().double().flatten() for p in whole[0].parameters()])
    restore(*on_cpu, file)
    assert {value.device.type for value in floats_of(on_cpu[1].state_dict())} <= {"cpu"}
    restore(*back, saved(*on_cpu))
    for run in (whole, on_cpu, back):
        train(*run, 7, 14)
    assert equal(list(back[0].parameters()), list(whole[0].parameters()))
    ends = [weights(name, *run) for run in (whole, on_cpu, back)]
    assert torch.equal(ends[2], ends[0])
    assert_same_way(name, ends[1], ends[0], start, net)
