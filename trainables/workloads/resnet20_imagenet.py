"""resnet20/imagenet: ResNet-20, the 6n + 2 net of He et al. with n = 3, on ImageNet at 64x64, 0.33 million parameters.

Data as for resnet18/imagenet, at a resolution at which a net of this size can be trained in hours.
Reference: none published for this pair; at 64x64 far wider nets reach 58 to 67 % top-1 (Chrabaszcz et al., arXiv
1707.08819).
Throughput: 81 images a second (one core with AVX-512, float32), decoded by the training process itself.
"""

from __future__ import annotations

from torch import nn

from trainables.workloads._residual_nets import resnet_6n_plus_2
from trainables.workloads.resnet18_imagenet import ImageNet


class ResNet20ImageNet(ImageNet):
    def build_model(self, classes: int) -> nn.Module:
        return resnet_6n_plus_2(3, 3, classes)
