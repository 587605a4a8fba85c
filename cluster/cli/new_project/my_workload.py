"""The model and the data that the optimizers are compared on. Change it into yours."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.nn import functional

from trainables import Task


class MyTask(Task):
    """A small net on the 569 tumours that come with scikit-learn, two classes."""

    metrics = {"val/loss": "minimize", "val/accuracy": "maximize"}
    score = "test/accuracy"
    epochs, batch_size = 30, 32

    def __init__(self, width: int = 32):
        self.width = width

    def data(self, root):
        inputs, targets = load_breast_cancer(return_X_y=True)
        return inputs.astype("float32"), targets  # in one piece: it is split into train, val and test

    def build_model(self):
        # The first layer puts the 30 columns on one scale, as the training batches have them.
        return nn.Sequential(nn.BatchNorm1d(30), nn.Linear(30, self.width), nn.ReLU(), nn.Linear(self.width, 2))

    def loss(self, model, batch):
        inputs, targets = batch
        return functional.cross_entropy(model(inputs), targets)

    def evaluate(self, model, split):
        logits = model(split.inputs)
        correct = (logits.argmax(1) == split.targets).to(torch.float32)
        return {"loss": functional.cross_entropy(logits, split.targets), "accuracy": correct.mean()}
