"""mlp/digits: a 64-128-64-10 net on scikit-learn's digits, scaled to [0, 1]; the workload that needs no download.

Reference: none published for this split. A tuned Adam reaches about 97 % test accuracy.
Throughput: 67,000 images a second (one core with AVX-512, float32).
"""

from __future__ import annotations

from torch import nn

from trainables.workloads.classification import Classification
from trainables.workloads.workload import multilayer_perceptron


class MlpDigits(Classification):
    shape = (64,)
    mean, deviation = (0.0,), (16 / 255,)  # values of 0 to 16

    def build_model(self, classes: int) -> nn.Module:
        return multilayer_perceptron(64, 128, 64, classes)
