"""Residual nets for small images: the 6n+2 net of He et al., and torchvision's ResNet-18 with a stem of 3x3.

Deep Residual Learning for Image Recognition, arXiv 1512.03385: section 4.2 for the first; for the second the stem that
the CIFAR experiments of later papers use, in place of the 7x7 stride 2 and the pooling that 224x224 images need.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around which the input goes as it is.

    Where the shape changes, the input is taken at every second pixel and gets channels of zeros: option A of the paper,
    which takes no parameters.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.stride, self.new_channels = (1, 0) if channels_in == channels else (2, channels - channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, height, width) to (batch, channels, height / stride, width / stride)."""
        # In place where nothing else reads it: on a CPU these nets wait for memory.
        inside = self.bn2(self.conv2(functional.relu_(self.bn1(self.conv1(x)))))
        if self.new_channels:
            before = self.new_channels // 2
            x = functional.pad(
                x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.new_channels - before)
            )
        return functional.relu_(inside.add_(x))


def resnet_6n_plus_2(n: int, channels_in: int, classes: int) -> nn.Sequential:
    """6n + 2 layers: a convolution, n blocks each at 16, 32 and 64 channels, and a linear layer.

    Convolutions start from He et al.'s normal distribution, as in the paper. n = 3 is ResNet-20.
    """
    widths = [16, *[16] * n, *[32] * n, *[64] * n]
    net = nn.Sequential(
        nn.Conv2d(channels_in, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        *(BasicBlock(before, after) for before, after in pairwise(widths)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


def resnet18_small_images(channels_in: int, classes: int) -> nn.Module:
    """torchvision's ResNet-18 with a 3x3 convolution of stride 1 as its stem and without the pooling after it."""
    from torchvision.models import resnet18

    net = resnet18(num_classes=classes)
    net.conv1 = nn.Conv2d(channels_in, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    setattr(net, "maxpool", nn.Identity())  # noqa: B010 - torchvision declares a pooling there
    return net
