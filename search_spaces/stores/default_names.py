"""What a storage folder is called, and its files and folders beside those of its sweeps."""

from __future__ import annotations

DATABASE, JOURNAL, DATA = "mlflow.db", "study.journal", "data"
DEFAULT_STORAGE = "adamant-runs"
"""The storage folder where none is named."""
