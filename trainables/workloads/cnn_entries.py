"""The entry of the convolutional net."""

from __future__ import annotations

from trainables.workloads._image_entries import CIFAR10, augmented, classification

ENTRIES = (
    classification(
        name="cnn/cifar10",
        target="trainables.workloads.cnn:CnnCifar10",
        model="three 5x5 convolutions with pooling, 1152-1000-10; 1.5 M parameters",
        epochs=20,
        batch_size=128,
        reference="the project's origin: figures only; 65 % are passed in 3 epochs of Adam",
        options=augmented(False),
        **CIFAR10,
    ),
)
