"""The nets are those of their papers: parameter counts, shapes, and torchvision's own numbers with the same weights."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

import trainables
from trainables.data.splits import DataSet, Split
from trainables.workloads._residual_nets import resnet_6n_plus_2

CLASSIFICATION = [
    name
    for name in trainables.names()
    if "val/accuracy" in trainables.get(name).metrics and name != "mlp/table"  # whose inputs have no size of their own
]
# In full: He et al. say 0.27 M and 0.46 M for 20 and 32 layers; the others follow from the layers' sizes.
PARAMETERS = {
    "mlp/digits": 17_226,
    "mlp/mnist": 784 * 512 + 512 + 512 * 256 + 256 + 256 * 64 + 64 + 64 * 10 + 10,
    "mlp/cifar10": 3072 * 512 + 512 + 512 * 256 + 256 + 256 * 64 + 64 + 64 * 10 + 10,
    "cnn/cifar10": 4_864 + 102_464 + 204_928 + 1_153_000 + 10_010,
    "resnet20/cifar10": 269_722,
    "resnet20/mnist": 269_434,
    "resnet18/cifar10": 11_173_962,
    "resnet18/mnist": 11_172_810,
    "resnet20/imagenet": 269_722,
    "resnet18/imagenet": 11_181_642,
    "torchvision/folder": 11_181_642,
    # Four blocks of width 128 (12 w^2 + 13 w each), the last norm, the head for 10 classes, patches, token, positions.
    "vit/mnist": 4 * 198_272 + 256 + 1_290 + 51 * 128 + 17 * 128,
    "vit/cifar10": 4 * 198_272 + 256 + 1_290 + 50 * 128 + 65 * 128,
    "vit/folder": 4 * 198_272 + 256 + 1_290 + 194 * 128 + 65 * 128,
}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_parameter_counts(name: str) -> None:
    assert count(trainables.get(name).load().build_model(10)) == PARAMETERS[name]


TOLD = {"lstm/one-billion-word": 793_471, "gpt/text": 100}
"""Words or characters for which the list tells the size."""


@pytest.mark.parametrize("name", trainables.names())
def test_the_list_tells_how_many_parameters_a_model_has(name: str) -> None:
    entry = trainables.get(name)
    told = [float(number) for number in re.findall(r"([\d.]+) M", entry.model)]
    if name.startswith("function/"):
        assert "2 parameters" in entry.model
        return
    classes = 1000 if "imagenet" in name else TOLD.get(name, 10_000 if "lstm" in name else 10)
    schema = {"numbers": 13, "categories": []}
    nothing = Split(torch.empty(0), torch.empty(0))
    with torch.device("meta"):
        model = entry.load().model_for(DataSet(nothing, nothing, nothing, "", classes, schema=schema))
    nets = [getattr(model, part) for part in entry.parts] or [model]
    counts = sorted((count(net) / 1e6 for net in nets), reverse=True)
    assert told == [pytest.approx(number, rel=0.05) for number in counts]


def test_resnet18_on_imagenet_is_torchvisions() -> None:
    model = trainables.get("resnet18/imagenet").load().build_model(1000)
    assert count(model) == 11_689_512
    assert set(model.state_dict()) == set(resnet18().state_dict())


def test_the_6n_plus_2_net_has_6n_plus_2_layers_and_the_papers_size() -> None:
    for n, layers, millions in ((3, 20, 0.27), (5, 32, 0.46), (9, 56, 0.85)):
        net = resnet_6n_plus_2(n, 3, 10)
        weighted = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        assert len(weighted) == layers
        assert round(count(net) / 1e6, 2) == millions


def test_a_block_passes_its_input_on_where_its_convolutions_are_zero() -> None:
    """Option A: every second pixel, with channels of zeros around."""
    net = resnet_6n_plus_2(3, 3, 10).eval()
    block = next(module for module in net if getattr(module, "stride", 1) == 2)
    assert isinstance(block, nn.Module)
    for p in block.parameters():
        nn.init.zeros_(p)
    x = torch.rand(2, 16, 8, 8)
    out = block(x)
    assert out.shape == (2, 32, 4, 4)
    assert torch.equal(out[:, 8:24], x[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


def test_resnet18_is_torchvisions_but_for_its_stem() -> None:
    ours: Any = trainables.get("resnet18/cifar10").load().build_model(10).eval()
    theirs = resnet18(num_classes=10).eval()
    weights = {name: value for name, value in ours.state_dict().items() if name != "conv1.weight"}
    theirs.load_state_dict(weights, strict=False)
    x = torch.rand(2, 64, 8, 8)

    def body(net: Any) -> torch.Tensor:
        return net.fc(net.avgpool(net.layer4(net.layer3(net.layer2(net.layer1(x))))).flatten(1))

    assert torch.equal(body(ours), body(theirs))
    assert ours(torch.rand(2, 3, 32, 32)).shape == (2, 10)
