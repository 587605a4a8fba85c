"""Splits are fixed and stratified, caches shared and checked, and files that are not what they should be are named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import trainables
from optimizers import InputError
from optimizers.cache import cache_folder
from tests.conftest import REPOSITORY
from trainables.data import digits, mnist
from trainables.data.array_cache import identity_of, stratified_holdout


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def test_a_holdout_has_every_class_at_its_share_and_is_always_the_same() -> None:
    labels = np.repeat(np.arange(4), [400, 300, 200, 100])
    kept, held_out = stratified_holdout(labels, 100)
    assert np.abs(np.bincount(labels[held_out]) - [40, 30, 20, 10]).max() <= 1
    assert sorted([*kept, *held_out]) == list(range(1000))
    assert np.array_equal(held_out, stratified_holdout(labels, 100)[1])


def test_the_digits_are_split_without_overlap_and_fingerprinted() -> None:
    data = digits.load(Path())
    sizes = [len(split.targets) for split in (data.train, data.validation, data.test)]
    assert sizes == [1257, 270, 270]
    images = np.concatenate([split.inputs.numpy() for split in (data.train, data.validation, data.test)])
    from sklearn.datasets import load_digits

    original = np.asarray(load_digits().data, dtype=np.uint8)  # pyright: ignore[reportAttributeAccessIssue]
    assert sorted(map(bytes, images)) == sorted(map(bytes, original))
    assert data.fingerprint == digits.load(Path()).fingerprint
    for split in (data.validation, data.test):
        assert np.bincount(split.targets.numpy()).min() >= 26


def test_a_damaged_cache_is_named_and_can_be_made_again() -> None:
    digits.load(Path())
    (file,) = cache_folder().glob("*/train-inputs.npy")
    with file.open("r+b") as opened:
        opened.seek(-10, os.SEEK_END)
        opened.write(b"0123456789")
    with pytest.raises(InputError, match=r"damaged .*; delete the folder and it is made again"):
        digits.load(Path())
    shutil.rmtree(file.parent)
    assert len(digits.load(Path()).train.targets) == 1257


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="set ADAMANT_CACHE to a folder that can"):
        digits.load(Path())


def write_idx(folder: Path) -> Path:
    """MNIST's four files with the right headers and sizes."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, (magic, shape) in mnist.FILES.items():
        header = b"".join(number.to_bytes(4, "big") for number in (magic, *shape))
        with (raw / name).open("wb") as file:
            file.write(header)
            file.truncate(len(header) + int(np.prod(shape)))
    return raw


def test_mnist_files_of_the_right_size_and_kind_are_accepted(tmp_path: Path) -> None:
    write_idx(tmp_path)
    mnist.check(tmp_path)


def test_truncated_missing_and_mislabelled_mnist_files_are_named(tmp_path: Path) -> None:
    raw = write_idx(tmp_path)
    images, labels = raw / "train-images-idx3-ubyte", raw / "t10k-labels-idx1-ubyte"
    os.truncate(images, 5_000_000)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte: 5,000,000 bytes instead of 47,040,016"):
        mnist.check(tmp_path)
    os.truncate(images, 47_040_016)
    labels.write_bytes(b"\0" * labels.stat().st_size)
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte: its header is not that of this MNIST file"):
        mnist.check(tmp_path)
    labels.unlink()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte: this MNIST file is missing"):
        mnist.check(tmp_path)


def test_mnist_is_read_as_its_files_stand_there(tmp_path: Path) -> None:
    """torchvision prefers a file of its earlier versions, which no cache is told apart by."""
    raw = write_idx(tmp_path)
    (tmp_path / "MNIST" / "processed").mkdir()
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST" / "processed" / name).write_bytes(b"other data")
    with (raw / "t10k-images-idx3-ubyte").open("r+b") as images:
        images.seek(-1, os.SEEK_END)
        images.write(b"\7")
    data = mnist.load(tmp_path)
    assert data.test.inputs.shape == (10_000, 784)
    assert data.test.inputs[-1, -1] == 7
    with (raw / "train-labels-idx1-ubyte").open("r+b") as labels:
        labels.seek(-1, os.SEEK_END)
        labels.write(b"\x0a")
    with pytest.raises(InputError, match=r"train-labels-idx1-ubyte: its labels go up to 10, not to 9"):
        trainables.get("mlp/mnist").obtain_data(tmp_path)


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_another(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"1")
    first, before = identity_of([path]), path.stat()
    assert identity_of([path]) == first
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))
    (tmp_path / "new").write_bytes(b"2")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").rename(path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert identity_of([path]) != first


def test_data_is_made_ready_without_torch(tmp_path: Path) -> None:
    """The driver does it before a sweep, and would spend seconds on importing torch."""
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.txt").write_text("some words in a line\n" * 100, encoding="utf-8")
    program = """
import sys, trainables
from pathlib import Path
trainables.get("lstm/text").obtain_data(Path(sys.argv[1]), {"folder": "books"})
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, check=True)
    assert list(cache_folder().glob("text-*/train-inputs.npy"))


@pytest.mark.realdata
@pytest.mark.skipif("ADAMANT_DATA" not in os.environ, reason="ADAMANT_DATA does not name a data folder")
def test_real_mnist_has_its_known_sizes_and_class_counts() -> None:
    data = mnist.load(Path(os.environ["ADAMANT_DATA"]))
    train = np.bincount(data.train.targets.numpy()) + np.bincount(data.validation.targets.numpy())
    assert train.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.test.targets.numpy()).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.train.inputs.shape == (55_000, 784)
    mean = data.train.inputs.float().mean().item() / 255
    assert mean == pytest.approx(0.1307, abs=5e-4)


HOLDER = """
import sys, psutil
from trainables.data.array_cache import Contents, ensure_cached
from trainables.data.splits import opened
import numpy as np
def arrays():
    images = np.random.default_rng(0).integers(0, 256, (20_000, 784), dtype=np.uint8)
    labels = np.zeros(20_000, dtype=np.int64)
    return Contents({split: (images, labels) for split in ("train", "validation", "test")})
data = opened(ensure_cached("shared", "for a test", arrays))
own = psutil.Process().memory_full_info().uss
touched = sum(int(split.inputs.sum()) for split in (data.train, data.validation, data.test))
print("ready", flush=True)
sys.stdin.readline()
print((psutil.Process().memory_full_info().uss - own) / 2**20, flush=True)
sys.stdin.readline()
"""


def test_two_processes_hold_a_data_set_once(tmp_path: Path) -> None:
    """45 MiB that both have read: what belongs to one of them alone has hardly grown."""
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        pipes = [(holder.stdin, holder.stdout) for holder in holders]
        assert all(out is not None and out.readline() == "ready\n" for _, out in pipes)
        grown = []
        for into, out in pipes:
            assert into is not None
            assert out is not None
            into.write("\n")
            into.flush()
            grown.append(float(out.readline()))
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()
    assert max(grown) < 10
