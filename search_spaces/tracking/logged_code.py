"""The user's code that a sweep was begun with, among the artefacts of its summary run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from optimizers import InputError
from optimizers.errors import first_line
from optimizers.user_code import CodeBundle
from trainables.mlflow_contract import CODE_FOLDER, Tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def logged_code(client: MlflowClient, summary: Run) -> CodeBundle:
    """Return the code, none of which is executed; an empty bundle where the sweep uses none.

    Raises InputError where it cannot be read.
    """
    if Tag.CODE not in summary.data.tags:
        return CodeBundle()
    run_id = summary.info.run_id
    with tempfile.TemporaryDirectory() as folder:
        try:
            return CodeBundle.open(Path(client.download_artifacts(run_id, CODE_FOLDER, folder)))
        except InputError:
            raise
        except Exception as error:  # each kind of artifact store raises its own
            raise InputError(f"{CODE_FOLDER} of run {run_id} cannot be read: {first_line(error)}") from error
