"""Every sweep of a storage folder in a row: how it stands, what it found, and what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.inventory.disk_use import disk_use
from cluster.inventory.sweep_state import SweepState, state_of
from cluster.sessions.standing import State
from cluster.storage.sweep_folder import Manifest, SweepFolder
from optimizers import InputError
from optimizers.files import text_of

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


@dataclass(frozen=True)
class ListedSweep:
    """A sweep of a storage folder.

    Attributes:
        state: None for one that cannot be read; ``problem`` says why.
        findings: What the verdict says of each arm but the baseline, by arm, once the sweep is done.
        bytes: On the disk, of its folder and its artefacts.
        changed: When anything of it changed last.
    """

    name: str
    state: SweepState | None
    findings: dict[str, str]
    bytes: int
    changed: datetime
    problem: str = ""

    @property
    def seconds(self) -> float | None:
        """Wall time of all sessions; None where no driver has told it."""
        return self.state.standing.seconds if self.state and self.state.standing else None

    @property
    def verdict(self) -> str:
        """The findings in short: "scheduled better; origin no difference shown"."""
        return "; ".join(f"{arm} {finding}" for arm, finding in self.findings.items())


def sweep_names(storage: str | Path) -> list[str]:
    """Return the names of the sweeps in a storage folder."""
    return sorted(path.parent.name for path in Path(storage).expanduser().glob("*/manifest.json"))


def sweep_list(storage: str | Path) -> Iterator[ListedSweep]:
    """Yield every sweep of a storage folder by its name. One that is damaged is told of, and holds up no other."""
    # The studies of many sweeps are in one place, which takes time to open.
    open_studies = cache(_open_studies)
    for name in sweep_names(storage):
        folder = SweepFolder(storage, name)
        used = disk_use(folder.path, folder.artifacts_of_sweep)
        try:
            state, problem = state_of(folder, manifest := folder.manifest(), open_studies), ""
            findings = _findings(folder, manifest) if state.state == State.DONE else {}
        except InputError as error:
            state, problem, findings = None, str(error), {}
        yield ListedSweep(name, state, findings, used.bytes, datetime.fromtimestamp(used.changed, UTC), problem)


def _open_studies(location: str) -> BaseStorage:
    from search_spaces.stores.study_storage import open_storage

    return open_storage(location)


def _findings(folder: SweepFolder, manifest: Manifest) -> dict[str, str]:
    """Return what the report in the sweep's folder finds, by arm; of several workloads as ``adam on digits``."""
    try:
        report: dict[str, Any] = json.loads(text_of(folder.report / "report.json"))
        if report["sweep"]["id"] != manifest.sweep_id:
            return {}
        parts = report.get("workloads") or {"": report}
        return {
            f"{arm['name']} on {workload}" if workload else arm["name"]: arm["finding"].replace("_", " ")
            for workload, part in parts.items()
            for arm in part["arms"]
            if arm["finding"] != "baseline"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
