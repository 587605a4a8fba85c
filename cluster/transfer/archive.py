"""The file that holds a sweep: a ZIP archive of its folder and its studies, with no path and no secret of a machine."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizers import InputError
from optimizers.errors import one_line
from trainables.mlflow_contract import Tag

ABOUT, FOLDER, STUDIES = "adamant-sweep.json", "sweep", "study.journal"
FORMAT = 1
# A sweep's name and its id go into paths and filters.
_NAME = r"[A-Za-z0-9][\w.\-]{0,199}"
# A damaged or hostile archive may say anything of its sizes; nothing beyond these is unpacked.
MOST_FILES, MOST_BYTES, MOST_RATIO = 2_000_000, 10**12, 1_000


# Of which sweep a run is, an archive does not decide; the rest MLflow, or this machine, writes by itself.
_OWN = (Tag.SWEEP_ID, Tag.SWEEP_NAME, Tag.SWEEP_ROLE, Tag.TRIAL_ID, Tag.STATUS_INCOMPLETE)
_OF_MLFLOW = "mlflow."


def carried(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those tags of a run that go with it to another machine."""
    return {key: value for key, value in tags.items() if key not in _OWN and not key.startswith(_OF_MLFLOW)}


class About(BaseModel):
    """What the archive is of.

    Attributes:
        digest: That of what the sweep had found.
        rounds: As its manifest keeps them.
        tags: Of its runs in MLflow, by their trial ids.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(ge=FORMAT, le=FORMAT)
    name: str = Field(pattern=rf"^{_NAME}$")
    sweep_id: str = Field(pattern=rf"^{_NAME}$")
    session: int = Field(ge=1, le=10**9)
    digest: str
    adamant: str
    rounds: dict[str, Any] | None = None
    tags: dict[str, dict[str, str]] = Field(default_factory=dict)


class Archive:
    """An archive that is open, as a context manager. Raises InputError for a file that is damaged, or is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
            self.about = About.model_validate_json(self._zip.read(ABOUT))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else one_line(error)
            raise InputError(f"{path}: this is no sweep that `adamant export` has written ({reason})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def code_files(self) -> list[str]:
        """The names of the files of code that the sweep executes."""
        return [name for name in self._zip.namelist() if name.startswith(f"{FOLDER}/code/")]

    def unpack(self, folder: Path) -> None:
        """Write the sweep's folder, with its studies. Raises InputError for what is damaged, or leads elsewhere."""
        entries = [entry for entry in self._zip.infolist() if entry.filename != ABOUT and not entry.is_dir()]
        if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise InputError(f"{self._path}: it holds more than any sweep does")
        for entry in entries:
            target = folder / self._place(entry)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._zip.open(entry) as packed, target.open("xb") as written:
                    while block := packed.read(1 << 20):
                        written.write(block)
            except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, FileExistsError) as error:
                raise InputError(f"{self._path}: {entry.filename} in it is damaged ({one_line(error)})") from None

    def _place(self, entry: zipfile.ZipInfo) -> str:
        """Where below the sweep's folder a file belongs. Raises InputError for one that belongs nowhere there."""
        if entry.filename == STUDIES:
            return STUDIES
        path = PurePosixPath(entry.filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        is_file = kind in (0, stat.S_IFREG) and entry.file_size <= MOST_RATIO * max(entry.compress_size, 1000)
        # As it is written: another way to write the same path would be another name to whoever looks for code.
        leads_away = str(path) != entry.filename or ".." in path.parts or "\\" in entry.filename
        leads_away |= path.parts[:1] != (FOLDER,)
        if leads_away or len(path.parts) < 2 or not is_file:
            raise InputError(f"{self._path}: {entry.filename!r} in it is not a file of a sweep")
        return str(PurePosixPath(*path.parts[1:]))


def write_archive(path: Path, about: About, files: Iterable[tuple[str, Path]], studies: Path) -> None:
    """Write an archive of files, each with its path below the sweep's folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ABOUT, json.dumps(about.model_dump(), indent=1))
        archive.write(studies, STUDIES)
        for name, file in files:
            archive.write(file, f"{FOLDER}/{name}")
