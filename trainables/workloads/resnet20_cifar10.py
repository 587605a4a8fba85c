"""resnet20/cifar10: ResNet-20, the 6n + 2 net of He et al. with n = 3, on CIFAR-10, 0.27 million parameters.

Data: normalised a channel; in training cut out of a border of 4 pixels and mirrored at random. 5,000 of the training
images validate, the test images are untouched until confirmation.
Reference: 91.25 % test accuracy after 64,000 steps of SGD with momentum, batch 128 (arXiv 1512.03385); public
reproductions 91.7 %; with 45,000 images to train on SGD 91.37 %, Adam 89.99 %.
Throughput: 330 images a second (one core with AVX-512, float32), 1.3 times the loop of PyTorch's tutorials.
"""

from __future__ import annotations

from torch import nn

from trainables.workloads._residual_nets import resnet_6n_plus_2
from trainables.workloads.mlp_cifar10 import Cifar10


class ResNet20Cifar10(Cifar10):
    def build_model(self, classes: int) -> nn.Module:
        return resnet_6n_plus_2(3, 3, classes)
