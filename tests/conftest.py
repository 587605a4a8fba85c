"""Which tests are run, and a front door of one's own for every test that starts processes.

`make check`, `make test` and `make test-all` select by the marks that ``pyproject.toml`` lists. ``--full`` is the one
switch between the first two and the last: with it slow tests are run too, Hypothesis makes many examples, new ones
every time, and tests that draw or simulate do so as often as `Extent` says.
"""

from __future__ import annotations

import gc
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

import hypothesis
import pytest
from typer.testing import CliRunner

from cluster.polling import holds_within

if TYPE_CHECKING:
    import torch
    from _pytest.mark.structures import ParameterSet

REPOSITORY = Path(__file__).resolve().parent.parent


hypothesis.settings.register_profile("gate", max_examples=20, derandomize=True, deadline=None)
hypothesis.settings.register_profile("full", max_examples=300, deadline=None)


@dataclass(frozen=True)
class Extent:
    """How often tests repeat what is drawn at random; their tolerances follow from it."""

    configurations: int
    """Drawn from each search space."""
    simulations: int
    """Data sets that a statistic is held against."""


GATE, FULL = Extent(configurations=50, simulations=300), Extent(configurations=1000, simulations=2000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run slow tests too, and draw and simulate more")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("full" if config.getoption("full") else "gate")
    # A shell that runs the tests in the background has them ignore Ctrl-C, which what they start would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, and give each module's tests to one process, as they share what is dear to make.

    What waits for real parts begins first, so that no process is left with it alone at the end.
    """
    if not config.getoption("full"):
        left_out = [item for item in items if is_marked(item, "slow", "alone")]
        config.hook.pytest_deselected(items=left_out)
        dropped = set(left_out)
        items[:] = [item for item in items if item not in dropped]
    items.sort(key=lambda item: not is_marked(item, "cluster", "browser"))
    for item in items:
        recorded = "recorded" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("recorded" if recorded else item.path.stem))


def options_of(*assignments: str) -> list[str]:
    """The options that override a sweep's values."""
    return [part for assignment in assignments for part in ("--set", assignment)]


# The ready sweep quickstart with one larger search of each arm, whose trials have no number of a study.
ONE_STUDY = options_of(
    "search.studies=1",
    "search.trials=16",
    "workload.epochs=40",
    "workload.batch_size=32",
    "metric.target=0.15",
    "scheduler.grace=4",
    "confirm.seeds=[1,2,3,4,5]",
)


def slow(*values: object) -> ParameterSet:
    """A case of a parametrized test that only ``--full`` runs."""
    return pytest.param(*values, marks=pytest.mark.slow)


def is_marked(item: pytest.Item, *names: str) -> bool:
    return any(item.get_closest_marker(name) is not None for name in names)


def pytest_collection_finish() -> None:
    """One thread for each process that tests: there are as many of them as cores."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def extent(pytestconfig: pytest.Config) -> Extent:
    return FULL if pytestconfig.getoption("full") else GATE


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
    ray_address: str | None = None
    started: list[subprocess.Popen] = field(default_factory=list)

    def __call__(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def start(self, *arguments: str, output: IO[str] | int = subprocess.PIPE) -> subprocess.Popen:
        """``output`` takes what it prints. A server whose pipe nobody reads would stand still once that is full."""
        if self.ray_address is not None and arguments[0] in ("run", "resume"):
            arguments = (*arguments, "--address", self.ray_address)
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


@dataclass
class CommandLine:
    """Runs `adamant` in ``folder`` in this process, for what does not depend on how a process starts and ends."""

    folder: Path
    environment: dict[str, str]
    width: int = 200

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        import adamant
        from cluster.console.shared_console import console

        with pytest.MonkeyPatch.context() as patched:
            patched.chdir(self.folder)
            patched.setattr(console, "_width", self.width)  # its property would stay set
            patched.setenv("COLUMNS", str(self.width))
            result = CliRunner().invoke(adamant.app, arguments, env=self.environment)
        gc.enable()  # a report has it disabled
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


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
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, {"ADAMANT_CACHE": shared_cache(tmp_path)})


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


def shared_cache(tmp_path: Path) -> str:
    """The cache of all tests of this process: a kernel is compiled once, and a data set read once."""
    return str(tmp_path.parent / "shared-cache")


def new_environment(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "ray-token").write_text(secrets.token_hex(32))
    environment = {
        **os.environ,
        "HOME": str(home),
        "RAY_AUTH_TOKEN_PATH": str(home / "ray-token"),
        "ADAMANT_CACHE": shared_cache(tmp_path),
        "COLUMNS": "200",
    }
    environment.pop("ADAMANT_DATA", None)
    return environment


@dataclass(frozen=True)
class RayHead:
    """A Ray cluster of this machine's cores, with the environment that its trials have."""

    address: str
    environment: dict[str, str]


RAY_HEAD = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="session")
def ray_head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayHead]:
    environment = new_environment(tmp_path_factory.mktemp("ray-head"))
    process = subprocess.Popen(
        [sys.executable, "-c", RAY_HEAD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield RayHead(next(line.strip() for line in process.stdout if line.strip().count(":") == 1), environment)
    process.communicate("", timeout=60)


@pytest.fixture
def shared_ray(tmp_path: Path, ray_head: RayHead) -> Iterator[FrontDoor]:
    """A front door whose sweeps run on one Ray for all tests, of which they may test neither the start nor the end."""
    yield from open_front_door(tmp_path, ray_head)


def open_front_door(tmp_path: Path, on: RayHead | None = None) -> Iterator[FrontDoor]:
    environment = new_environment(tmp_path) if on is None else dict(on.environment)
    door = FrontDoor(tmp_path, environment, on.address if on is not None else None)
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
