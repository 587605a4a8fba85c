"""The small vision transformer: its numbers are those of torch's own layers, and its start is as told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import trainables
from optimizers import InputError
from trainables.workloads._vision_transformer import Block, VisionTransformer


def small(pool: str = "token", dropout: float = 0.0) -> VisionTransformer:
    return VisionTransformer(3, 8, 5, patch=4, width=16, depth=2, heads=4, dropout=dropout, pool=pool)


def test_a_block_is_torchs_encoder_layer_with_the_norm_first() -> None:
    torch.manual_seed(0)
    ours = Block(16, 4, 0.0)
    theirs = nn.TransformerEncoderLayer(16, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
    of = theirs.self_attn
    pairs = [
        (of.in_proj_weight, ours.attention.project_in.weight), (of.in_proj_bias, ours.attention.project_in.bias),
        (of.out_proj.weight, ours.attention.project_out.weight), (of.out_proj.bias, ours.attention.project_out.bias),
        (theirs.linear1.weight, ours.widen.weight), (theirs.linear1.bias, ours.widen.bias),
        (theirs.linear2.weight, ours.narrow.weight), (theirs.linear2.bias, ours.narrow.bias),
    ]  # fmt: skip
    with torch.no_grad():
        for target, source in pairs:
            target.copy_(source)
    x = torch.randn(3, 5, 16)
    torch.testing.assert_close(ours(x), theirs(x))


def test_each_token_is_a_patch_and_knows_its_place() -> None:
    torch.manual_seed(0)
    model = small("mean").eval()
    images = torch.randn(2, 3, 8, 8)
    own = images.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).reshape(2, 4, -1)
    assert model.patches.bias is not None
    expected = own @ model.patches.weight.flatten(1).t() + model.patches.bias
    torch.testing.assert_close(model.patches(images).flatten(2).transpose(1, 2), expected)
    moved = torch.cat([images[..., 4:], images[..., :4]], -1)
    assert not torch.allclose(model(images), model(moved)), "patches are not a bag"
    with torch.no_grad():
        model.positions.zero_()
    torch.testing.assert_close(model(images), model(moved))


def test_what_is_pooled_is_the_token_or_the_mean() -> None:
    assert small("token").positions.shape == (1, 5, 16)
    assert small("mean").positions.shape == (1, 4, 16)
    assert small("mean").token is None
    for pool in ("token", "mean"):
        assert small(pool)(torch.randn(2, 3, 8, 8)).shape == (2, 5)


def test_weights_start_from_a_cut_normal_distribution_and_biases_at_zero() -> None:
    torch.manual_seed(0)
    model = trainables.get("vit/cifar10").load().build_model(10)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            assert parameter.eq(1.0 if name.endswith("weight") else 0.0).all(), name
        elif name.endswith("bias"):
            assert not parameter.any(), name
        else:
            assert parameter.abs().max() <= 0.04, name
            if parameter.numel() > 1000:
                # Of a normal distribution cut off at two deviations.
                assert parameter.std().item() == pytest.approx(0.02 * 0.8796, rel=0.05), name


def test_dropout_is_drawn_in_training_alone() -> None:
    torch.manual_seed(0)
    model, images = small(dropout=0.5), torch.randn(2, 3, 8, 8)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("vit/mnist", {"patch": 8}, "patches of 8 pixels do not divide images of 28"),
        ("vit/cifar10", {"patch": 7}, "patches of 7 pixels do not divide images of 32"),
        ("vit/cifar10", {"heads": 5}, "5 heads do not divide a width of 128"),
        ("vit/folder", {"resolution": 60}, "patches of 8 pixels do not divide images of 60"),
        ("vit/folder", {"pool": "max"}, "pool must be one of token, mean, got 'max'"),
        ("vit/folder", {"patch_size": 4}, r'Did you mean "patch"\?'),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(name: str, options: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        trainables.get(name).check_options(options)
