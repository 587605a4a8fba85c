"""Where a sweep keeps what it must not lose, and the manifest by which it is found again."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from cluster.storage.locations import FROM_ENVIRONMENT, absolute_below, checked_server, location_path, relative_below
from cluster.storage.rounds import Rounds
from optimizers import InputError, did_you_mean
from optimizers.files import sealed, sealed_text, text_of, unsealed, write_text
from optimizers.private import write_private
from optimizers.user_code import CodeBundle
from search_spaces import Sweep, recorded_sweep
from search_spaces.schema.yaml_source import dump_yaml
from search_spaces.stores.addresses import sqlite_address, without_password
from search_spaces.stores.default_names import DATA, DATABASE, JOURNAL
from trainables.mlflow_contract import ARTIFACTS_FOLDER, CODE_FOLDER, EXPERIMENT_PREFIX, SWEEP_FILE

# A cluster's head sets these, so that no password stands in a command or in a sweep's folder.
TRACKING_VARIABLE, STUDY_VARIABLE = "ADAMANT_TRACKING_URI", "ADAMANT_STUDY_STORAGE"
# The keys of a manifest that hold a location, and the name of what it is by default.
_LOCATIONS = {"tracking_uri": DATABASE, "study_storage": JOURNAL, "data_root": DATA}


@dataclass(frozen=True)
class Manifest:
    """What a resume needs beside the sweep itself.

    Locations are absolute here. In the file, those below the storage folder are relative to it, so that they hold when
    the folder is moved or copied.

    Attributes:
        session: Number of the drivers that have worked on the sweep.
        storage: The storage folder in which the last of them found it.
        rounds: Of a sweep that grows until it is decided.
    """

    sweep_id: str
    tracking_uri: str
    study_storage: str
    data_root: str
    session: int = 1
    storage: str = ""
    rounds: Rounds | None = None

    @property
    def study_location(self) -> str:
        """Where the studies are. Raises InputError when it stands in an environment variable that is not set here."""
        return _location(self.study_storage, "studies", STUDY_VARIABLE)

    @property
    def tracking_location(self) -> str:
        """Where the runs are. Raises InputError as :attr:`study_location`, and as :func:`checked_server` does."""
        return checked_server(_location(self.tracking_uri, "runs", TRACKING_VARIABLE))

    @property
    def names_variable(self) -> bool:
        """Whether it keeps not where the runs are, but the environment variable that says so."""
        return self.tracking_uri.startswith(FROM_ENVIRONMENT)


def _location(kept: str, what: str, own: str) -> str:
    """A location, or what stands in the variable that it names: its ``own``, as a manifest may be somebody else's."""
    variable = kept.removeprefix(FROM_ENVIRONMENT)
    if variable == kept:
        return kept
    if variable != own:
        raise InputError(
            f"this sweep's {what} are said to be where ${variable} says; a manifest may name ${own} alone, so it is "
            "damaged, or somebody else has changed it; restore it from a copy"
        )
    if variable not in os.environ:
        raise InputError(f"this sweep's {what} are in the database that ${variable} names, and it is not set here")
    return os.environ[variable]


