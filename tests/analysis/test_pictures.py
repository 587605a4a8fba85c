"""Images that runs logged, out of a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlflow.tracking import MlflowClient

import analysis
from analysis.figures.pictures import first_and_last_pictures

if TYPE_CHECKING:
    from tests.analysis.conftest import Make, Store


def test_the_first_and_the_last_picture_of_each_arms_best_configuration(store: Store, make: type[Make]) -> None:
    store.write(make.confirmed({"adam": [0.9, 0.9], "scheduled": [0.8, 0.8]}, name="pictured"))
    tables = analysis.load("pictured", store.uri)
    run_id = tables.confirmations.set_index("trial_id").loc["adam/confirm/1", "run_id"]
    client = MlflowClient(store.uri)
    for step in (20, 100, 3):
        client.log_image(
            str(run_id), np.full((4, 6, 3), step, dtype=np.uint8), key="generated", step=step, synchronous=True
        )
    found = first_and_last_pictures(tables)
    assert list(found) == ["adam"], "scheduled logged none"
    assert list(found["adam"]) == ["step 3", "step 100"]
    assert {name: pixels.shape for name, pixels in found["adam"].items()} == dict.fromkeys(found["adam"], (4, 6, 3))
    assert [int(pixels[0, 0, 0]) for pixels in found["adam"].values()] == [3, 100]
