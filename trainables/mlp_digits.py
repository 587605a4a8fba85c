"""mlp/digits: a 64-128-64-10 net on the 1,797 handwritten digits that scikit-learn carries.

Data: 8x8 images with values 0 to 16, scaled to [0, 1]; 1,257 train, 270 validation, 270 test, stratified by class.
Reference: none published for this split. It is the workload that needs no download, for trying things out.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from trainables.data import Arrays, DataSet, cached, stratified_holdout
from trainables.workload import Classification, multilayer_perceptron


class MlpDigits(Classification):
    name = "mlp/digits"

    def check_data(self, root: Path) -> None:
        """Nothing to check: the data comes with scikit-learn."""

    def load_data(self, root: Path) -> DataSet:
        return cached(self.name, "scikit-learn", _digits)

    def build_model(self) -> nn.Module:
        return multilayer_perceptron(64, 128, 64, 10)

    def prepare(self, stored: Tensor) -> Tensor:
        return stored.float().div_(16)


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.astype("uint8")
    rest, test = stratified_holdout(labels, 270)
    train, validation = (rest[part] for part in stratified_holdout(labels[rest], 270))
    return {name: (images[part], labels[part]) for name, part in (("train", train), ("validation", validation), ("test", test))}
