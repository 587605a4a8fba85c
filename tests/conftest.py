"""A front door of one's own for every test that starts processes: own home, own Ray token, own caches."""

from __future__ import annotations

import os
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from cluster.polling import holds_within

if TYPE_CHECKING:
    import torch

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, which what they start would inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The one place that asks for a GPU, and only when a test needs one: collecting tests loads no torch for it."""
    if item.get_closest_marker("gpu") is not None:
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a GPU that torch.cuda sees")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """The GPU, in float32 without shortcuts and, wherever torch can, with the same bits every time."""
    import torch

    # Read when CUDA's linear algebra is first used, so it stays.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield torch.device("cuda")
    torch.use_deterministic_algorithms(False)


@dataclass
class FrontDoor:
    """Runs `adamant` in ``folder`` as a user would, and ends whatever of it is still running at the end of the test."""

    folder: Path
    environment: dict[str, str]
    started: list[subprocess.Popen] = field(default_factory=list)

    def __call__(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def start(self, *arguments: str, output: IO[str] | int = subprocess.PIPE) -> subprocess.Popen:
        """``output`` takes what it prints. A server whose pipe nobody reads would stand still once that is full."""
        process = subprocess.Popen(
            [sys.executable, str(REPOSITORY / "adamant.py"), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    @property
    def runs(self) -> Path:
        """The default storage folder."""
        return self.folder / "adamant-runs"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.runs / 'mlflow.db'}"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Have every write beyond ``size`` bytes of a file fail, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom permissions stop, which they do not do with root."""
    privileged = os.geteuid() == 0
    if privileged:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if privileged:
            os.setresuid(0, 0, 0)


@pytest.fixture
def front_door(tmp_path: Path) -> Iterator[FrontDoor]:
    yield from open_front_door(tmp_path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FrontDoor, str]]:
    """The sweep of ``recorded.yaml``, run once for all tests, and what it printed; none of them may change it."""
    for door in open_front_door(tmp_path_factory.mktemp("recorded")):
        ended = door("run", str(REPOSITORY / "tests" / "recorded.yaml"))
        assert ended.returncode == 0, ended.stderr
        yield door, ended.stdout


def open_front_door(tmp_path: Path) -> Iterator[FrontDoor]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "ray-token").write_text(secrets.token_hex(32))
    environment = {
        **os.environ,
        "HOME": str(home),
        "RAY_AUTH_TOKEN_PATH": str(home / "ray-token"),
        "ADAMANT_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "200",
    }
    environment.pop("ADAMANT_DATA", None)
    door = FrontDoor(tmp_path, environment)
    yield door
    for process in door.started:
        # The whole group, as a server's workers outlive it and hold its pipes open.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition: Callable[[], object], timeout: float, what: str) -> None:
    """Poll until ``condition`` holds; fails the test with ``what`` when it does not in time."""
    if not holds_within(timeout, condition, pause_s=0.05):
        pytest.fail(f"waited {timeout} s for: {what}")
