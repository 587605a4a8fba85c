"""What the files and folders of a storage folder are called, beside the folders of its sweeps."""

from __future__ import annotations

DATABASE, JOURNAL, DATA = "mlflow.db", "study.journal", "data"
