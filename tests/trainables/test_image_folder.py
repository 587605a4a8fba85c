"""Trees of images: what must lie where, and the same batches whatever decodes them and wherever a run goes on."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import trainables
from optimizers import InputError
from trainables.data import image_folder
from trainables.data._image_decoding import read_rgb
from trainables.data.image_files import ShuffledFiles, in_order
from trainables.data.splits import Split


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


def tree(root: Path, images: int = 6) -> Path:
    """Images of which all pixels tell the class by their red, the part by their green and the number by their blue."""
    for green, (part, count) in enumerate((("train", images), ("val", 2))):
        for number, name in enumerate(("ant", "bee", "cat")):
            folder = root / "imagenet" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = np.zeros((40, 50, 3), dtype=np.uint8)
                pixels[:] = 100 * number, green, 20 * i
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return root / "imagenet"


def test_classes_are_folders_and_some_training_images_of_each_validate(tmp_path: Path) -> None:
    tree(tmp_path)
    data = image_folder.load(tmp_path, "imagenet")
    assert data.classes == 3
    counts = [torch.bincount(split.targets).tolist() for split in (data.train, data.validation, data.test)]
    assert counts == [[5] * 3, [1] * 3, [2] * 3]
    for split in (data.train, data.validation, data.test):
        for inputs, targets in in_order(split, 4, 16, 0):
            assert inputs.shape[1:] == (3, 16, 16)
            assert torch.equal(inputs[:, 0, 8, 8].long(), 100 * targets)


def test_batches_are_the_same_with_workers_and_from_the_middle_on(tmp_path: Path) -> None:
    tree(tmp_path)
    train = image_folder.load(tmp_path, "imagenet").train

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
    feed = ShuffledFiles(image_folder.load(tmp_path, "imagenet").train, 8, 16, 0)
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
    data = image_folder.load(tmp_path, "imagenet")
    metrics = workload.evaluate(workload.build_model(3), data.test)
    assert metrics["top5_accuracy"] == 1.0  # there are three classes
    assert 0 <= metrics["accuracy"] <= 1


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"imagenet: there are no folders of images"):
        image_folder.check(tmp_path, "imagenet")
    folder = tree(tmp_path)
    (folder / "train" / "dog").mkdir()
    with pytest.raises(InputError, match=r'train has 4 classes and val 3; "dog" is under train alone'):
        image_folder.check(tmp_path, "imagenet")
    (folder / "val" / "dog").mkdir()
    with pytest.raises(InputError, match=r"train/dog: there is no image in this class"):
        image_folder.load(tmp_path, "imagenet")
    for part in ("train", "val"):
        (folder / part / "dog").rmdir()
    data = image_folder.load(tmp_path, "imagenet")
    (folder / "val" / "bee" / "1.png").write_bytes(b"no image")
    with pytest.raises(OSError, match=r"val/bee/1.png: this image cannot be read"):
        list(in_order(data.test, 2, 16, 0))


def write_tree(root: Path, parts: tuple[str, ...] = ("train", "val"), images: int = 3) -> Path:
    """Noise of classes a and b."""
    for part in parts:
        generator = np.random.default_rng(list(part.encode()))
        for name in "ab":
            (root / "imagenet" / part / name).mkdir(parents=True)
            for i in range(images):
                pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / "imagenet" / part / name / f"{i}.png")
    return root / "imagenet"


def sizes(root: Path) -> list[int]:
    data = image_folder.load(root, "imagenet")
    return [len(split.targets) for split in (data.train, data.validation, data.test)]


GREY = np.full((4, 4), 100, dtype=np.uint8)
OPAQUE = np.full((4, 4), 255, dtype=np.uint8)
# Images whose pixels are all (100, 100, 100), or nearly, as 8-bit RGB.
SAME_GREY = {
    "L.png": Image.fromarray(GREY),
    "RGB.ppm": Image.fromarray(GREY).convert("RGB"),
    "P.gif": Image.fromarray(GREY).convert("P"),
    "P.png": Image.fromarray(GREY).convert("RGB").quantize(2),
    "LA.png": Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(GREY)]),
    "RGBA.webp": Image.merge("RGBA", [Image.fromarray(GREY)] * 3 + [Image.fromarray(OPAQUE)]),
    "CMYK.jpg": Image.fromarray(GREY).convert("CMYK"),
    "CMYK.tif": Image.fromarray(GREY).convert("CMYK"),
    "I16.png": Image.fromarray(GREY.astype(np.uint16) * 257),
    "I16.tif": Image.fromarray(GREY.astype(np.uint16) * 257),
    "I16B.tif": Image.frombytes("I;16B", (4, 4), (GREY.astype(">u2") * 257).tobytes()),
    "I.pgm": Image.fromarray(GREY.astype(np.int32) * 257),
}


@pytest.mark.parametrize("name", SAME_GREY)
def test_every_kind_of_pixel_is_read_as_eight_bit_rgb(name: str) -> None:
    stored = io.BytesIO()
    SAME_GREY[name].save(stored, Image.registered_extensions()[Path(name).suffix])
    image = read_rgb(stored)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image).astype(int) - 100).max() <= 1


def test_images_of_twelve_and_of_one_bit_use_the_whole_range() -> None:
    black_white = io.BytesIO()
    Image.fromarray(np.eye(4) > 0).save(black_white, "PNG")
    assert np.unique(np.asarray(read_rgb(black_white))).tolist() == [0, 255]
    assert np.unique(np.asarray(read_rgb(io.BytesIO(twelve_bit_tiff())))).tolist() == [0, 100, 255]


def twelve_bit_tiff() -> bytes:
    """Of 4 pixels 0, 1600, 4095, 4095, packed as TIFF does."""
    values = "".join(f"{value:012b}" for value in (0, 1600, 4095, 4095))
    strip = int(values, 2).to_bytes(6, "big")
    entries = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, len(strip))]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in entries)
    return struct.pack("<2sHI", b"II", 42, 16) + strip + b"\0\0" + directory + struct.pack("<I", 0)


def png(width: int, height: int) -> bytes:
    stored = io.BytesIO()
    Image.new("1", (width, height)).save(stored, "PNG")
    return stored.getvalue()


def saved(image: Image.Image, format_name: str) -> bytes:
    stored = io.BytesIO()
    image.save(stored, format_name)
    return stored.getvalue()


BAD_IMAGES = {
    "float.tif": (
        saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
        r"mode F\) have no known range; write it",
    ),
    "int32.tif": (saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), r"mode I\) have no known range"),
    "lab.tif": (saved(Image.new("LAB", (4, 4)), "TIFF"), r"mode LAB\) have no known range"),
    "large.png": (png(9_000, 9_000), r"9,000 x 9,000 pixels, more than the 80,000,000"),
    "bomb.png": (png(20_000, 20_000), r"exceeds limit"),
    "script.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n", r"it is none of JPEG, PNG"),
    "empty.jpg": (b"", r"it is none of JPEG, PNG"),
    "cut.png": (saved(Image.effect_noise((40, 40), 50), "PNG")[:300], r"\(image file is truncated\); fetch it again"),
    "cut.jpg": (saved(Image.effect_noise((99, 99), 50), "JPEG")[:2000], r"\(image file is truncated"),
    "cut.tif": (saved(Image.effect_noise((40, 40), 50), "TIFF")[:300], r"truncated"),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_an_image_that_would_fail_every_trial_is_named_before_a_sweep(tmp_path: Path, name: str) -> None:
    contents, said = BAD_IMAGES[name]
    (write_tree(tmp_path) / "val" / "b" / name).write_bytes(contents)
    with pytest.raises(InputError, match=rf"val/b/{name}: this image cannot be read.*{said}"):
        trainables.get("resnet20/imagenet").obtain_data(tmp_path)


def test_all_images_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    for image in (write_tree(tmp_path) / "train" / "a").iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(InputError) as caught:
        image_folder.load(tmp_path, "imagenet")
    assert [line.partition(": ")[0][-5:] for line in str(caught.value).splitlines()] == ["0.png", "1.png", "2.png"]


def test_hidden_and_foreign_files_and_folders_are_left_out(tmp_path: Path) -> None:
    folder = write_tree(tmp_path)
    expected = image_folder.load(tmp_path, "imagenet")
    for part in ("train", "val"):
        (folder / part / ".DS_Store").write_bytes(b"x")
        (folder / part / "__MACOSX" / "a").mkdir(parents=True)
        for name in ("._0.png", "Thumbs.db", "notes.txt"):
            (folder / part / "a" / name).write_bytes(b"x")
        shutil.copytree(folder / part / "b", folder / part / "a" / "@eaDir")
    shutil.copytree(folder / "train" / "a", folder / "train" / ".ipynb_checkpoints")
    assert image_folder.load(tmp_path, "imagenet").fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("train", "val"), [4, 2, 6]),
        (("train", "valid"), [4, 2, 6]),
        (("train", "test"), [4, 2, 6]),
        (("train", "val", "test"), [6, 6, 6]),
    ],
)
def test_the_parts_of_a_tree_by_their_names(tmp_path: Path, parts: tuple[str, ...], expected: list[int]) -> None:
    write_tree(tmp_path, parts)
    assert sizes(tmp_path) == expected


def test_of_three_parts_val_validates_and_test_tests(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, ("train", "val", "test"))
    data = image_folder.load(tmp_path, "imagenet")
    for split, part in ((data.train, "train"), (data.validation, "val"), (data.test, "test")):
        assert paths(split) == [str(path) for path in sorted((folder / part).glob("*/*"))]


def test_images_below_the_folder_of_their_class_are_found_as_in_tiny_imagenet(tmp_path: Path) -> None:
    folder = write_tree(tmp_path)
    for name in "ab":
        (folder / "train" / name / "images").mkdir()
        for image in (folder / "train" / name).glob("*.png"):
            image.rename(folder / "train" / name / "images" / image.name)
    (folder / "train" / "a" / "a_boxes.txt").write_text("0.png 0 0 7 7")
    assert sizes(tmp_path) == [4, 2, 6]


def fail_unless_named(tmp_path: Path, said: str) -> None:
    with pytest.raises(InputError, match=said):
        trainables.get("resnet20/imagenet").obtain_data(tmp_path)


def test_trees_that_cannot_be_used_are_refused_with_what_would_be_right(tmp_path: Path) -> None:
    folder = write_tree(tmp_path)
    (folder / "train" / "a" / "pipe.png").symlink_to(tmp_path / "nowhere")
    fail_unless_named(tmp_path, r"train/a/pipe\.png: this is no file, or a link to nothing")
    (folder / "train" / "a" / "pipe.png").unlink()
    os.mkfifo(folder / "train" / "a" / "pipe.png")
    fail_unless_named(tmp_path, r"train/a/pipe\.png: this is no file")
    (folder / "train" / "a" / "pipe.png").unlink()
    (folder / "train" / "a" / "again").symlink_to(folder / "train")
    fail_unless_named(tmp_path, r"this link leads to a folder that it is in")
    (folder / "train" / "a" / "again").unlink()
    (folder / "train" / "a" / "phone.HEIC").write_bytes(b"x")
    fail_unless_named(tmp_path, r"phone\.HEIC: \.heic is not read; write it as one of \.jpeg")
    (folder / "train" / "a" / "phone.HEIC").unlink()
    shutil.copytree(folder / "val", folder / "valid")
    fail_unless_named(tmp_path, r"imagenet: val and valid are too many; keep one to validate and one called test")
    shutil.rmtree(folder / "valid")
    for image in (folder / "val" / "a").iterdir():
        image.unlink()
    with pytest.raises(InputError, match=r"val/a: there is no image in this class"):
        image_folder.check(tmp_path, "imagenet")


def test_a_class_of_one_image_cannot_both_train_and_validate(tmp_path: Path) -> None:
    write_tree(tmp_path, images=1)
    fail_unless_named(tmp_path, r"train/a/0\.png: it is the only image of its class")
    write_tree(tmp_path, ("test",), images=1)
    assert sizes(tmp_path) == [2, 2, 2]


def test_the_fingerprint_is_of_names_classes_and_contents_wherever_they_lie(tmp_path: Path) -> None:
    folder = write_tree(tmp_path)
    first = image_folder.load(tmp_path, "imagenet").fingerprint
    shutil.copytree(folder, tmp_path / "copied", copy_function=shutil.copyfile)
    assert image_folder.load(tmp_path, "copied").fingerprint == first
    (folder / "train" / "a" / "0.png").rename(folder / "train" / "b" / "9.png")
    moved = image_folder.load(tmp_path, "imagenet")
    assert moved.fingerprint != first
    assert torch.bincount(moved.train.targets).tolist() == [1, 3]
    assert image_folder.load(tmp_path, "copied").fingerprint == first


def test_an_image_replaced_by_one_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    folder = write_tree(tmp_path)
    image = folder / "train" / "a" / "0.png"
    image.write_bytes(saved(Image.new("RGB", (8, 8), (1, 2, 3)), "BMP"))
    first, before = image_folder.load(tmp_path, "imagenet").fingerprint, image.stat()
    image.write_bytes(saved(Image.new("RGB", (8, 8), (3, 2, 1)), "BMP"))
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert image.stat().st_size == before.st_size
    assert image_folder.load(tmp_path, "imagenet").fingerprint != first


def write_classes(folder: Path, **counts: int) -> None:
    """Noise, folder/CLASS/NUMBER.png."""
    for name, count in counts.items():
        generator = np.random.default_rng(list(name.encode()))
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / name / f"{i:02}.png")


def paths(split: Split) -> list[str]:
    return [bytes(row.tolist()).rstrip(b"\0").decode() for row in split.inputs]


def names(split: Split) -> list[str]:
    return [os.sep.join(Path(path).parts[-2:]) for path in paths(split)]


def test_a_folder_that_is_to_be_split_has_three_splits_with_images_of_each_class(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", cat=40, dog=20, rare=3)
    data = image_folder.load(tmp_path, "pets", 0.1, 0.2)
    splits = (data.train, data.validation, data.test)
    assert [torch.bincount(split.targets).tolist() for split in splits] == [[28, 14, 1], [4, 2, 1], [8, 4, 1]]
    assert sorted(name for split in splits for name in names(split)) == sorted(
        f"{name}/{i:02}.png" for name, count in (("cat", 40), ("dog", 20), ("rare", 3)) for i in range(count)
    )
    assert data.note == ""


def test_which_image_is_in_which_split_follows_from_the_names_of_its_class_alone(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", cat=20, dog=20)
    data = image_folder.load(tmp_path, "pets")
    write_classes(tmp_path / "more", cat=20, dog=20, ape=30)
    shutil.copy(tmp_path / "pets" / "cat" / "00.png", tmp_path / "more" / "dog" / "00.png")
    more = image_folder.load(tmp_path, "more")
    for split, other in ((data.validation, more.validation), (data.test, more.test)):
        assert names(split) == [name for name in names(other) if not name.startswith("ape")]
    assert data.fingerprint != more.fingerprint
    assert image_folder.load(tmp_path, "pets", 0.2).fingerprint != data.fingerprint, "another split is other data"
    (tmp_path / "pets").rename(tmp_path / "renamed")
    assert image_folder.load(tmp_path, "renamed").fingerprint == data.fingerprint


def test_a_class_that_is_called_as_a_part_is_a_class(tmp_path: Path) -> None:
    write_classes(tmp_path / "vehicles", bus=3, car=3, train=3)
    data = image_folder.load(tmp_path, "vehicles")
    assert data.classes == 3
    assert sorted(names(data.test))[2].startswith("train")


def test_folders_that_cannot_be_split_are_refused_with_what_would_be_right(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", cat=9, dog=2)
    with pytest.raises(InputError, match=r"pets/dog: this class has 2 of the 3 images that it needs to be split"):
        image_folder.load(tmp_path, "pets")
    write_classes(tmp_path / "alone", cat=9)
    with pytest.raises(InputError, match=r"alone: it has one class"):
        image_folder.check(tmp_path, "alone")
    write_classes(tmp_path / "half" / "train", cat=9, dog=9)
    with pytest.raises(InputError, match=r"half/val: .*, or put those of train into .*half itself to have them split"):
        image_folder.check(tmp_path, "half")


def test_images_that_train_and_test_are_told_and_a_split_of_them_is_refused(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, ("train", "val", "test"))
    shutil.copy(folder / "train" / "a" / "0.png", folder / "test" / "b" / "copy.png")
    assert image_folder.load(tmp_path, "imagenet").note == "1 of 7 test images are train images as well"
    shutil.rmtree(folder / "test")
    shutil.copytree(folder / "train", folder / "test")
    with pytest.raises(
        InputError, match=r"test/a/0\.png: this image and all others of the test split are in the train"
    ):
        image_folder.load(tmp_path, "imagenet")


def test_the_share_that_validates_is_that_of_the_workload(tmp_path: Path) -> None:
    write_tree(tmp_path, images=30)
    counts = {}
    for share in (0.02, 0.2):
        data = image_folder.load(tmp_path, "imagenet", share)
        counts[share] = [len(split.targets) for split in (data.train, data.validation, data.test)]
    assert counts == {0.02: [58, 2, 60], 0.2: [48, 12, 60]}


def test_a_last_image_alone_joins_the_batch_before(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", cat=8, dog=7)
    split = image_folder.load(tmp_path, "pets").train
    assert len(split.targets) == 11
    sizes = {}
    for fewest in (1, 2):
        feed = ShuffledFiles(split, 5, 8, 0, augment=False, fewest=fewest)
        feed.begin_epoch(torch.Generator().manual_seed(1))
        sizes[fewest] = [len(feed.batch(i)[1]) for i in range(feed.steps_per_epoch)]
    assert sizes == {1: [5, 5, 1], 2: [5, 6]}


def test_without_augmentation_the_middle_of_each_image_trains(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", cat=8, dog=8)
    split = image_folder.load(tmp_path, "pets").train
    feed = ShuffledFiles(split, 12, 8, 0, augment=False)
    generator = torch.Generator().manual_seed(1)
    (whole,) = in_order(split, 12, 8, 0)
    for _ in range(2):
        feed.begin_epoch(generator)
        images, _ = feed.batch(0)
        assert sorted(map(bytes, images.flatten(1).numpy())) == sorted(map(bytes, whole[0].flatten(1).numpy()))


@pytest.mark.parametrize("workers", [0, 1])
def test_reading_images_draws_nothing_that_a_net_would_draw(tmp_path: Path, workers: int) -> None:
    write_classes(tmp_path / "pets", cat=8, dog=8)
    feed = ShuffledFiles(image_folder.load(tmp_path, "pets").train, 4, 8, workers)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    feed.begin_epoch(torch.Generator().manual_seed(1))
    for i in range(feed.steps_per_epoch):
        feed.batch(i)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_recorded_by_the_paths_of_its_images_goes_on(tmp_path: Path) -> None:
    """Earlier versions recorded the checksum of the arrays, which hold the paths."""
    write_tree(tmp_path)
    data = image_folder.load(tmp_path, "imagenet")
    arrays = hashlib.sha256()
    for split in ("test", "train", "validation"):
        for part in ("inputs", "targets"):
            stored = io.BytesIO()
            np.save(stored, getattr(getattr(data, split), part).numpy())
            arrays.update(hashlib.sha256(stored.getvalue()).digest())
    assert data.fingerprint != arrays.hexdigest()
    assert data.is_recorded_as(arrays.hexdigest())
    assert not data.is_recorded_as("")
