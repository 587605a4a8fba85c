"""The Frechet distance between generated and real images, on the features of a net.

|m - m'|^2 + trace(C + C' - 2 (C C')^(1/2)) of the features' means and covariances: the squared Wasserstein-2 distance
if both were Gaussian (Dowson and Landau 1982; Heusel et al., arXiv 1706.08500). It depends on the net and on the
number of images, so those of different nets have different metric names here: ``fid`` on Inception's features, by
torch-fidelity and its weights of the original paper's net, ``frechet_distance`` on those of ``feature_nets``.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from optimizers import InputError
from trainables.workloads import feature_nets

# Inception sees 299x299 pixels of each.
BATCH_SIZE = 64
# Of weights-inception-2015-12-05-6726825d.pth.
INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"

Features = Callable[[Tensor], Tensor]
"""Features (n, width) of images as bytes (n, channels, side, side)."""
Statistics = dict[str, np.ndarray]
"""``mu`` (width,) and ``sigma`` (width, width)."""


def distance(generated: Tensor, real: Tensor, features: Features) -> float:
    """Between two sets of images as bytes, ``generated`` (n, channels, side, side); nan where a feature is not finite.

    ``real`` may be flat. Its statistics are kept for the next distance to the same tensor.
    """
    found = _statistics(features, generated, generated.shape[1:])
    if not np.isfinite(found["sigma"]).all():
        return float("nan")
    known = _statistics_of_real(features, real, generated.shape[1:])
    return fid_statistics_to_metric(found, known, verbose=False)[KEY_METRIC_FID]


def _statistics(features: Features, images: Tensor, shape: torch.Size) -> Statistics:
    with torch.no_grad():
        parts = [features(part.view(-1, *shape)).double().cpu() for part in images.split(BATCH_SIZE)]
    return fid_features_to_statistics(torch.cat(parts))


# By the tensor itself, which the splits of a data set are: no copy of it, and no view.
_statistics_of_real = lru_cache(maxsize=4)(_statistics)


@lru_cache
def own_features(name: str, device: torch.device) -> Features:
    """The features of the net that is kept here for that data set."""
    net = feature_nets.load(name, device)
    return lambda images: net(images.to(device).float() / 127.5 - 1)


@lru_cache
def inception_features(weights: str, device: torch.device) -> Features:
    """The 2,048 features that FID is defined by, from torch-fidelity's file of weights.

    Raises InputError for a file that is not the published one.
    """
    contents = Path(weights).read_bytes()
    if hashlib.sha256(contents).hexdigest() != INCEPTION_SHA256:
        raise InputError(f"{weights}: these are not torch-fidelity's published weights; fetch them again")
    # torch-fidelity unpickles whatever it is given, so it is given what was read as tensors alone.
    tensors = io.BytesIO()
    torch.save(torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True), tensors)
    tensors.seek(0)
    net: Any = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=tensors)
    net.to(device)

    def features(images: Tensor) -> Tensor:
        return net(images.to(device).expand(-1, 3, -1, -1).contiguous())[0]

    return features
