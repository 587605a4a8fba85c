"""dcgan/cifar10: a DCGAN on CIFAR-10's colour images, 32x32, or 64x64 as in the paper; batch 128.

Data: CIFAR-10 without its labels; the distance is measured to the 5,000 validation images, in confirmation to the
10,000 test images, on the features of ``feature_nets``' net for CIFAR-10.
Reference: FID (Inception) 132 for a plain DCGAN; 12 to 13 need spectral norm and a residual net (AdaBelief, 2020).
Throughput: 220 images a second (one core with AVX-512, float32).
"""

from __future__ import annotations

from trainables.workloads.dcgan import Dcgan


class DcganCifar10(Dcgan):
    feature_net = "cifar10"
