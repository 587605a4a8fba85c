"""Images: normalised as published, augmented as published but in whole batches, and CIFAR-10 read with its copies."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import trainables
from optimizers import InputError
from trainables.data import cifar10
from trainables.data.splits import Split
from trainables.workloads.classification import augment


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def test_bytes_are_normalised_as_torchvision_does() -> None:
    from torchvision.transforms import v2

    stored = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))]
    )(stored)
    for name in ("cnn/cifar10", "mlp/cifar10"):
        ours = trainables.get(name).load().prepare(stored)  # pyright: ignore[reportAttributeAccessIssue]
        torch.testing.assert_close(ours.reshape(4, 3, 32, 32), theirs, rtol=1e-5, atol=1e-6)


def test_augmentation_cuts_each_image_out_of_its_own_border_and_mirrors_some() -> None:
    torch.manual_seed(0)
    # The value tells the pixel, so that where each came from can be read back.
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    images = torch.stack([rows * 8 + columns + 1, torch.full((8, 8), 99.0)]).expand(400, 2, 8, 8)
    cut = augment(images, mirrors=True)
    assert cut.shape == images.shape
    seen = set()
    for image in cut:
        inside = image[1] == 99
        assert torch.equal(image[0] == 0, ~inside), "channels are cut alike, and the border is 0"
        row, column = (int(value) for value in inside.nonzero()[0])
        value = int(image[0, row, column]) - 1
        mirrored = bool((image[0, row].diff() == -1).any())
        seen.add((row - value // 8, mirrored))
    assert {mirrored for _, mirrored in seen} == {True, False}
    assert {shift for shift, _ in seen} == set(range(-4, 5))
    plain = augment(images, mirrors=False)
    assert not any((image[0].diff(dim=1) == -1).any() for image in plain)


def test_augmentation_is_drawn_anew_and_repeats_with_the_seed() -> None:
    images = torch.rand(16, 3, 32, 32)
    torch.manual_seed(1)
    first, second = augment(images, True), augment(images, True)
    torch.manual_seed(1)
    assert torch.equal(augment(images, True), first)
    assert not torch.equal(first, second)


def test_evaluation_does_not_augment_or_smooth() -> None:
    workload = trainables.get("cnn/cifar10").load({"augment": True, "label_smoothing": 0.5})
    model = workload.build_model(10)
    inputs = torch.randint(256, (8, 3, 32, 32), dtype=torch.uint8)
    split = Split(inputs, torch.arange(8))
    assert workload.evaluate(model, split) == workload.evaluate(model, split)
    plain = trainables.get("cnn/cifar10").load()
    assert plain.evaluate(model, split) == workload.evaluate(model, split)


def write_batch(path: Path, images: int = 10_000, labels: list[int] | None = None) -> None:
    data = np.zeros((images, 3072), dtype=np.uint8)
    path.write_bytes(pickle.dumps({"data": data, "labels": labels or [i % 10 for i in range(images)]}, protocol=2))


def copy_of_cifar10(root: Path) -> Path:
    folder = root / cifar10.FOLDER
    folder.mkdir(parents=True)
    for name in (*cifar10.TRAIN, *cifar10.TEST):
        write_batch(folder / name)
    return folder


def test_a_copy_of_cifar10_is_accepted_and_said_to_be_one(tmp_path: Path) -> None:
    copy_of_cifar10(tmp_path)
    data = cifar10.load(tmp_path)
    assert [len(split.targets) for split in (data.train, data.validation, data.test)] == [45_000, 5_000, 10_000]
    assert data.train.inputs.shape == (45_000, 3, 32, 32)
    assert data.classes == 10
    assert data.note == cifar10.RE_ENCODED
    assert np.bincount(data.validation.targets.numpy()).tolist() == [500] * 10


def test_bad_cifar10_files_are_named(tmp_path: Path) -> None:
    folder = copy_of_cifar10(tmp_path)
    write_batch(folder / "data_batch_2", labels=[11] * 10_000)
    with pytest.raises(InputError, match=r"data_batch_2: this is no batch of CIFAR-10 \(its labels go from 11 to 11"):
        cifar10.load(tmp_path)
    write_batch(folder / "data_batch_2", images=10_001)
    with pytest.raises(InputError, match=r"data_batch_2: .*it has images \(10001, 3072\)"):
        cifar10.load(tmp_path)
    os.truncate(folder / "data_batch_3", 1000)
    with pytest.raises(InputError, match=r"data_batch_3: 1,000 bytes, less than the 30,720,000"):
        cifar10.check(tmp_path)
    (folder / "test_batch").unlink()
    (folder / "data_batch_3").unlink()
    with pytest.raises(InputError, match=r"data_batch_3: this CIFAR-10 file is missing"):
        cifar10.check(tmp_path)


class Evil:
    def __reduce__(self) -> tuple:
        return os.system, ("touch pwned",)


def test_a_pickle_that_names_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = copy_of_cifar10(tmp_path)
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": Evil(), "pad": b"0" * 31_000_000}))
    with pytest.raises(InputError, match=r"data_batch_1: .*which is no array"):
        cifar10.load(tmp_path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.realdata
@pytest.mark.skipif("ADAMANT_DATA" not in os.environ, reason="ADAMANT_DATA does not name a data folder")
def test_real_cifar10_has_its_class_counts_and_means() -> None:
    root = Path(os.environ["ADAMANT_DATA"])
    if not (root / cifar10.FOLDER).is_dir():
        pytest.skip(f"no {cifar10.FOLDER} under ADAMANT_DATA")
    data = cifar10.load(root)
    train = np.bincount(data.train.targets.numpy()) + np.bincount(data.validation.targets.numpy())
    assert train.tolist() == [5000] * 10
    assert np.bincount(data.test.targets.numpy()).tolist() == [1000] * 10
    means = data.train.inputs.float().mean((0, 2, 3)) / 255
    torch.testing.assert_close(means, torch.tensor([0.4914, 0.4822, 0.4465]), rtol=0, atol=2e-3)
