"""Trees of images: what must lie where, and the same batches whatever decodes them and wherever a run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import trainables
from optimizers import InputError
from trainables import imagenet
from trainables.image_files import ShuffledFiles, in_order


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def tree(root: Path, images: int = 6) -> Path:
    """Images of which all pixels tell the class by their red and the number by their blue."""
    for part, count in (("train", images), ("val", 2)):
        for number, name in enumerate(("ant", "bee", "cat")):
            folder = root / "imagenet" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.zeros((40, 50, 3), dtype=np.uint8)
                pixels[..., 0], pixels[..., 2] = 100 * number, 20 * i
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return root / "imagenet"


def test_classes_are_folders_and_some_training_images_of_each_validate(tmp_path: Path) -> None:
    tree(tmp_path)
    data = imagenet.load(tmp_path, "imagenet")
    assert data.classes == 3
    counts = [torch.bincount(split.targets).tolist() for split in (data.train, data.validation, data.test)]
    assert counts == [[5] * 3, [1] * 3, [2] * 3]
    for split in (data.train, data.validation, data.test):
        for inputs, targets in in_order(split, 4, 16, 0):
            assert inputs.shape[1:] == (3, 16, 16)
            assert torch.equal(inputs[:, 0, 8, 8].long(), 100 * targets)


def test_batches_are_the_same_with_workers_and_from_the_middle_on(tmp_path: Path) -> None:
    tree(tmp_path)
    train = imagenet.load(tmp_path, "imagenet").train

    def epoch(workers: int, start: int) -> list[torch.Tensor]:
        feed = ShuffledFiles(train, 4, 16, workers)
        feed.begin_epoch(torch.Generator().manual_seed(1))
        return [
            torch.cat([part.flatten().float() for part in feed.batch(i)]) for i in range(start, feed.steps_per_epoch)
        ]

    whole = epoch(0, 0)
    assert [len(part) for part in whole] == [4 * (3 * 16 * 16 + 1)] * 3 + [3 * (3 * 16 * 16 + 1)]
    assert all(map(torch.equal, epoch(2, 0), whole))
    assert all(map(torch.equal, epoch(1, 2), whole[2:]))


def test_training_images_are_cut_anew_each_epoch(tmp_path: Path) -> None:
    folder = tree(tmp_path, images=2)
    generator = np.random.default_rng(0)
    for path in (folder / "train").rglob("*.png"):
        Image.fromarray(generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    feed = ShuffledFiles(imagenet.load(tmp_path, "imagenet").train, 8, 16, 0)
    generator = torch.Generator().manual_seed(0)
    seen = []
    for _ in range(2):
        feed.begin_epoch(generator)
        images, targets = feed.batch(0)
        seen.append(images[targets.argsort()])
    assert not torch.equal(*seen)


def test_accuracy_among_five_counts_the_five_best(tmp_path: Path) -> None:
    tree(tmp_path)
    workload = trainables.get("resnet20/imagenet").load({"resolution": 16})
    data = imagenet.load(tmp_path, "imagenet")
    metrics = workload.evaluate(workload.build_model(3), data.test)
    assert metrics["top5_accuracy"] == 1.0  # there are three classes
    assert 0 <= metrics["accuracy"] <= 1


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train: there are no folders of images"):
        imagenet.check(tmp_path, "imagenet")
    folder = tree(tmp_path)
    (folder / "train" / "dog").mkdir()
    with pytest.raises(InputError, match=r'train has 4 classes and val 3; "dog" is under train alone'):
        imagenet.check(tmp_path, "imagenet")
    (folder / "val" / "dog").mkdir()
    with pytest.raises(InputError, match=r"train/dog: there is no image in this class"):
        imagenet.load(tmp_path, "imagenet")
    for part in ("train", "val"):
        (folder / part / "dog").rmdir()
    data = imagenet.load(tmp_path, "imagenet")
    (folder / "val" / "bee" / "1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"val/bee/1.png: this image cannot be read"):
        list(in_order(data.test, 2, 16, 0))
