"""A trial's folder: few, small, atomic checkpoints, and what outlives them: a record of the curve, and pictures."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizers.errors import one_line
from optimizers.files import aside, atomic_write, sealed, text_of, unsealed, write_text

if TYPE_CHECKING:
    from torch import Tensor

# The one before the newest stays, so that a disk that loses the newest does not lose the trial.
KEPT_CHECKPOINTS = 2
# The digest stands in the name, so that a file of a version before, which has none, cannot be taken for another.
_NAME = re.compile(r"step-(\d+)(?:\.sha256-([0-9a-f]{64}))?\.session-(\d+)\.pt")
STOP_FILE = "stop"
HEARTBEAT_FILE = "heartbeat"
# What stands in a record.
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("session", "step", "epoch"), int),
    **dict.fromkeys(("spec", "outcome"), dict),
    "train_seconds": (int, float),
    "curve": list,
    "fingerprint": str,
}
_PICTURE = re.compile(r"(.+)\.step-(\d+)\.png")


class DamagedError(Exception):
    """A file does not hold what was written."""


class TrialFolder:
    """Files of one trial under ``path``, a folder that the driver makes.

    It is never made here: where somebody has moved the storage folder away, a trial must not make it anew.
    ``session`` counts the drivers that have worked on the sweep. It stands in a checkpoint's name because actors of a
    killed driver live on for a second or two and write: their files must never be those of the trial that goes on.
    """

    def __init__(self, path: str | Path, session: int = 1) -> None:
        self.path, self.session = Path(path), session
        self._checkpoints = self.path / "checkpoints"
        self._pictures = self.path / "pictures"
        self._record = self.path / "record.json"

    def save_checkpoint(self, state: dict[str, Any], step: int) -> None:
        """Write ``state`` whole or not at all, then drop this session's older ones."""
        import torch

        self._checkpoints.mkdir(exist_ok=True)
        made = io.BytesIO()
        torch.save(state, made)
        digest = hashlib.sha256(made.getbuffer()).hexdigest()
        path = self._checkpoints / f"step-{step:09d}.sha256-{digest}.session-{self.session}.pt"
        with atomic_write(path) as temporary:
            temporary.write_bytes(made.getbuffer())
        own = [other for other in self._sorted_checkpoints() if _numbers(other)[1] == self.session]
        before = [other for other in own if _numbers(other)[0] != step]
        for old in {*own} - {path, *before[1 - KEPT_CHECKPOINTS :]}:
            old.unlink(missing_ok=True)

    def load_checkpoint(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The newest readable checkpoint, or None, and a sentence for each damaged one that was set aside.

        Raises OSError for one that is whole and that the installed torch cannot load.

        Training is deterministic, so going on from an older checkpoint, or from the start, costs time and nothing else;
        it must only never go unsaid.
        """
        warnings: list[str] = []
        while paths := self._sorted_checkpoints():
            path = paths[-1]
            try:
                return _verified(path), warnings
            except (FileNotFoundError, DamagedError) as error:
                # One that is gone is none: a lost node's process lives on for a while, and has put a newer one there.
                if path.exists():
                    warnings.append(self._set_aside(path, error))
        return None, warnings

    def _set_aside(self, path: Path, error: Exception) -> str:
        kept = aside(path)
        path.replace(kept)
        reason = one_line(error)[:120]
        return f"{path} is damaged ({reason}); it is set aside as {kept.name}, and training goes on from before it"

    def stop(self) -> None:
        """Let the process that trains the trial end what it is at: nobody waits for it any more."""
        (self.path / STOP_FILE).touch()

    def is_stopped(self) -> bool:
        """Return whether nobody waits for the trial any more."""
        return (self.path / STOP_FILE).exists()

    def heartbeat(self) -> int | None:
        """Return when the trial last made progress, by the clock of its file system; None before it has begun."""
        try:
            return (self.path / HEARTBEAT_FILE).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def delete_checkpoints(self) -> None:
        """A finished trial needs none."""
        shutil.rmtree(self._checkpoints, ignore_errors=True)

    def write_picture(self, step: int, name: str, picture: Tensor) -> None:
        """Keep bytes (3, height, width), as they were to be seen after that step, as a PNG file."""
        from PIL import Image

        self._pictures.mkdir(exist_ok=True)
        with atomic_write(self._pictures / f"{name}.step-{step:09d}.png") as temporary:
            Image.fromarray(picture.permute(1, 2, 0).cpu().numpy()).save(temporary, "PNG")

    def pictures(self) -> list[tuple[int, str, Path]]:
        """The pictures that are kept, in their order: step, name, file."""
        found = [(path, _PICTURE.fullmatch(path.name)) for path in self._pictures.glob("[!.]*.png")]
        return sorted((int(match[2]), match[1], path) for path, match in found if match)

    def write_record(self, record: dict[str, Any]) -> list[str]:
        """Replace the record: the spec, the curve so far and, at the end, the outcome.

        Returns a sentence if a damaged one was set aside.

        A record that a later driver's process has written stays. Only one with an outcome is waited for until it is on
        the disk: without one, a trial whose record is lost or damaged goes on from its checkpoint.
        """
        there, warnings = self.read_record()
        if there is None or there["session"] <= self.session:
            contents = sealed({**record, "session": self.session})
            write_text(self._record, contents, durable="outcome" in record)
        return warnings

    def read_record(self) -> tuple[dict[str, Any] | None, list[str]]:
        """The record, or None before the trial's first decision, and a sentence if a damaged one was set aside."""
        try:
            return self.whole_record(), []
        except ValueError as error:
            return None, [self._set_aside(self._record, error)]

    def whole_record(self) -> dict[str, Any] | None:
        """The record, or None where there is none. Raises ValueError for a damaged one, which stays where it is."""
        try:
            return _sound(unsealed(text_of(self._record), older="spec"))
        except FileNotFoundError:
            return None

    def _sorted_checkpoints(self) -> list[Path]:
        if not self._checkpoints.is_dir():
            return []
        return sorted((path for path in self._checkpoints.iterdir() if _NAME.fullmatch(path.name)), key=_numbers)


def _sound(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record. Raises ValueError where a value is none that a trial writes, which a digest does not tell."""
    for name, kinds in _KINDS.items():
        if name in record and (not isinstance(record[name], kinds) or isinstance(record[name], bool)):
            raise ValueError(f"its {name} is {type(record[name]).__name__}")
    if "session" not in record or not all(isinstance(point, dict) for point in record.get("curve", ())):
        raise ValueError("it is not a trial's")
    return record


def _numbers(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path} is no checkpoint")
    return int(match[1]), int(match[3])


def _check_archive(contents: bytes) -> None:
    """Raise DamagedError for what is not as it was saved: torch does not look at the checksums of its archives."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise DamagedError(f"{damaged} in it does not match its checksum")


def _verified(path: Path) -> dict[str, Any]:
    """The state in a checkpoint. Raises DamagedError when it is not what was saved, OSError when torch refuses it."""
    import torch

    contents = path.read_bytes()
    match = _NAME.fullmatch(path.name)
    expected = match[2] if match else None
    if expected is not None and hashlib.sha256(contents).hexdigest() != expected:
        raise DamagedError("its contents do not match the digest in its name")
    try:
        if expected is None:
            _check_archive(contents)
        return torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch raises many types for a damaged file
        reason = one_line(error)
        if expected is None:
            raise DamagedError(reason) from error
        raise OSError(
            f"{path} is whole, and torch {torch.__version__} cannot load it ({reason[:200]}); go on with the torch "
            "that saved it, or move it away"
        ) from error
