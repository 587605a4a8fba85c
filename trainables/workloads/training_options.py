"""What a sweep may set of a run beside budget and optimizer: how it is trained, and what the workload itself offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimizers import Hyperparameter, InputError, Problem, did_you_mean
from optimizers.domains import Choice, Flag, Integer, Numbers, OrOff, Real, Text

Options = Mapping[str, Hyperparameter]
MEANINGS = {
    "amp": ("precision",),
    "bf16": ("precision",),
    "bptt": ("length",),
    "clip": ("clip_norm",),
    "clip_grad": ("clip_norm",),
    "dtype": ("precision",),
    "grad_clip": ("clip_norm",),
    "gradient_accumulation": ("accumulate",),
    "gradient_clipping": ("clip_norm",),
    "lr_scheduler": ("lr_schedule",),
    "max_grad_norm": ("clip_norm",),
    "nhid": ("hidden",),
    "num_layers": ("layers",),
    "schedule": ("lr_schedule",),
    "scheduler": ("lr_schedule",),
    "warmup_steps": ("warmup",),
}
"""Options by the names that other libraries give them."""


@dataclass(frozen=True)
class FilePath:
    """The full path of a file, which each node has; that it is there is checked with the data."""

    def check(self, value: Any, name: str) -> str:
        """Return ``value``, which must be a full path."""
        if not isinstance(value, str) or not Path(value).is_absolute():
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.")
        return value

    def describe(self) -> str:
        """A noun phrase."""
        return "the full path of a file"


TRAINING: Options = {
    "lr_schedule": Hyperparameter(
        "constant", "how the learning rate changes after its warm-up", Choice(("constant", "linear", "cosine", "step"))
    ),
    "warmup": Hyperparameter(
        0.0, "linear warm-up of the learning rate", Real(0, 1, exclude_max=True), "share of the steps"
    ),
    "milestones": Hyperparameter(
        [0.5, 0.75], "step: where the rate is multiplied by gamma", Numbers(ascending=True), "share of the steps"
    ),
    "gamma": Hyperparameter(0.1, "step: the factor at each milestone", Real(0, exclude_min=True)),
    "clip_norm": Hyperparameter(
        None, "longest gradient of all parameters together", OrOff(Real(0, exclude_min=True)), "norm"
    ),
    "accumulate": Hyperparameter(1, "parts of a batch whose gradients are added up before a step", Integer(1)),
    "precision": Hyperparameter(
        "float32", "of the forward pass; bfloat16 by autocast, parameters and optimizer stay float32",
        Choice(("float32", "bfloat16")),
    ),
    "compile": Hyperparameter(
        False, "compile the losses by torch.compile: slower to start, faster steps where the device gains from it",
        Flag(),
    ),
}  # fmt: skip
"""Of every workload."""

IMAGES: Options = {
    "label_smoothing": Hyperparameter(
        0.0, "share of the target spread evenly over all classes, in training alone", Real(0, 1, exclude_max=True)
    )
}
"""Of workloads that classify images."""


def language_model(folder: str) -> Options:
    """Of workloads that predict the next word of a text, which lies in a folder of the data folder."""
    return {
        "folder": Hyperparameter(
            folder, "where the text lies in the data folder; python: help texts of Python", Text()
        ),
        "layers": Hyperparameter(1, "LSTM layers", Integer(1, 3)),
        "embedding": Hyperparameter(200, "width of the embedding", Integer(1)),
        "hidden": Hyperparameter(200, "width of each LSTM layer", Integer(1)),
        "dropout": Hyperparameter(0.2, "around the layers", Real(0, 1, exclude_max=True)),
        "tied": Hyperparameter(False, "predict by the weights of the embedding", Flag()),
        "length": Hyperparameter(35, "words through which the gradient goes back", Integer(1), "words"),
    }


ONE_BILLION_WORD: Options = {
    **{name: one for name, one in language_model("one-billion-word").items() if name != "tied"},
    "embedding": Hyperparameter(512, "width of the embedding", Integer(1)),
    "hidden": Hyperparameter(2048, "width of each LSTM layer inside", Integer(2)),
    "projection": Hyperparameter(512, "width of what each layer gives on; less than hidden", Integer(1)),
    "fewest": Hyperparameter(3, "how often a word must stand in the training text to be known", Integer(1)),
}
"""Of the language model on the One Billion Word benchmark."""


DCGAN: Options = {
    "loss": Hyperparameter("non_saturating", "of the two players", Choice(("non_saturating", "wgan_gp"))),
    "discriminator_steps": Hyperparameter(1, "steps of the discriminator to one of the generator", Integer(1)),
    "penalty": Hyperparameter(10.0, "wgan_gp: weight of the slope's penalty", Real(0)),
    "resolution": Hyperparameter(32, "side of the images that the players see", Choice((32, 64)), "pixels"),
    "latent": Hyperparameter(100, "numbers that an image is generated from", Integer(1)),
    "width": Hyperparameter(64, "channels of the layers beside the images; deeper ones have more", Integer(1)),
    "samples": Hyperparameter(2048, "images generated to measure a distance", Integer(2)),
    "inception": Hyperparameter(
        None,
        "full path of torch-fidelity's weights-inception-2015-12-05-6726825d.pth: FID is measured too",
        OrOff(FilePath()),
    ),
}
"""Of generative adversarial nets."""


def image_files(resolution: int) -> Options:
    """Of workloads that read images from files."""
    return {
        **IMAGES,
        "folder": Hyperparameter("imagenet", "where train and val lie in the data folder", Text()),
        "resolution": Hyperparameter(resolution, "side of the images that the model sees", Integer(8), "pixels"),
        "workers": Hyperparameter(0, "processes that decode beside the training; 0: the training does", Integer(0)),
    }


def augmentation(default: bool) -> Options:
    """Of workloads that classify images by convolutions."""
    return {
        "augment": Hyperparameter(
            default, "cut training images out of a border of 4 pixels; mirror every other where that changes nothing",
            Flag(),
        )
    }  # fmt: skip


def missing_file(values: Mapping[str, Any], options: Options) -> str | None:
    """The first option that names a file which is not there, if one does."""
    for name, one in options.items():
        domain = one.domain.domain if isinstance(one.domain, OrOff) else one.domain
        if isinstance(domain, FilePath) and values[name] is not None and not Path(values[name]).is_file():
            return name
    return None


def checked(given: Mapping[str, Any], options: Options, owner: str) -> dict[str, Any]:
    """Every option in its canonical form, defaults filled in.

    Raises InputError with every unknown name and every value out of its range.
    """
    known = f"it has {', '.join(options)}" if options else "it has none"
    problems = [
        Problem(f'{owner} has no option "{name}"; {known}.{did_you_mean(name, options, MEANINGS)}', (name,))
        for name in given
        if name not in options
    ]
    values = {}
    for name, one in options.items():
        try:
            values[name] = one.domain.check(given.get(name, one.default), f"{owner}: {name}")
        except InputError as error:
            problems.extend(error.about(name).problems)
    if problems:
        raise InputError(*problems)
    return values
