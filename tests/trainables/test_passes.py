"""What is known of a pass over the data without torch: the same as what feeds do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import trainables
from optimizers import InputError
from trainables.data.array_cache import train_size
from trainables.data.passes import Size
from trainables.data.splits import Split

COUNTED = [name for name in trainables.names() if trainables.get(name).batches is not None]


def test_all_workloads_on_data_count_without_torch() -> None:
    assert {*trainables.names()} - {*COUNTED} == {name for name in trainables.names() if name.startswith("function/")}


@pytest.mark.parametrize("name", COUNTED)
def test_an_entry_counts_the_batches_of_its_feed(name: str) -> None:
    entry = trainables.get(name)
    options = entry.check_options({})
    workload, is_text = entry.load(options), name.startswith(("lstm/", "gpt/"))
    assert entry.batches is not None
    for count in (1000, 1001, 1023, 1025):
        split = Split(torch.zeros(count), torch.zeros(0 if is_text else count))
        for batch_size in (1, 2, 16, 100):
            feed = workload.feed(split, batch_size)
            size = Size(len(split.inputs), len(split.targets))
            assert entry.batches(size, batch_size, options) == feed.steps_per_epoch


def test_the_size_of_data_is_that_of_its_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path))
    entry = trainables.get("mlp/digits")
    assert entry.steps_per_pass(tmp_path, {}, 64) == 20
    [file] = tmp_path.glob("digits-*/train-targets.npy")
    assert train_size(file.parent) == Size(1257, 1257)
    file.write_bytes(b"")
    with pytest.raises(InputError, match="this cached data set is damaged"):
        entry.steps_per_pass(tmp_path, {}, 64)
