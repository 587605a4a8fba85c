"""The entries of the fully connected nets."""

from __future__ import annotations

from trainables.workloads._image_entries import CIFAR10, IMAGES, MNIST, classification

ENTRIES = (
    classification(
        name="mlp/digits",
        target="trainables.workloads.mlp:MlpDigits",
        data_module="trainables.data.digits",
        model="64-128-64-10, ReLU; 0.017 M parameters",
        data="scikit-learn's 1,797 digits, 8x8; nothing to download",
        epochs=40,
        batch_size=32,
        reference="none published; a tuned Adam reaches about 97 % test accuracy",
        options=IMAGES,
    ),
    classification(
        name="mlp/mnist",
        target="trainables.workloads.mlp:MlpMnist",
        model="784-512-256-64-10, ReLU; 0.55 M parameters",
        epochs=20,
        batch_size=64,
        reference="the project's origin: train loss below 0.01 and test loss 0.13 to 0.21 after 50 epochs",
        options=IMAGES,
        **MNIST,
    ),
    classification(
        name="mlp/cifar10",
        target="trainables.workloads.mlp:MlpCifar10",
        model="3072-512-256-64-10, ReLU; 1.72 M parameters",
        epochs=20,
        batch_size=64,
        reference="none published for this net; its kind reaches 50 to 56 % test accuracy",
        options=IMAGES,
        **CIFAR10,
    ),
)
