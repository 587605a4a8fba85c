"""The workloads by name. Importing this imports no torch, so that listing and validating stay instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optimizers import Hyperparameter, InputError, did_you_mean
from optimizers.domains import Real
from trainables.data.no_data import SPREAD
from trainables.workloads.training_options import (
    DCGAN,
    IMAGES,
    ONE_BILLION_WORD,
    augmentation,
    image_files,
    language_model,
)
from trainables.workloads.workload_entry import WorkloadEntry

_CLASSIFICATION = {
    "metrics": {"val/loss": "minimize", "val/accuracy": "maximize"},
    "score": "test/accuracy",
    "options": IMAGES,
}
_CONVOLUTIONS = {**_CLASSIFICATION, "options": {**IMAGES, **augmentation(True)}}
_MNIST = {"data_module": "trainables.data.mnist", "data": "MNIST, torchvision's files"}
_IMAGENET = {
    **_CLASSIFICATION,
    "metrics": {"val/loss": "minimize", "val/accuracy": "maximize", "val/top5_accuracy": "maximize"},
    "data_module": "trainables.data.imagenet",
    "data": "ImageNet's folders, train/CLASS/IMAGE and val/CLASS/IMAGE",
    "data_options": ("folder",),
}
_CIFAR10 = {"data_module": "trainables.data.cifar10", "data": "CIFAR-10, torchvision's files"}


def _function(class_name: str, reference: str) -> WorkloadEntry:
    """A known function of two coordinates, as a workload without data."""
    return WorkloadEntry(
        name=f"function/{class_name.lower()}",
        target=f"trainables.workloads.functions:{class_name}",
        data_module="trainables.data.no_data",
        model="a point (x, y), float64, 2 parameters; the seed draws its start",
        data="none; an epoch is 100 steps",
        metrics={"val/loss": "minimize", "val/steps_to_1e-6": "minimize", "val/distance": "minimize"},
        score="test/steps_to_1e-6",
        epochs=20,
        batch_size=1,
        reference=reference,
        score_note="A run that misses 1e-6 counts its steps once more for each decade that it lacks.",
        options={"spread": Hyperparameter(SPREAD, "how far from the usual start a run begins at most", Real(0, 2))},
    )


def _dcgan(data: str, reference: str, source: Mapping[str, Any]) -> WorkloadEntry:
    """A generator and a discriminator on images."""
    return WorkloadEntry(
        name=f"dcgan/{data}",
        target=f"trainables.workloads.dcgan_{data}:Dcgan{data.capitalize()}",
        model="DCGAN, two players, WGAN-GP as an option; 1.07 M and 0.66 M parameters",
        epochs=20,
        batch_size=128,
        metrics={"val/frechet_distance": "minimize", "val/fid": "minimize"},
        optional_metrics={"val/fid": "inception"},
        score="test/frechet_distance",
        reference=reference,
        parts=("discriminator", "generator"),
        options=DCGAN,
        **source,
    )


def _lstm(name: str, folder: str, data: str, reference: str) -> WorkloadEntry:
    """The word-level language model on a text."""
    return WorkloadEntry(
        name=f"lstm/{name}",
        target="trainables.workloads.lstm:Lstm",
        data_module="trainables.data.text",
        model="word-level LSTM, 1 to 3 layers, weights tied or not; 4.3 M parameters at 10,000 words",
        data=data,
        metrics={"val/loss": "minimize", "val/perplexity": "minimize"},
        score="test/perplexity",
        epochs=20,
        batch_size=20,
        reference=reference,
        training={"clip_norm": 0.25},
        options=language_model(folder),
        data_options=("folder",),
    )


_ENTRIES = {
    entry.name: entry
    for entry in (
        WorkloadEntry(
            name="mlp/digits",
            target="trainables.workloads.mlp_digits:MlpDigits",
            data_module="trainables.data.digits",
            model="64-128-64-10, ReLU; 0.017 M parameters",
            data="scikit-learn's 1,797 digits, 8x8; nothing to download",
            epochs=40,
            batch_size=32,
            reference="none published; a tuned Adam reaches about 97 % test accuracy",
            **_CLASSIFICATION,
        ),
        WorkloadEntry(
            name="mlp/mnist",
            target="trainables.workloads.mlp_mnist:MlpMnist",
            model="784-512-256-64-10, ReLU; 0.55 M parameters",
            epochs=20,
            batch_size=64,
            reference="the project's origin: train loss below 0.01 and test loss 0.13 to 0.21 after 50 epochs",
            **_MNIST,
            **_CLASSIFICATION,
        ),
        WorkloadEntry(
            name="mlp/cifar10",
            target="trainables.workloads.mlp_cifar10:MlpCifar10",
            model="3072-512-256-64-10, ReLU; 1.72 M parameters",
            epochs=20,
            batch_size=64,
            reference="none published for this net; its kind reaches 50 to 56 % test accuracy",
            **_CIFAR10,
            **_CLASSIFICATION,
        ),
        WorkloadEntry(
            name="cnn/cifar10",
            target="trainables.workloads.cnn_cifar10:CnnCifar10",
            model="three 5x5 convolutions with pooling, 1152-1000-10; 1.5 M parameters",
            epochs=20,
            batch_size=128,
            reference="the project's origin: figures only; 65 % are passed in 3 epochs of Adam",
            **_CIFAR10,
            **{**_CLASSIFICATION, "options": {**IMAGES, **augmentation(False)}},
        ),
        WorkloadEntry(
            name="resnet20/cifar10",
            target="trainables.workloads.resnet20_cifar10:ResNet20Cifar10",
            model="ResNet-20 (6n + 2, n = 3), 0.27 M parameters",
            epochs=160,
            batch_size=128,
            reference="91.25 % (He et al. 2016, SGD); 45,000 train images: SGD 91.37 %, Adam 89.99 %",
            **_CIFAR10,
            **_CONVOLUTIONS,
        ),
        WorkloadEntry(
            name="resnet18/cifar10",
            target="trainables.workloads.resnet18_cifar10:ResNet18Cifar10",
            model="ResNet-18 with a 3x3 stem, 11.2 M parameters",
            epochs=200,
            batch_size=128,
            reference="200 epochs: SGD 95.23 %, Adam 94.84 %, Lookahead 95.27 % (Lookahead, NeurIPS 2019)",
            **_CIFAR10,
            **_CONVOLUTIONS,
        ),
        WorkloadEntry(
            name="resnet20/mnist",
            target="trainables.workloads.resnet20_mnist:ResNet20Mnist",
            model="ResNet-20 (6n + 2, n = 3), 0.27 M parameters",
            epochs=20,
            batch_size=128,
            reference="none published for this pair; above 99.5 % is usual",
            **_MNIST,
            **_CONVOLUTIONS,
        ),
        WorkloadEntry(
            name="resnet18/mnist",
            target="trainables.workloads.resnet18_mnist:ResNet18Mnist",
            model="ResNet-18 with a 3x3 stem, 11.2 M parameters",
            epochs=20,
            batch_size=128,
            reference="none published for this pair; above 99.5 % is usual",
            **_MNIST,
            **_CONVOLUTIONS,
        ),
        WorkloadEntry(
            name="resnet18/imagenet",
            target="trainables.workloads.resnet18_imagenet:ResNet18ImageNet",
            model="torchvision's ResNet-18, 11.7 M parameters, 224x224",
            epochs=90,
            batch_size=256,
            reference="top-1: SGD 70.23 %, AdaBelief 70.08 %, AdamW 67.93 %, Adam 63.79 to 66.54 % (arXiv 2010.07468)",
            **{**_IMAGENET, "options": image_files(224)},
        ),
        WorkloadEntry(
            name="resnet20/imagenet",
            target="trainables.workloads.resnet20_imagenet:ResNet20ImageNet",
            model="ResNet-20 (6n + 2, n = 3), 0.33 M parameters, 64x64",
            epochs=40,
            batch_size=256,
            reference="none published for this pair",
            **{**_IMAGENET, "options": image_files(64)},
        ),
        _dcgan("mnist", "none published for this distance", _MNIST),
        _dcgan("cifar10", "FID of a plain DCGAN 132; SN-GAN: AdaBelief 12.36, Adam 13.25", _CIFAR10),
        _lstm("ptb", "ptb", "Penn Treebank, Mikolov's files ptb.*.txt", "Adam 84.3, 67.3, 64.3 with 1, 2, 3 layers"),
        _lstm("wikitext2", "wikitext-2", "WikiText-2, files wiki.*.tokens", "none published for this net"),
        _lstm("text", "python", "any folder of text; Python's own help texts", "none published"),
        WorkloadEntry(
            name="lstm/one-billion-word",
            target="trainables.workloads.lstm_one_billion_word:LstmOneBillionWord",
            data_module="trainables.data.one_billion_word",
            model="word-level LSTM with projection and adaptive softmax; 432 M parameters at its 793,471 words",
            data="One Billion Word benchmark, its own folders of shards",
            metrics={"val/loss": "minimize", "val/perplexity": "minimize"},
            score="test/perplexity",
            epochs=1,
            batch_size=128,
            reference="LSTM-8192-1024 30.6, Adagrad 0.2, clip 1 (arXiv 1602.02410)",
            training={"clip_norm": 1.0},
            options=ONE_BILLION_WORD,
            data_options=("folder", "fewest"),
        ),
        _function("Rosenbrock", "least value 0 at (1, 1); start (-1.2, 1)"),
        _function("Beale", "least value 0 at (3, 0.5); start (1, 1)"),
        _function("Himmelblau", "least value 0 at (3, 2) and three more; start (0, 0)"),
        _function("Ackley", "least value 0 at (0, 0), where it has a kink; start (2.4, -1.7)"),
        _function("Rastrigin", "least value 0 at (0, 0); start (2.3, 1.6)"),
    )
}


MEANINGS = {
    "cifar": ("resnet20/cifar10", "cnn/cifar10"),
    "cifar10": ("resnet20/cifar10", "cnn/cifar10"),
    "dcgan": ("dcgan/mnist", "dcgan/cifar10"),
    "digits": ("mlp/digits",),
    "gan": ("dcgan/mnist", "dcgan/cifar10"),
    "imagenet": ("resnet18/imagenet", "resnet20/imagenet"),
    "lstm": ("lstm/ptb", "lstm/wikitext2"),
    "mlp": ("mlp/digits", "mlp/mnist"),
    "mnist": ("mlp/mnist",),
    "penn_treebank": ("lstm/ptb",),
    "ptb": ("lstm/ptb",),
    "resnet": ("resnet20/cifar10", "resnet18/cifar10"),
    "wikitext": ("lstm/wikitext2",),
}
"""Workloads by a model or a data set alone."""


def names() -> tuple[str, ...]:
    """All workload names, sorted."""
    return tuple(sorted(_ENTRIES))


def get(name: str) -> WorkloadEntry:
    """The entry of that name. Raises InputError, with the nearest name, when there is none."""
    if name not in _ENTRIES:
        raise InputError(
            f'no workload is called "{name}"; there are {", ".join(names())}.{did_you_mean(name, names(), MEANINGS)}'
        )
    return _ENTRIES[name]
