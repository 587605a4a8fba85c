"""Where a sweep keeps what it must not lose, and the manifest by which it is found again."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from optimizers import InputError, did_you_mean
from optimizers.files import write_text
from search_spaces import Sweep, parse_sweep
from search_spaces.addresses import without_password
from search_spaces.yaml_source import dump_yaml

DEFAULT_STORAGE = "adamant-runs"
# A cluster's head sets these, so that no password stands in a command or in a sweep's folder.
TRACKING_VARIABLE, STUDY_VARIABLE = "ADAMANT_TRACKING_URI", "ADAMANT_STUDY_STORAGE"
_FROM_ENVIRONMENT = "environment:"
# What lies in a storage folder beside the sweeps.
RESERVED_NAMES = ("mlflow.db", "mlflow-artifacts", "study.journal", "data")


@dataclass(frozen=True)
class Manifest:
    """What a resume needs beside the sweep itself. ``session`` counts the drivers that have worked on it."""

    sweep_id: str
    tracking_uri: str
    study_storage: str
    data_root: str
    session: int = 1

    @property
    def study_location(self) -> str:
        """Where the studies are. Raises InputError when it stands in an environment variable that is not set here."""
        return _location(self.study_storage, "studies")

    @property
    def tracking_location(self) -> str:
        """Where the runs are. Raises InputError when it stands in an environment variable that is not set here."""
        return _location(self.tracking_uri, "runs")

    @property
    def names_variable(self) -> bool:
        """Whether it keeps not where the runs are, but the environment variable that says so."""
        return self.tracking_uri.startswith(_FROM_ENVIRONMENT)


def _location(kept: str, what: str) -> str:
    variable = kept.removeprefix(_FROM_ENVIRONMENT)
    if variable == kept:
        return kept
    if variable not in os.environ:
        raise InputError(f"this sweep's {what} are in the database that ${variable} names, and it is not set here")
    return os.environ[variable]


class SweepFolder:
    """The folder ``<storage>/<sweep name>``: manifest, resolved sweep, and one folder a trial."""

    def __init__(self, storage: str | Path, name: str) -> None:
        self.storage = Path(storage).expanduser().resolve()
        self.name = name
        self.path = self.storage / name

    @property
    def exists(self) -> bool:
        return (self.path / "manifest.json").is_file()

    def trial(self, trial_id: str) -> Path:
        return self.path / "trials" / trial_id

    @property
    def report(self) -> Path:
        """The verdict as files, as it was when the sweep ended."""
        return self.path / "report"

    @property
    def tune(self) -> Path:
        """Ray Tune's own files; nothing is ever read back from them."""
        return self.path / "tune"

    def create(self, sweep: Sweep, manifest: Manifest) -> None:
        """Write a new sweep; called under its lock. Raises InputError when the folder cannot be written."""
        try:
            write_text(self.path / "sweep.yaml", sweep_yaml(sweep))
            self._write(manifest)
        except OSError as error:
            raise self._unwritable(error) from None

    def replace(self, sweep: Sweep) -> Sweep:
        """Put a changed sweep in place of what is there, whole or not at all; called under its lock."""
        try:
            write_text(self.path / "sweep.yaml", sweep_yaml(sweep))
        except OSError as error:
            raise self._unwritable(error) from None
        return sweep

    def open(self) -> tuple[Sweep, Manifest]:
        """The sweep and its manifest. Raises InputError, with the nearest name, when there is no such sweep."""
        if not self.exists:
            known = sorted(path.parent.name for path in self.storage.glob("*/manifest.json"))
            there = f"there are {', '.join(known)}" if known else "it holds no sweep"
            raise InputError(
                f'{self.storage}: no sweep is called "{self.name}" here; {there}.{did_you_mean(self.name, known)}'
            )
        path = self.path / "manifest.json"
        try:
            manifest = Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: this manifest is damaged ({error}); restore it from a copy") from None
        source = self.path / "sweep.yaml"
        return parse_sweep(source.read_text(encoding="utf-8"), str(source)), manifest

    def next_session(self, manifest: Manifest) -> Manifest:
        manifest = replace(manifest, session=manifest.session + 1)
        self._write(manifest)
        return manifest

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one driver at a time; the system takes the lock from a killed one. Raises InputError when it is held."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"{self.path}: another adamant is running this sweep; wait for it or stop it") from None
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            yield
        finally:
            lock.release()

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: the sweep's folder cannot be written ({error}); choose another with --storage")

    def _write(self, manifest: Manifest) -> None:
        write_text(self.path / "manifest.json", json.dumps(asdict(manifest), indent=1))


def sweep_yaml(sweep: Sweep) -> str:
    """The resolved sweep as YAML that reads back to an equal sweep."""
    return dump_yaml(sweep.plain())


def absolute(location: str) -> str:
    """A path, or the path in an SQLite URL, made absolute; any other URL as it is. A resume may come from elsewhere."""
    scheme, separator, path = location.partition("sqlite:///")
    if separator and not scheme:
        return f"{separator}{Path(path).expanduser().resolve()}"
    return location if "://" in location else str(Path(location).expanduser().resolve())


def kept_location(given: str | None, variable: str, default: str) -> str:
    """What a manifest keeps: as given, else what the variable names, else ``default``.

    In place of an address with a password in the variable, which variable it is.
    """
    named = os.environ.get(variable)
    if given is None and named and without_password(named) != named:
        return _FROM_ENVIRONMENT + variable
    return absolute(given or named or default)


def new_sweep_id(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def tracking_uri_of(storage: str | Path, name: str | None = None) -> str:
    """The tracking URI of a sweep in ``storage``; without a known name that of new sweeps.

    That is ``$ADAMANT_TRACKING_URI``, else the storage folder's own database.
    """
    if name is not None and (folder := SweepFolder(storage, name)).exists:
        return folder.open()[1].tracking_location
    own = f"sqlite:///{Path(storage).expanduser().resolve() / 'mlflow.db'}"
    return os.environ.get(TRACKING_VARIABLE) or own


def study_storage_of(storage: str | Path) -> str:
    """Where new sweeps in ``storage`` keep their studies: ``$ADAMANT_STUDY_STORAGE``, else the folder's journal."""
    return os.environ.get(STUDY_VARIABLE) or str(Path(storage).expanduser().resolve() / "study.journal")


def data_root_of(storage: str | Path, given: str | None) -> Path:
    """The data folder: as given, else ``$ADAMANT_DATA``, else ``data`` in the storage folder."""
    return Path(given or os.environ.get("ADAMANT_DATA") or Path(storage) / "data").expanduser().resolve()
