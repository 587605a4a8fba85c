"""The DCGAN: a generator and a discriminator of strided convolutions, each under an optimizer of its own.

Radford et al., arXiv 1511.06434: batch norm, ReLU in the generator and leaky ReLU in the discriminator, weights drawn
from N(0, 0.02), Adam with learning rate 2e-4 and beta1 0.5. ``loss: wgan_gp`` is Gulrajani et al., arXiv 1704.00028: a
critic without batch norm, kept near slope 1 by a penalty, five steps of which to one of the generator are usual
(``discriminator_steps: 5``; Adam 1e-4, beta1 0, beta2 0.9).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.utils import make_grid

from trainables.data.example_draws import per_example
from trainables.data.splits import Split
from trainables.workloads import _frechet, feature_nets
from trainables.workloads.workload import Part, Workload

EVALUATION_BATCH = 256
PICTURES = 64
# What the images of every evaluation are generated from, so that one can watch a picture change.
LATENT_SEED = 20_151_119


class GenerativePair(nn.Module):
    """``generator`` makes images (n, channels, resolution, resolution) from (n, latent); ``discriminator`` judges them.

    ``width`` is the number of channels beside the images, doubled with every halving of the side down to 4 pixels. The
    discriminator gives a logit, or a critic's score, (n,).
    """

    def __init__(self, channels: int, resolution: int, latent: int, width: int, critic: bool) -> None:
        super().__init__()
        widths = [width << level for level in range(int(math.log2(resolution)) - 2)]
        self.generator = nn.Sequential(nn.Unflatten(1, (latent, 1, 1)), *_growing(latent, widths, channels))
        self.discriminator = nn.Sequential(*_shrinking(channels, widths, critic), nn.Flatten(0))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)


def _growing(latent: int, widths: list[int], channels: int) -> list[nn.Module]:
    top_down = widths[::-1]
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent, top_down[0], 4, bias=False)]
    for before, after in pairwise(top_down):
        layers += [nn.BatchNorm2d(before), nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(widths[0], channels, 4, 2, 1, bias=False)
    return [*layers, nn.BatchNorm2d(widths[0]), nn.ReLU(), last, nn.Tanh()]


def _shrinking(channels: int, widths: list[int], critic: bool) -> list[nn.Module]:
    # The penalty is on each image's own slope, which batch norm would mix with the others'.
    norm: Callable[[int], nn.Module] = partial(nn.GroupNorm, 1) if critic else nn.BatchNorm2d
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), norm(after), nn.LeakyReLU(0.2)]
    return [*layers, nn.Conv2d(widths[-1], 1, 4, bias=False)]


class Dcgan(Workload):
    """A DCGAN over stored images of ``channels`` x ``side`` x ``side`` bytes, judged by ``feature_nets[feature_net]``.

    Metrics: ``frechet_distance`` between ``samples`` generated images and all of the split, and ``fid`` where the
    option ``inception`` names the weights for it.
    """

    feature_net: ClassVar[str]

    @property
    def stored(self) -> feature_nets.Trained:
        return feature_nets.NETS[self.feature_net]

    def build_model(self, classes: int) -> GenerativePair:
        sizes = (self.options[name] for name in ("resolution", "latent", "width"))
        return GenerativePair(self.stored.channels, *sizes, critic=self.options["loss"] == "wgan_gp")

    def parts(self, model: nn.Module) -> tuple[Part, ...]:
        pair = _as_pair(model)
        return (
            Part("discriminator", pair.discriminator, partial(self.discriminator_loss, pair)),
            Part("generator", pair.generator, partial(self.generator_loss, pair), self.options["discriminator_steps"]),
        )

    def highest_loss(self, first: float) -> float:
        # A critic's scores have no scale of their own.
        return math.inf if self.options["loss"] == "wgan_gp" else super().highest_loss(first)

    def prepare(self, stored: Tensor) -> Tensor:
        """Images (n, channels, resolution, resolution) from -1 to 1, from a batch of bytes; digits on wider black."""
        images = stored.view(len(stored), self.stored.channels, self.stored.side, -1).float() / 127.5 - 1
        images = functional.pad(images, (self._border,) * 4, value=-1.0)
        if images.shape[-1] != self.options["resolution"]:
            images = functional.interpolate(images, size=self.options["resolution"], mode="bilinear", antialias=True)
        return images.contiguous(memory_format=torch.channels_last)

    def to_bytes(self, images: Tensor) -> Tensor:
        """The reverse of :meth:`prepare`: bytes (n, channels, side, side) as they are stored."""
        side = self.stored.side + 2 * self._border
        if images.shape[-1] != side:
            images = functional.interpolate(images, size=side, mode="bilinear", antialias=True)
        inside = slice(self._border, self._border + self.stored.side)
        return ((images[:, :, inside, inside] + 1) * 127.5).round().clamp(0, 255).byte()

    @property
    def _border(self) -> int:
        """Pixels that widen a stored image to a side that is a power of 2."""
        return ((1 << (self.stored.side - 1).bit_length()) - self.stored.side) // 2

    def discriminator_loss(self, pair: GenerativePair, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of telling a batch of real images from as many generated ones."""
        real = self.prepare(inputs)
        generated = self._generate(pair, len(real), real.device)
        if self.options["loss"] == "wgan_gp":
            score = _judged(pair, generated).mean() - _judged(pair, real).mean()
            return score + self.options["penalty"] * _slope_error(pair.discriminator, real, generated)
        on_real, on_generated = _judged(pair, real), _judged(pair, generated)
        # -log D(x) and -log(1 - D(x')), by logits.
        return functional.softplus(-on_real).mean() + functional.softplus(on_generated).mean()

    def generator_loss(self, pair: GenerativePair, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of as many generated images as a batch has: the non-saturating -log D(x'), or minus the score."""
        judged = _judged(pair, self._generate(pair, len(inputs), inputs.device))
        return -judged.mean() if self.options["loss"] == "wgan_gp" else functional.softplus(-judged).mean()

    def _generate(self, pair: GenerativePair, count: int, device: torch.device) -> Tensor:
        width = self.options["latent"]
        return pair.generator(per_example(lambda n, draw: torch.randn(n, width, device=device, generator=draw), count))

    @torch.no_grad()
    def generate(self, model: nn.Module, count: int) -> Tensor:
        """Images as bytes (count, channels, side, side), always from the same first ``count`` latent vectors."""
        pair = _as_pair(model).eval()
        draw = torch.Generator().manual_seed(LATENT_SEED)
        latent = torch.randn(count, self.options["latent"], generator=draw)
        device = next(pair.parameters()).device
        images = [self.to_bytes(pair.generator(some.to(device))) for some in latent.split(EVALUATION_BATCH)]
        pair.train()
        return torch.cat(images)

    def evaluate(self, model: nn.Module, split: Split) -> dict[str, float]:
        generated = self.generate(model, self.options["samples"])
        device = generated.device
        own = _frechet.own_features(self.feature_net, device)
        measured = {"frechet_distance": _frechet.distance(generated, split.inputs, own)}
        if self.options["inception"]:
            inception = _frechet.inception_features(self.options["inception"], device)
            measured["fid"] = _frechet.distance(generated, split.inputs, inception)
        return measured

    def pictures(self, model: nn.Module) -> dict[str, Tensor]:
        return {"generated": make_grid(self.generate(model, PICTURES), nrow=8, padding=2, pad_value=128)}


class DcganMnist(Dcgan):
    """dcgan/mnist: the digits, 28x28 on a border of black that makes them 32x32; batch 128.

    The distance is measured to the 5,000 validation images, in confirmation to the 10,000 test images.
    Reference: none published for this distance.
    Throughput: 230 images a second, 720 at width 32 (one core with AVX-512, float32), 1.1 times the loop of PyTorch's
    tutorials.
    """

    feature_net = "mnist"


class DcganCifar10(Dcgan):
    """dcgan/cifar10: colour images, 32x32, or 64x64 as in the paper; batch 128.

    The distance is measured to the 5,000 validation images, in confirmation to the 10,000 test images.
    Reference: FID (Inception) 132 for a plain DCGAN; 12 to 13 need spectral norm and a residual net (AdaBelief, 2020).
    Throughput: 220 images a second (one core with AVX-512, float32).
    """

    feature_net = "cifar10"


def _judged(pair: GenerativePair, images: Tensor) -> Tensor:
    """Logits or scores (n,) in full precision, whatever the nets calculate in."""
    return pair.discriminator(images).float()


def _slope_error(critic: nn.Module, real: Tensor, generated: Tensor) -> Tensor:
    """Mean of (slope - 1)^2 at one point between each real and each generated image."""
    share = per_example(lambda n, draw: torch.rand(n, 1, 1, 1, device=real.device, generator=draw), len(real))
    between = torch.lerp(generated.detach(), real, share).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def _as_pair(model: nn.Module) -> GenerativePair:
    assert isinstance(model, GenerativePair)
    return model
