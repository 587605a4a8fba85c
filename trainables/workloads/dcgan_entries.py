"""The entries of the generative adversarial nets."""

from __future__ import annotations

from functools import partial

from optimizers import Hyperparameter
from optimizers.domains import NOT_NEGATIVE, Choice, Integer, OrOff
from trainables.workloads._image_entries import CIFAR10, MNIST, batches_of_examples
from trainables.workloads.training_options import UNITS, FilePath, Options
from trainables.workloads.workload_entry import OnlyWith, WorkloadEntry

OPTIONS: Options = {
    "loss": Hyperparameter("non_saturating", "of the two players", Choice(("non_saturating", "wgan_gp"))),
    "discriminator_steps": Hyperparameter(1, "steps of the discriminator to one of the generator", Integer(1, 1_000)),
    "penalty": Hyperparameter(10.0, "wgan_gp: weight of the slope's penalty", NOT_NEGATIVE),
    "resolution": Hyperparameter(32, "side of the images that the players see", Choice((32, 64)), "pixels"),
    "latent": Hyperparameter(100, "numbers that an image is generated from", UNITS),
    "width": Hyperparameter(64, "channels of the layers beside the images; deeper ones have more", Integer(1, 4_096)),
    "samples": Hyperparameter(2048, "images generated to measure a distance", Integer(2, 1_000_000)),
    "inception": Hyperparameter(
        None,
        "path of torch-fidelity's weights-inception-2015-12-05-6726825d.pth: FID is measured too",
        OrOff(FilePath()),
    ),
}

_dcgan = partial(
    WorkloadEntry,
    model="DCGAN, two players, WGAN-GP as an option; 1.07 M and 0.66 M parameters",
    epochs=20,
    batch_size=128,
    metrics={"val/frechet_distance": "minimize", "val/fid": "minimize"},
    optional_metrics={"val/fid": OnlyWith("inception")},
    score="test/frechet_distance",
    parts=("discriminator", "generator"),
    options=OPTIONS,
    batches=batches_of_examples,
)

ENTRIES = (
    _dcgan(
        name="dcgan/mnist",
        target="trainables.workloads.dcgan:DcganMnist",
        reference="none published for this distance",
        **MNIST,
    ),
    _dcgan(
        name="dcgan/cifar10",
        target="trainables.workloads.dcgan:DcganCifar10",
        reference="FID of a plain DCGAN 132; SN-GAN: AdaBelief 12.36, Adam 13.25",
        **CIFAR10,
    ),
)
