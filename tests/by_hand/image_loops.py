"""torchvision/folder and vit/cifar10 against plain loops that share no code with them: what they learn, and how fast.

    python -m tests.by_hand.image_loops CIFAR10_FOLDER learn|speed [NAME ...]

The folder has CIFAR-10's batches. Image folders are written from its first images, as PNG. The plain loop is that of
PyTorch's tutorials: torchvision's ImageFolder or CIFAR10 through a DataLoader, torchvision's transforms and models,
`torch.optim.Adam`; the small vision transformer is built from `nn.TransformerEncoder`. `learn` trains both with the
same three seeds and prints their test accuracies. `speed` lets both take turns in one process and prints medians of the
wall time and the CPU time of an image, without evaluation. Both use one thread.
"""

from __future__ import annotations

import dataclasses
import math
import os
import pickle
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

import trainables
from trainables import TrialSpec
from trainables.data.splits import DataSet, Split
from trainables.training.training_run import open_training

SEEDS = (1, 2, 3)
SIZE, BATCH, EPOCHS = 32, 64, 3
IMAGES = {"train": 2000, "val": 500, "test": 1000}
MODELS = {
    "resnet18": 1e-3, "mobilenet_v3_small": 1e-3, "efficientnet_b0": 1e-3, "shufflenet_v2_x1_0": 1e-3, "swin_t": 3e-4,
}  # fmt: skip
"""With the learning rate of each."""
VIT, VIT_IMAGES, VIT_BATCH, VIT_EPOCHS, VIT_RATE = "vit/cifar10", 5_000, 128, 4, 1e-3
TURNS, STEPS = 7, 4


class PlainVit(nn.Module):
    """As the workload's at its defaults, from torch's own layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * 4 * 4, 128)
        self.token, self.positions = nn.Parameter(torch.zeros(1, 1, 128)), nn.Parameter(torch.zeros(1, 65, 128))
        layer = nn.TransformerEncoderLayer(128, 4, 512, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4, nn.LayerNorm(128), enable_nested_tensor=False)
        self.head = nn.Linear(128, 10)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1 and "norm" not in name:
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 10) of images (batch, 3, 32, 32)."""
        patches = images.unfold(2, 4, 4).unfold(3, 4, 4).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        x = torch.cat([self.token.expand(len(images), -1, -1), self.embed(patches)], 1)
        return self.head(self.encoder(x + self.positions)[:, 0])


Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


@dataclasses.dataclass
class Plain:
    """A loop as one writes it: trains epoch after epoch on ``batches`` and is judged on ``test``."""

    model: nn.Module
    batches: Batches
    test: Batches
    rate: float
    total: int | None = None
    """Steps of a warm-up over a tenth, a cosine after it, and clipping at 1; None for a constant rate."""

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.rate)
        self.step, self.source = 0, iter(())

    def _factor(self) -> float:
        if self.total is None:
            return 1.0
        warm = self.total * 0.1
        past = max(0.0, (self.step - warm) / (self.total - warm))
        return min(self.step / warm, 0.5 * (1 + math.cos(math.pi * past)))

    def advance(self, steps: int) -> None:
        self.model.train()
        for _ in range(steps):
            batch = next(self.source, None)
            if batch is None:
                self.source = self.batches()
                batch = next(self.source)
            self.step += 1
            self.optimizer.param_groups[0]["lr"] = self.rate * self._factor()
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(batch[0]), batch[1])
            loss.backward()
            if self.total is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            loss.item()

    @torch.no_grad()
    def accuracy(self) -> float:
        self.model.eval()
        judged = [(self.model(images).argmax(1) == labels) for images, labels in self.test()]
        return torch.cat(judged).float().mean().item()


def arrays(folder: Path, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, 3, 32, 32) and labels (n,) of batches."""
    read = [pickle.loads((folder / name).read_bytes(), encoding="latin1") for name in names]
    images = np.concatenate([np.asarray(batch["data"], dtype=np.uint8) for batch in read]).reshape(-1, 3, 32, 32)
    return images, np.concatenate([batch["labels"] for batch in read]).astype(np.int64)


def write_folder(cifar: Path, folder: Path) -> None:
    """PNG files, folder/PART/CLASS/NUMBER.png."""
    images, labels = arrays(cifar, ("data_batch_1",))
    ends = np.cumsum(list(IMAGES.values()))
    for part, places in zip(IMAGES, np.split(np.arange(ends[-1]), ends[:-1]), strict=True):
        for i in places:
            path = folder / part / str(labels[i]) / f"{i:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i].transpose(1, 2, 0)).save(path)


def plain_folder(name: str, folder: Path) -> Plain:
    normalise = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    cut = [transforms.RandomResizedCrop(SIZE), transforms.RandomHorizontalFlip(), *normalise]
    middle = [transforms.Resize(round(SIZE * 256 / 224)), transforms.CenterCrop(SIZE), *normalise]
    train = ImageFolder(str(folder / "train"), transforms.Compose(cut))
    test = ImageFolder(str(folder / "test"), transforms.Compose(middle))
    model = getattr(torchvision.models, name)(num_classes=10)
    return Plain(
        model,
        lambda: iter(DataLoader(train, BATCH, shuffle=True)),
        lambda: iter(DataLoader(test, 250)),
        MODELS[name],
    )


class Cifar(TensorDataset):
    """PIL images with a transform, as torchvision's CIFAR10 gives them, whatever the checksum of its files."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, transform: Any) -> None:
        self.pictures, self.labels = [Image.fromarray(image.transpose(1, 2, 0)) for image in images], labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.pictures[index]), int(self.labels[index])


