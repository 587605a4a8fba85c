"""A data set from what a user's code returns: read, split, and refused where it cannot be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, TensorDataset, random_split

from optimizers import InputError
from trainables.data import _materialized, own_data
from trainables.data.splits import DataSet


def numbers(count: int = 40, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed)), torch.arange(count) % classes


def sizes(data: DataSet) -> tuple[int, int, int]:
    return len(data.train.targets), len(data.validation.targets), len(data.test.targets)


def test_data_in_one_piece_is_split_by_class_the_same_way_each_time() -> None:
    data = own_data.data_set(numbers(400))
    assert sizes(data) == (280, 60, 60)
    for split in (data.train, data.validation, data.test):
        assert torch.bincount(split.targets).tolist() == [len(split.targets) // 4] * 4
    own_data.check_disjoint(data)
    assert (
        own_data.data_set(numbers(400)).fingerprint
        == data.fingerprint
        != own_data.data_set(numbers(400, seed=1)).fingerprint
    )
    regression = own_data.data_set((numbers(100)[0], torch.rand(100)))
    assert sizes(regression) == (70, 15, 15)
    assert regression.classes == 0


def test_equal_examples_stay_together() -> None:
    x, y = numbers(100)
    twice = own_data.data_set((torch.cat([x, x]), torch.cat([y, y])))
    assert sum(sizes(twice)) == 200
    own_data.check_disjoint(twice)


def test_validation_is_cut_off_train() -> None:
    data = own_data.data_set({"train": numbers(100), "test": numbers(20, seed=1)})
    assert sizes(data) == (85, 15, 20)


class Items(Dataset):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Any:
        item = self.items[place]
        return item() if callable(item) else item


class Endless(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        yield from ()


def test_datasets_of_torch_are_read_whole() -> None:
    x, y = numbers(40)
    as_items = Items([(a.numpy(), int(b)) for a, b in zip(x, y, strict=True)])
    expected = own_data.data_set((x, y)).fingerprint
    for same in (TensorDataset(x, y), as_items, [(a, b) for a, b in zip(x, y, strict=True)]):
        assert own_data.data_set(same).fingerprint == expected
    parts = random_split(as_items, [20, 10, 10])
    data = own_data.data_set(dict(zip(("train", "val", "test"), parts, strict=True)))
    assert sizes(data) == (20, 10, 10)
    own_data.check_disjoint(data)


def test_types_are_those_that_nets_take() -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20, dtype=np.int32) % 2
    data = own_data.data_set((x, y))
    assert (data.train.inputs.dtype, data.train.targets.dtype) == (torch.float32, torch.int64)
    chosen = own_data.data_set((torch.from_numpy(x), torch.from_numpy(y)))
    assert chosen.train.inputs.dtype == torch.float64, "a tensor's type was chosen"
    stored = own_data.data_set((np.arange(40, dtype=">u2").reshape(20, 2), y > 0))
    assert (stored.train.inputs.dtype, stored.train.targets.dtype) == (torch.uint16, torch.int64)


def with_value(value: float, at: tuple[int, ...] = (3, 1)) -> torch.Tensor:
    x = numbers()[0]
    x[at] = value
    return x


X, Y = numbers()
THREE = {"train": (X, Y), "val": numbers(10, seed=1), "test": numbers(10, seed=2)}


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ((with_value(float("nan")), Y), r"the inputs of 1 of 40 examples .* the first is nan in example 3 at 1\. "),
        ({**THREE, "val": (with_value(float("-inf")), Y)}, "^val: the inputs of 1 of 40 .* -inf in example 3 at 1"),
        ((X, Y.float().log()), r"the targets of 10 of 40 examples .* the first is -inf in example 0\. "),
        ((X, Y * 0), "train: the targets of all 28 examples are 0, so there is nothing to learn"),
        ((X, torch.full((40,), 0.5)), "train: the targets of all 28 examples are 0.5"),
        ({**THREE, "test": (X[:0], Y[:0])}, "test: it is empty"),
        ({**THREE, "test": Items([])}, "test: it is empty"),
        ((X, Y[:-1]), "there are 40 inputs and 39 targets; each input needs one"),
        ((X[:5], Y[:5]), "there are 5 different examples, too few to be split; at least 10"),
        ({**THREE, "val": (X[:, :2], Y)}, r"inputs are float32 \(3,\) in train and float32 \(2,\) in val"),
        ({**THREE, "val": (X, Y.float())}, r"targets are int64 \(\) in train and float32 \(\) in val"),
        ({"train": (X, Y), "validation": (X, Y), "test": (X, Y)}, '"validation" is not a split; .* Did you mean "val"'),
        ({"train": (X, Y), "val": (X, Y)}, "test is missing; return train, val and test, or"),
        (X, r"targets are missing; return \(inputs, targets\), such as \(x, x\) where none is used"),
        ((X, Y, Y), "the data: a tuple is neither a pair"),
        (None, "the data: a NoneType is neither a pair"),
        ({**THREE, "train": {"x": X}}, "train: a dict is neither a pair"),
        (Endless(), "the data: a Endless is neither a pair"),
        ((np.array(["a", "b"] * 20), Y), "the data: inputs: are of type <U1, not numbers"),
        ((np.array([[1, 2], [3]], dtype=object), Y), "inputs: are of type object, not numbers"),
        (([[1, 2], [3]], Y), "inputs: are not an array"),
        (Items([X[0], X[1]]), r"item 0 is a Tensor and not a pair \(inputs, targets\)"),
        (Items([(X[0], 1), (X[0, :2], 1)]), r"item 1 has inputs \(2,\) and targets \(\), item 0 \(3,\)"),
        (Items([lambda: (torch.rand(2), 1)] * 20), "item 0 is another one each time it is read"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_trained_on_is_refused(returned: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        own_data.data_set(returned)


def test_a_picture_that_is_no_tensor_is_refused() -> None:
    with pytest.raises(InputError, match=r"item 0 is a picture of PIL; give the dataset transform=ToTensor\(\)"):
        own_data.data_set(Items([(Image.new("L", (2, 2)), 0)]))


def test_splits_that_overlap_are_refused_with_the_place() -> None:
    x, y = numbers(100)
    data = own_data.data_set({"train": (x[:81], y[:81]), "val": (x[80:90], y[80:90]), "test": (x[90:], y[90:])})
    told = "1 of the 10 examples of val are in train too; the first is example 0 of val and example 80 of train"
    with pytest.raises(InputError, match=told):
        own_data.check_disjoint(data)
    other_label = own_data.data_set(
        {"train": (x[:81], y[:81]), "val": (x[80:90], y[80:90] + 1), "test": (x[90:], y[90:])}
    )
    own_data.check_disjoint(other_label)


def test_a_dataset_that_does_not_fit_into_memory_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    class Huge(Items):
        def __len__(self) -> int:
            return 10**9

        def __getitem__(self, place: int) -> Any:
            read.append(place)
            return torch.zeros(3, 224, 224), 0

    with pytest.raises(
        InputError, match=r"its 1,000,000,000 examples take .* GiB, more than half of the .* GiB of memory"
    ):
        own_data.data_set(Huge([]))
    assert read == [0]
    monkeypatch.setattr(_materialized, "LARGEST_SHARE_OF_MEMORY", 0.0)
    with pytest.raises(InputError, match="more than half"):
        own_data.data_set(Items([(X[0], 0)] * 2))
