"""Residual nets: ResNet-20, the 6n + 2 net of He et al. with n = 3, and ResNet-18, on MNIST, CIFAR-10 and ImageNet."""

from __future__ import annotations

from torch import nn

from trainables.workloads._residual_nets import resnet18_small_images, resnet_6n_plus_2
from trainables.workloads.classification import Cifar10, Mnist
from trainables.workloads.folder_classification import FolderClassification


class ResNet20Mnist(Mnist):
    """resnet20/mnist: 0.27 million parameters.

    Reference: none published for this pair; residual nets of this size pass 99.5 % test accuracy.
    Throughput: 390 images a second (one core with AVX-512, float32).
    """

    def build_model(self, classes: int) -> nn.Module:
        return resnet_6n_plus_2(3, 1, classes)


class ResNet20Cifar10(Cifar10):
    """resnet20/cifar10: 0.27 million parameters.

    Reference: 91.25 % test accuracy after 64,000 steps of SGD with momentum, batch 128 (arXiv 1512.03385); public
    reproductions 91.7 %; with 45,000 images to train on SGD 91.37 %, Adam 89.99 %.
    Throughput: 330 images a second (one core with AVX-512, float32), 1.3 times the loop of PyTorch's tutorials.
    """

    def build_model(self, classes: int) -> nn.Module:
        return resnet_6n_plus_2(3, 3, classes)


class ResNet20ImageNet(FolderClassification):
    """resnet20/imagenet: 0.33 million parameters, at 64x64, where a net of this size can be trained in hours.

    Reference: none published for this pair; at 64x64 far wider nets reach 58 to 67 % top-1 (Chrabaszcz et al., arXiv
    1707.08819).
    Throughput: 81 images a second (one core with AVX-512, float32), decoded by the training process itself.
    """

    def build_model(self, classes: int) -> nn.Module:
        return resnet_6n_plus_2(3, 3, classes)


class ResNet18Mnist(Mnist):
    """resnet18/mnist: with a 3x3 stem, 11.2 million parameters.

    Reference: none published for this pair; residual nets of this size pass 99.5 % test accuracy.
    Throughput: 39 images a second (one core with AVX-512, float32).
    """

    def build_model(self, classes: int) -> nn.Module:
        return resnet18_small_images(1, classes)


class ResNet18Cifar10(Cifar10):
    """resnet18/cifar10: with a 3x3 stem, 11.2 million parameters.

    Reference, 200 epochs: SGD 95.23 %, Adam 94.84 %, Lookahead 95.27 % test accuracy (Lookahead, NeurIPS 2019).
    Throughput: 31 images a second (one core with AVX-512, float32), 1.2 times the loop of PyTorch's tutorials.
    """

    def build_model(self, classes: int) -> nn.Module:
        return resnet18_small_images(3, classes)


class ResNet18ImageNet(FolderClassification):
    """resnet18/imagenet: torchvision's, 11.7 million parameters at 1,000 classes, on 224x224 images.

    Reference, top-1 accuracy on val: SGD 70.23 %, AdaBelief 70.08 %, AdamW 67.93 %, RAdam 67.62 %, Adam 63.79 to
    66.54 % (AdaBelief, arXiv 2010.07468, 90 epochs, batch 256).
    Throughput: 9 images a second (one core with AVX-512, float32), decoded by the training process itself.
    """

    def build_model(self, classes: int) -> nn.Module:
        from torchvision.models import resnet18

        return resnet18(num_classes=classes)