class SweepFolder:
    """The folder ``<storage>/<sweep name>``: manifest, resolved sweep, and one folder a trial."""

    def __init__(self, storage: str | Path, name: str) -> None:
        self.storage = Path(storage).expanduser().resolve()
        self.name = name
        self.path = self.storage / name
        self.lock = self.path / ".lock"

    @property
    def exists(self) -> bool:
        """Whether there is such a sweep; none has a name that leads out of its storage folder."""
        is_name = self.name != ".." and self.path.parent == self.storage
        return is_name and (self.path / "manifest.json").is_file()

    @property
    def is_begun(self) -> bool:
        """Whether there is a sweep, a part of which may be missing."""
        return self.exists or (self.path / SWEEP_FILE).is_file()

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    def trial(self, trial_id: str) -> Path:
        return self.trials / trial_id

    def make_trial(self, trial_id: str) -> Path:
        """Make the folder of a trial. Raises FileNotFoundError where the sweep's own folder is gone."""
        if not self.exists:
            raise FileNotFoundError(f"{self.path} is gone; if its storage folder was moved, name the new one")
        self.trial(trial_id).mkdir(parents=True, exist_ok=True)
        return self.trial(trial_id)

    @property
    def artifacts(self) -> Path:
        """Where the artefacts of the storage's runs are, unless a tracking server keeps them."""
        return self.storage / ARTIFACTS_FOLDER

    @property
    def artifacts_of_sweep(self) -> Path:
        return self.artifacts / f"{EXPERIMENT_PREFIX}{self.name}".replace("/", "-")

    @property
    def report(self) -> Path:
        """The verdict as files, as it was when the sweep ended."""
        return self.path / "report"

    @property
    def code(self) -> Path:
        """The user's code that the sweep was begun with."""
        return self.path / CODE_FOLDER

    @property
    def tune(self) -> Path:
        """Ray Tune's own files; nothing is ever read back from them."""
        return self.path / "tune"

    def create(self, sweep: Sweep, manifest: Manifest) -> None:
        """Write a new sweep; called under its lock. Raises InputError when the folder cannot be written."""
        try:
            if sweep.code.digest:
                sweep.code.save(self.code)
            write_text(self.path / SWEEP_FILE, sealed_text(sweep_yaml(sweep)))
            self.keep(manifest)
        except OSError as error:
            raise self._unwritable(error) from None

    def replace(self, sweep: Sweep) -> Sweep:
        """Put a changed sweep in place of what is there, whole or not at all; called under its lock."""
        try:
            write_text(self.path / SWEEP_FILE, sealed_text(sweep_yaml(sweep)))
        except OSError as error:
            raise self._unwritable(error) from None
        return sweep

    def bundle(self) -> CodeBundle:
        """The user's code that the sweep was begun with. Raises InputError where it is damaged."""
        return CodeBundle.open(self.code) if self.code.is_dir() else CodeBundle()

    def open(self, code: CodeBundle | None = None) -> tuple[Sweep, Manifest]:
        """The sweep and its manifest; ``code``, which it was begun with, is made importable.

        Raises InputError, with the nearest name, when there is no such sweep.
        """
        if self.is_begun and not self.exists:
            raise InputError(
                f"{self.path / 'manifest.json'}: this file is missing; restore it from a copy, or, where "
                "nothing was trained yet, run the sweep again"
            )
        if not self.exists:
            known = sorted(path.parent.name for path in self.storage.glob("*/manifest.json"))
            there = f"there are {', '.join(known)}" if known else "it holds no sweep"
            raise InputError(
                f'{self.storage}: no sweep is called "{self.name}" here; {there}.{did_you_mean(self.name, known)}'
            )
        return self.read(code)

    def read(self, code: CodeBundle | None = None) -> tuple[Sweep, Manifest]:
        """As :meth:`open`, also of a folder that is not among the sweeps yet."""
        return self._read_sweep(code), self.manifest()

    def manifest(self) -> Manifest:
        """Return the manifest. Raises InputError when it is damaged."""
        path = self.path / "manifest.json"
        try:
            kept = unsealed(text_of(path), older="sweep_id")
            storage = Path(kept.get("storage") or _storage_before(kept, self))
            located = {key: absolute_below(self.storage, kept[key], storage) for key in _LOCATIONS}
            rounds = Rounds.from_dict(kept["rounds"]) if kept.get("rounds") else None
            told = {**kept, **located, "storage": str(storage), "rounds": rounds}
            return TypeAdapter(Manifest).validate_python(told, extra="forbid")
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise InputError(f"{path}: this manifest is damaged ({wrong}); restore it from a copy") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: this manifest is damaged ({error!r}); restore it from a copy") from None

    def _read_sweep(self, code: CodeBundle | None) -> Sweep:
        path = self.path / SWEEP_FILE
        try:
            text = text_of(path)
        except (OSError, ValueError) as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
            raise InputError(
                f"{path}: this file {reason}; restore it from a copy, for example from sweep.yaml among the artefacts "
                "of the sweep's summary run in MLflow"
            ) from None
        return recorded_sweep(text, str(path), code, execute=code is not None)

    def next_session(self, manifest: Manifest) -> Manifest:
        return self.keep(replace(manifest, session=manifest.session + 1))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one driver at a time; the system takes the lock from a killed one. Raises InputError when it is held."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.lock)
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

    def keep(self, manifest: Manifest) -> Manifest:
        """Put a manifest in place of what is there; called under the sweep's lock.

        One that holds a password is readable by its owner alone.
        """
        kept = asdict(replace(manifest, storage=str(self.storage)))
        kept |= {key: relative_below(self.storage, kept[key]) for key in _LOCATIONS}
        if manifest.rounds is None:
            del kept["rounds"]
        holds_password = any(without_password(kept[key]) != kept[key] for key in _LOCATIONS)
        write = write_private if holds_password else write_text
        write(self.path / "manifest.json", sealed(kept, indent=1))
        return manifest


def sweep_yaml(sweep: Sweep) -> str:
    """The resolved sweep as YAML that reads back to an equal sweep."""
    return dump_yaml(sweep.file.plain())


def _storage_before(kept: Mapping[str, Any], folder: SweepFolder) -> Path:
    """Return the storage folder of a manifest that does not tell it: the parent of its locations by default names.

    Such a name can also be a user's choice elsewhere. It counts only where the storage holds the same here, or where
    the folder elsewhere holds the sweep.
    """
    named = [(location_path(kept[key]), name) for key, name in _LOCATIONS.items()]
    found = [(path, name) for path, name in named if path is not None and path.name == name]
    if folder.storage in {path.parent for path, _ in found}:
        return folder.storage
    before = [
        path.parent
        for path, name in found
        if (folder.storage / name).exists() or SweepFolder(path.parent, folder.name).exists
    ]
    return Counter(before).most_common(1)[0][0] if before else folder.storage


def new_sweep_id(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def tracking_uri_of(storage: str | Path, name: str | None = None) -> str:
    """The tracking URI of a sweep in ``storage``; without a known name that of new sweeps.

    That is ``$ADAMANT_TRACKING_URI``, else the storage folder's own database.
    """
    if name is not None and (folder := SweepFolder(storage, name)).exists:
        return folder.open()[1].tracking_location
    return os.environ.get(TRACKING_VARIABLE) or sqlite_address(Path(storage).expanduser().resolve() / DATABASE)


def study_storage_of(storage: str | Path) -> str:
    """Where new sweeps in ``storage`` keep their studies: ``$ADAMANT_STUDY_STORAGE``, else the folder's journal."""
    return os.environ.get(STUDY_VARIABLE) or str(Path(storage).expanduser().resolve() / JOURNAL)


def data_root_of(storage: str | Path, given: str | None) -> Path:
    """The data folder: as given, else ``$ADAMANT_DATA``, else ``data`` in the storage folder."""
    return Path(given or os.environ.get("ADAMANT_DATA") or Path(storage) / DATA).expanduser().resolve()
