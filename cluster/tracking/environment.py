"""What a run is told of the code that makes it: versions of packages, and the commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from cluster import distribution
from cluster.source_tree import SOURCE_ROOT
from trainables.mlflow_contract import Tag

# A job's copy of the rooms is in no repository, so it is told the commit of what it was made from.
COMMIT_VARIABLE = "ADAMANT_GIT_COMMIT"
RECORDED_PACKAGES = ("torch", "torchvision", "numpy", "ray", "optuna", "mlflow", "scikit-learn")


@lru_cache
def environment(packages: tuple[str, ...] = ()) -> dict[str, str]:
    """Tags ``versions`` (JSON) and ``git.commit`` (``+changes`` for a changed tree; empty outside a checkout).

    ``packages`` are others whose versions are told.
    """
    versions = {"python": platform.python_version()}
    with suppress(metadata.PackageNotFoundError):
        versions["adamant"] = distribution.version()
    for package in (*RECORDED_PACKAGES, *packages):
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {Tag.VERSIONS: json.dumps(versions), Tag.GIT_COMMIT: _git_commit()}


def _git_commit() -> str:
    if COMMIT_VARIABLE in os.environ:
        return os.environ[COMMIT_VARIABLE]
    root = SOURCE_ROOT

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", timeout=10, check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return ""
        commit = git("rev-parse", "HEAD")
        return f"{commit}+changes" if git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return ""
