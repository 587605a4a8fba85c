"""Files of the form of MNIST, CIFAR-10 and a text, for machines without them: speed does not ask what they say."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np

from trainables.data import cifar10, mnist

TEXT = "text/kjv"
WORDS, LENGTHS = 10_000, {"train": 740_000, "valid": 37_000, "test": 40_000}


def write(root: Path) -> None:
    """All of them, as large as the real ones."""
    draw = np.random.default_rng(0)
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, (magic, shape) in mnist.FILES.items():
        values = draw.integers(256 if len(shape) > 1 else 10, size=shape, dtype=np.uint8)
        (raw / name).write_bytes(struct.pack(f">{1 + len(shape)}i", magic, *shape) + values.tobytes())

    batches = root / cifar10.FOLDER
    batches.mkdir()
    for name in (*cifar10.TRAIN, *cifar10.TEST):
        data = draw.integers(256, size=(cifar10.IMAGES_A_BATCH, cifar10.PIXELS), dtype=np.uint8)
        batch = {"data": data, "labels": draw.integers(10, size=len(data)).tolist()}
        (batches / name).write_bytes(pickle.dumps(batch, protocol=2))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list("0123456789")}, protocol=2))

    text = root / TEXT
    text.mkdir(parents=True)
    for split, length in LENGTHS.items():
        # As in a language, few words are frequent.
        words = (WORDS * draw.random(length) ** 3).astype(int)
        (text / f"made-up.{split}.txt").write_text(
            "\n".join(" ".join(map(str, line)) for line in words.reshape(-1, 20)), encoding="utf-8"
        )
