"""What a driver leaves in MLflow beside runs, by the names under which an analysis finds it."""

from __future__ import annotations

import math
import re
import sys

# An artefact of the summary run: the curves of all runs, a row for each evaluation.
CURVES_FILE = "curves.parquet"
# What begins so is a number on a whole run, which MLflow holds beside its curves.
NO_CURVES = ("summary/", "test/")
# Of a storage folder: the artefacts of every run whose tracking is a database, a folder for each experiment.
ARTIFACTS_FOLDER = "mlflow-artifacts"
# MLflow's own tag for what a run's page shows as its description.
NOTE_TAG = "mlflow.note.content"
EXPERIMENT_PREFIX = "adamant/"
# What `log_image` calls a file: key, step, time and a random name, with a plus or, formerly, a percent between them.
_PICTURE = re.compile(r"(?:.*/)?(.+?)[+%]step[+%](\d+)[+%].*\.png")
PICTURES_FOLDER = "images"


def logged_picture(path: str) -> tuple[int, str] | None:
    """Step and key of an image that a run logged, from its artefact's path; None for another file."""
    match = _PICTURE.fullmatch(path)
    return (int(match[2]), match[1]) if match else None


def from_store(value: float) -> float:
    """MLflow's databases keep infinity as the largest finite number."""
    return math.copysign(math.inf, value) if abs(value) >= sys.float_info.max else value
