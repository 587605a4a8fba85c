"""Classification models of torchvision and of timm by name: which there are, and how they are built.

Names are found in the source of the two packages, so that checking one imports neither them nor torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers import InputError, Problem, did_you_mean, raise_any

if TYPE_CHECKING:
    from torch import nn

TIMM = "timm/"
# A function below the decorator by which both packages register a model, whatever other decorators it has.
_REGISTERED = re.compile(r"^@register_model\b[^\n]*\n(?:[@ )][^\n]*\n)*def (\w+)\(", re.MULTILINE)
_SMALLEST = {
    "alexnet": 63,
    "convnext_": 32,
    "densenet": 29,
    "googlenet": 15,
    "inception_v3": 75,
    "squeezenet1_0": 21,
    "squeezenet1_1": 17,
    "vgg": 32,
}
"""The smallest side of an image in pixels of torchvision's models whose names begin so; others take any."""
_MULTIPLE = {
    "maxvit_t": 224,
    "vit_b_16": 16,
    "vit_b_32": 32,
    "vit_h_14": 14,
    "vit_l_16": 16,
    "vit_l_32": 32,
}
"""Torchvision's models that are built for images with a side of a multiple of these pixels."""


@dataclass(frozen=True)
class ModelName:
    """The name of a classification model of torchvision, or timm/NAME."""

    def check(self, value: Any, name: str) -> str:
        """Return ``value``, which must be the name of a model of an installed package."""
        known = _names("torchvision")
        if isinstance(value, str) and value.startswith(TIMM):
            of_timm = _names("timm")
            if not of_timm:
                raise InputError(
                    f'{name}: {value} is a model of the package timm, which is not installed: pip install "timm>=1"'
                )
            known = {f"{TIMM}{each}" for each in of_timm}
        if value not in known:
            raise InputError(f"{name} must be {self.describe()}, got {value!r}.{did_you_mean(value, sorted(known))}")
        return value

    def describe(self) -> str:
        """A noun phrase."""
        return "the name of a classification model of torchvision, such as resnet18, or timm/NAME"


@cache
def _names(package: str) -> frozenset[str]:
    """The models that the package registers; none where it is not installed."""
    found = find_spec(package)
    if found is None or found.origin is None:
        return frozenset()
    modules = (Path(found.origin).parent / "models").glob("*.py")
    return frozenset(name for path in modules for name in _REGISTERED.findall(path.read_text(encoding="utf-8")))


def checked_size(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options. Raises InputError where a model of torchvision takes no images of that ``resolution``."""
    raise_any(_size_problems(options))
    return options


def _size_problems(options: Mapping[str, Any]) -> Iterator[Problem]:
    name, size = options["model"], options["resolution"]
    smallest = next((least for start, least in _SMALLEST.items() if name.startswith(start)), 0)
    if size < smallest:
        told = f"{name} takes images of {smallest} pixels or more, and resolution is {size}"
        yield Problem(told, ("resolution", "model"))
    multiple = _MULTIPLE.get(name, 1)
    if size % multiple:
        told = f"{name} is built for images of a multiple of {multiple} pixels, and resolution is {size}"
        yield Problem(told, ("resolution", "model"))


def build(name: str, classes: int, size: int) -> nn.Module:
    """Return the model with random weights for that many classes and images of ``size`` x ``size`` pixels.

    Of Inception and GoogLeNet only the main classifier is built: their auxiliary ones, which are heads with losses of
    their own, are left out. Raises whatever the model raises for a size that it does not take.
    """
    if name.startswith(TIMM):
        return _build_timm(name.removeprefix(TIMM), classes, size)
    from torchvision import models

    own: dict[str, Any] = {}
    if name.startswith("vit_"):
        own = {"image_size": size}
    elif name.startswith("maxvit"):
        own = {"input_size": (size, size)}
    elif name in ("inception_v3", "googlenet"):
        own = {"aux_logits": False, "init_weights": True}
    return models.get_model(name, weights=None, num_classes=classes, **own)


def _build_timm(name: str, classes: int, size: int) -> nn.Module:
    import timm  # pyright: ignore[reportMissingImports] - the extra brings it

    described = timm.get_pretrained_cfg(name)
    # Models with positions or windows of a fixed number; others have no such argument.
    own: dict[str, Any] = {"img_size": size} if described is not None and described.fixed_input_size else {}
    return timm.create_model(name, pretrained=False, num_classes=classes, **own)
