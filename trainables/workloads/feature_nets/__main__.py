"""``python -m trainables.workloads.feature_nets DATA_FOLDER``: train the feature nets again and write their weights."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from trainables.data.feeds import Shuffled
from trainables.workloads import catalogue
from trainables.workloads.feature_nets import NETS, FeatureNet, path_of

EPOCHS, BATCH_SIZE, LEARNING_RATE = 10, 128, 2e-3


def train(name: str, root: Path) -> float:
    """Train one net on its data set's training images; returns its accuracy on the test images."""
    trained = NETS[name]
    data = catalogue.get(trained.workload).load_data(root)
    torch.manual_seed(0)
    net = FeatureNet(trained.channels, trained.side)
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE)
    feed = Shuffled(data.train, BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, EPOCHS * feed.steps_per_epoch)
    generator = torch.Generator().manual_seed(0)

    def logits(stored: Tensor) -> Tensor:
        return net.classify(net(stored.view(-1, trained.channels, trained.side, trained.side) / 127.5 - 1))

    for _ in range(EPOCHS):
        feed.begin_epoch(generator)
        for index in range(feed.steps_per_epoch):
            images, labels = feed.batch(index)
            optimizer.zero_grad()
            functional.cross_entropy(logits(images), labels).backward()
            optimizer.step()
            schedule.step()
    net.half().float().eval()  # as it will be read
    with torch.no_grad():
        right = [logits(part).argmax(1) for part in data.test.inputs.split(1000)]
    torch.save({key: value.half() for key, value in net.state_dict().items()}, path_of(name))
    return (torch.cat(right) == data.test.targets).float().mean().item()


if __name__ == "__main__":
    for each in NETS:
        sys.stdout.write(f"{each}: test accuracy {train(each, Path(sys.argv[1])):.4f}\n")
