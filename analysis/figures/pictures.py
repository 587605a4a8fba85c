"""The images that runs logged, such as the grids of a generator."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

from analysis.data.tables import SweepTables
from analysis.figures.figure_parts import best_confirmations
from trainables.mlflow_contract import PICTURES_FOLDER, logged_picture

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def first_and_last_pictures(tables: SweepTables) -> dict[str, dict[str, np.ndarray]]:
    """By arm what one confirmation of its best configuration logged first and last: pixels by "step 430".

    Arms whose run logged none are left out. A run that logged several images at a step gives the first by name. Tables
    that were not read from a store have no pictures.
    """
    if not tables.tracking_uri:
        return {}
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tables.tracking_uri)
    runs = best_confirmations(tables).drop_duplicates("arm")
    found = {run["arm"]: _pictures(client, run["run_id"]) for run in runs.to_dict("records")}
    return {arm: pictures for arm, pictures in found.items() if pictures}


def _pictures(client: MlflowClient, run_id: str) -> dict[str, np.ndarray]:
    paths = [file.path for file in client.list_artifacts(run_id, PICTURES_FOLDER)]
    files = sorted((*picture, path) for path in paths if (picture := logged_picture(path)))
    if not files:
        return {}
    first = next(file for file in files if file[0] == files[0][0])
    last = next(file for file in files if file[0] == files[-1][0])
    return {f"step {step:,}": _pixels(client, run_id, path) for step, _, path in dict.fromkeys((first, last))}


def _pixels(client: MlflowClient, run_id: str, path: str) -> np.ndarray:
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder, Image.open(client.download_artifacts(run_id, path, folder)) as image:
        return np.asarray(image.convert("RGB"))
