"""A data set from what a user's code returns: tensors, arrays or torch datasets, already split or to be split.

What stands in the splits is checked here, so that a fault is one sentence and not the end of a trial. Data in one piece
is split: 15 % of the examples validate and 15 % test, stratified where targets are classes, the same ones each time.
Equal examples stay together, so that nothing that was learnt by heart is asked for again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from optimizers import InputError, did_you_mean
from trainables.data._example_digests import digests_of
from trainables.data._held_out import cut_off
from trainables.data._materialized import split_of
from trainables.data.splits import DataSet, Split

NAMES = ("train", "val", "test")
HELD_OUT_SHARE = 0.15
_MEANINGS = {"validation": ("val",), "valid": ("val",), "dev": ("val",), "training": ("train",), "eval": ("val",)}


def data_set(returned: Any) -> DataSet:
    """Return the data set of what a user's code returned.

    That is a mapping with ``train``, ``val`` and ``test``; one without ``val``, which is then cut off ``train``; or one
    of such values alone, to be split. A value is (inputs, targets), tensors or arrays with examples along the first
    axis; a map-style dataset of such pairs; or a :class:`Split`. Raises InputError for any other, and for splits that
    are empty, of different shapes, not finite, or without anything to learn.
    """
    given = {name: split_of(value, name) for name, value in _by_name(returned).items()}
    for name, split in given.items():
        _check_split(name, split)
    splits = _completed(given)
    _check_shapes(splits)
    _check_targets(splits["train"])
    train, validation, test = (splits[name] for name in NAMES)
    return DataSet(train, validation, test, fingerprint=fingerprint_of(splits), classes=_classes(splits))


def check_disjoint(data: DataSet) -> None:
    """Raise InputError for examples, equal in inputs and targets, that are in two splits."""
    splits = dict(zip(NAMES, (data.train, data.validation, data.test), strict=True))
    if any(split.is_stream for split in splits.values()):
        return
    digests = {name: digests_of(split) for name, split in splits.items()}
    for name, other in (("val", "train"), ("test", "train"), ("test", "val")):
        places = {digest: place for place, digest in enumerate(digests[other])}
        both = [place for place, digest in enumerate(digests[name]) if digest in places]
        if both:
            raise InputError(
                f"{len(both):,} of the {len(digests[name]):,} examples of {name} are in {other} too; the first is "
                f"example {both[0]:,} of {name} and example {places[digests[name][both[0]]]:,} of {other}. Cut the "
                "splits apart, return the data in one piece, which is split so that equal examples stay together, or "
                "set allow_overlap = True in the class if the data is meant to have equal examples in two splits"
            )


def _by_name(returned: Any) -> Mapping[str, Any]:
    """What was returned by split; under "" what is to be split."""
    if not isinstance(returned, Mapping):
        return {"": returned}
    for name in returned:
        if name not in NAMES:
            raise InputError(f'"{name}" is not a split; return train, val and test.{_hint(name)}')
    for name in ("train", "test"):
        if name not in returned:
            raise InputError(f"{name} is missing; return train, val and test, or the data in one piece to be split")
    return returned


def _hint(name: object) -> str:
    return did_you_mean(name, NAMES, _MEANINGS)


def _completed(given: dict[str, Split]) -> dict[str, Split]:
    if "" in given:
        rest, test = cut_off(given[""], HELD_OUT_SHARE)
        train, validation = cut_off(rest, HELD_OUT_SHARE / (1 - HELD_OUT_SHARE))
        return {"train": train, "val": validation, "test": test}
    if "val" not in given:
        train, validation = cut_off(given["train"], HELD_OUT_SHARE)
        return {"train": train, "val": validation, "test": given["test"]}
    return given


def _check_split(name: str, split: Split) -> None:
    what = f"{name}: " if name else ""
    inputs, targets = split.inputs, split.targets
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) == 0:
        raise InputError(f"{what or 'the data: '}it is empty; at least one example is needed")
    if not split.is_stream and len(inputs) != len(targets):
        raise InputError(f"{what}there are {len(inputs):,} inputs and {len(targets):,} targets; each input needs one")
    for kind, tensor in (("inputs", inputs), ("targets", targets)):
        finite = torch.isfinite(tensor) if tensor.is_floating_point() or tensor.is_complex() else None
        if finite is not None and not finite.all():
            wrong = (~finite).nonzero()
            at = tuple(wrong[0].tolist())
            examples = len(set(wrong[:, 0].tolist()))
            raise InputError(
                f"{what}the {kind} of {examples:,} of {len(tensor):,} examples are not finite; the first is "
                f"{tensor[at].item()} in example {at[0]:,}{_within(at[1:])}. Replace it, or leave the example out"
            )


def _within(place: tuple[int, ...]) -> str:
    return f" at {', '.join(map(str, place))}" if place else ""


def _check_shapes(splits: Mapping[str, Split]) -> None:
    for kind in ("inputs", "targets"):
        first: Tensor = getattr(splits["train"], kind)
        for name in ("val", "test"):
            other: Tensor = getattr(splits[name], kind)
            if (other.shape[1:], other.dtype) != (first.shape[1:], first.dtype):
                raise InputError(
                    f"an example's {kind} are {_shown(first)} in train and {_shown(other)} in {name}; they must be "
                    "of one shape and type"
                )


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape[1:])}"


def _check_targets(train: Split) -> None:
    targets = train.targets
    if not train.is_stream and bool((targets == targets[:1]).all()):
        shown = f"{targets[0].item():g}" if targets[0].numel() == 1 else "the same"
        raise InputError(
            f"train: the targets of all {len(targets):,} examples are {shown}, so there is nothing to learn; return "
            "examples of two or more classes, or the inputs as targets where a loss uses no others"
        )


def _classes(splits: Mapping[str, Split]) -> int:
    labels = [split.inputs if split.is_stream else split.targets for split in splits.values()]
    if any(tensor.is_floating_point() or tensor.ndim != 1 for tensor in labels):
        return 0
    return 1 + max(int(tensor.max()) for tensor in labels)


def fingerprint_of(splits: Mapping[str, Split]) -> str:
    """Return a SHA-256 of names, types, shapes and every byte of splits."""
    digest = hashlib.sha256()
    for name, split in splits.items():
        for tensor in (split.inputs, split.targets):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
            digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
