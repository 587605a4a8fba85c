"""Images of runs in MLflow, each logged once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers.errors import one_line
from trainables.mlflow_contract import PICTURES_FOLDER, logged_picture

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from PIL.Image import Image


class Pictures:
    """Logs images; the server is asked once a run which of them it has."""

    def __init__(self) -> None:
        self._logged: dict[str, set[tuple[int, str]]] = {}

    def log(self, client: MlflowClient, run_id: str, files: Sequence[tuple[int, str, Path]]) -> None:
        """Log images, each with its step and name, to a run; those that it has already are left out."""
        there = self._of(client, run_id)
        for step, name, path in files:
            if (step, name) not in there:
                picture = _readable(path)
                if picture is not None:
                    client.log_image(run_id, picture, key=name, step=step, synchronous=True)
                there.add((step, name))

    def _of(self, client: MlflowClient, run_id: str) -> set[tuple[int, str]]:
        """Step and name of the images that a run has."""
        if run_id not in self._logged:
            found = (logged_picture(file.path) for file in client.list_artifacts(run_id, PICTURES_FOLDER))
            self._logged[run_id] = {picture for picture in found if picture}
        return self._logged[run_id]


def _readable(path: Path) -> Image | None:
    """The picture in a file; None, and a warning, where it is damaged: asking again would not mend it."""
    from PIL import Image

    try:
        picture = Image.open(path)
        picture.load()
        return picture
    except OSError as error:
        reason = one_line(error)
        logging.getLogger("adamant").warning("%s is damaged and left out of MLflow (%s)", path, reason)
        return None