def plain_vit(splits: dict[str, tuple[np.ndarray, np.ndarray]]) -> Plain:
    normalise = [transforms.ToTensor(), transforms.Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))]
    cut = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *normalise]
    train = Cifar(*splits["train"], transforms.Compose(cut))
    test = Cifar(*splits["test"], transforms.Compose(normalise))
    total = VIT_EPOCHS * math.ceil(len(train) / VIT_BATCH)
    return Plain(
        PlainVit(),
        lambda: iter(DataLoader(train, VIT_BATCH, shuffle=True)),
        lambda: iter(DataLoader(test, 500)),
        VIT_RATE,
        total,
    )


def ours(name: str, folder: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]], seed: int) -> Any:
    """The workload's run."""
    if name == VIT:
        entry = trainables.get(VIT)
        own = {part: Split(*map(torch.from_numpy, split)) for part, split in splits.items()}
        data = DataSet(own["train"], own["val"], own["test"], fingerprint="some of CIFAR-10", classes=10)
        spec = TrialSpec(VIT, VIT_EPOCHS, VIT_BATCH, "adam", {"lr": VIT_RATE}, seed, training=dict(entry.training))
        return open_training(spec, data, torch.device("cpu"))
    options = {"model": name, "folder": str(folder), "resolution": SIZE}
    entry = trainables.get("torchvision/folder")
    spec = TrialSpec(entry.name, EPOCHS, BATCH, "adam", {"lr": MODELS[name]}, seed, options=options)
    return open_training(spec, entry.load_data(Path(), options), torch.device("cpu"))


def plain(name: str, folder: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]], seed: int) -> Plain:
    torch.manual_seed(seed)
    return plain_vit(splits) if name == VIT else plain_folder(name, folder)


def learn(name: str, folder: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    scores: list[list[float]] = [[], []]
    seconds: list[list[float]] = [[], []]
    steps = 0
    for seed in SEEDS:
        started = time.process_time()
        run = ours(name, folder, splits, seed)
        steps = run.total_steps
        run.advance(steps)
        scores[0].append(100 * run.test_metrics()["test/accuracy"])
        seconds[0].append(time.process_time() - started)
        started = time.process_time()
        loop = plain(name, folder, splits, seed)
        loop.advance(steps)
        scores[1].append(100 * loop.accuracy())
        seconds[1].append(time.process_time() - started)
    told = [
        f"{statistics.mean(one):.1f} % ({', '.join(f'{each:.1f}' for each in one)}), {statistics.mean(spent):.0f} CPU s"
        for one, spent in zip(scores, seconds, strict=True)
    ]
    return f"{name:20} {steps} steps: ours {told[0]}; plain loop {told[1]}"


def speed(name: str, folder: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]]) -> str:
    loops = (ours(name, folder, splits, 1), plain(name, folder, splits, 1))
    size = VIT_BATCH if name == VIT else BATCH
    walls: list[list[float]] = [[], []]
    busy: list[list[float]] = [[], []]
    for turn in range(TURNS + 1):
        for loop, wall, cpu in zip(loops, walls, busy, strict=True):
            started = time.perf_counter(), time.process_time()
            loop.advance(STEPS)
            spent = time.perf_counter() - started[0], time.process_time() - started[1]
            if turn:
                wall.append(1e3 * spent[0] / (STEPS * size))
                cpu.append(1e3 * spent[1] / (STEPS * size))
    (a, b), (c, d) = ([statistics.median(one) for one in pair] for pair in (walls, busy))
    wall_ratio = statistics.median(y / x for x, y in zip(*walls, strict=True))
    cpu_ratio = statistics.median(y / x for x, y in zip(*busy, strict=True))
    return (
        f"{name:20} ms an image, ours / plain: wall {a:.2f} / {b:.2f}, CPU {c:.2f} / {d:.2f}; plain loop / ours: wall "
        f"{wall_ratio:.2f}, CPU {cpu_ratio:.2f}, CPU of single turns "
        f"[{min(y / x for x, y in zip(*busy, strict=True)):.2f}, {max(y / x for x, y in zip(*busy, strict=True)):.2f}]"
    )


def main(cifar: Path, what: str, names: list[str]) -> None:
    torch.set_num_threads(1)
    images, labels = arrays(cifar, ("data_batch_1", "data_batch_2"))
    held_out, held_labels = arrays(cifar, ("test_batch",))
    splits = {
        "train": (images[:VIT_IMAGES], labels[:VIT_IMAGES]),
        "val": (images[VIT_IMAGES : VIT_IMAGES + 500], labels[VIT_IMAGES : VIT_IMAGES + 500]),
        "test": (held_out[:5000], held_labels[:5000]),
    }
    with tempfile.TemporaryDirectory() as made:
        os.environ["ADAMANT_CACHE"] = f"{made}/cache"
        write_folder(cifar, Path(made) / "images")
        for name in names or [*MODELS, VIT]:
            print({"learn": learn, "speed": speed}[what](name, Path(made) / "images", splits), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
