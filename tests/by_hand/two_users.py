"""Two users of one machine, with real accounts: what the second can read of the first, and plant for them.

``python -m tests.by_hand.two_users``, as root, from a repository and with a Python that every user may read; some two
minutes. It makes two accounts, and removes them at its end. The first runs a sweep and serves its runs; the second
tries, meanwhile, to read tokens, passwords and memory, to connect, and to plant kernels, data and folders where the
first would look. Prints attempt x answer, and ends with 1 where one of them has succeeded.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cluster.ports import free_port, listens
from tests.conftest import REPOSITORY, wait_until

FIRST, SECOND = "adamant-first", "adamant-second"
LONG = ["quickstart", "--set", "workload.epochs=2000", "--set", "scheduler.type=none"]
SHORT = ["quickstart", "--set", "search.trials=1", "--set", "search.studies=1", "--set", "workload.epochs=1"]
SHORT += ["--set", "scheduler.type=none", "--set", "confirm.seeds=[1]"]
PASSWORD = "not-for-others"


@dataclass(frozen=True)
class User:
    """An account, and what a shell of it has."""

    name: str

    @property
    def home(self) -> Path:
        return Path(pwd.getpwnam(self.name).pw_dir)

    def command(self, *command: str, **variables: str) -> list[str]:
        told = {"HOME": str(self.home), "PATH": os.environ["PATH"], "COLUMNS": "200", **variables}
        return ["runuser", "-u", self.name, "--", "env", "-i", *(f"{key}={told[key]}" for key in told), *command]

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*command, **variables), cwd=self.home, capture_output=True, text=True, check=False, timeout=300
        )

    def python(self, program: str) -> str:
        """The last line that a program of this user prints, or its error."""
        ended = self.run(sys.executable, "-c", program, PYTHONPATH=str(REPOSITORY))
        lines = (ended.stdout.strip() or ended.stderr.strip() or "nothing").splitlines()
        return lines[-1][:110]


@contextmanager
def account(name: str) -> Iterator[User]:
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
    try:
        User(name).home.chmod(0o755)  # so that more than the home protects what is in it
        yield User(name)
    finally:
        subprocess.run(["pkill", "-KILL", "-u", name], check=False)
        time.sleep(1)
        subprocess.run(["userdel", "--remove", "--force", name], check=False, stderr=subprocess.DEVNULL)


@contextmanager
def running(user: User, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    log = (user.home / "output").open("wb")
    command = user.command(sys.executable, str(REPOSITORY / "adamant.py"), *arguments, **variables)
    process = subprocess.Popen(command, cwd=user.home, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        for child in children:
            with suppress(psutil.Error):
                child.send_signal(signal.SIGINT)
        psutil.wait_procs(children, timeout=40)


def of_first(first: User) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.username() == first.name:
                found.append(process)
    return found


def ray_port(first: User) -> int:
    """That of the first user's GCS server."""
    [server] = [one for one in of_first(first) if one.name() == "gcs_server"]
    told = next(part for part in server.cmdline() if part.startswith("--gcs_server_port="))
    return int(told.partition("=")[2]) or next(c.laddr.port for c in server.net_connections() if c.status == "LISTEN")


def reading(path: str) -> str:
    return f"""
import glob
found = glob.glob({path!r})
answers = []
for path in found or [{path!r}]:
    try:
        open(path, "rb").read(1)
        answers.append("READ " + path)
    except OSError as error:
        answers.append(type(error).__name__)
print("; ".join(sorted(set(answers))))
"""


def attempts(first: User, second: User, ui: int, studies: int) -> Iterator[tuple[str, Callable[[], str]]]:
    """What the second user tries while the first one works: in words, and what answers."""
    home = str(first.home)
    driver = next(one for one in of_first(first) if "adamant.py" in " ".join(one.cmdline()) and one.name() != "runuser")
    raylet = next(one for one in of_first(first) if one.name() == "raylet")
    session = next(part for part in raylet.cmdline() if "session_dir" in part).partition("=")[2]
    yield "read Ray's token", lambda: second.python(reading(f"{home}/.ray/auth_token"))
    yield "list the folder of Ray's session", lambda: second.python(f"import os; print(os.listdir({session!r}))")
    yield "read Ray's logs and sockets", lambda: second.python(reading(f"{session}/logs/*"))
    yield "read the manifest of a sweep with a password", lambda: second.python(reading(f"{home}/with/s/manifest.json"))
    yield "read the driver's environment", lambda: second.python(reading(f"/proc/{driver.pid}/environ"))
    yield "read the driver's memory", lambda: second.python(reading(f"/proc/{driver.pid}/mem"))
    yield "read Ray's shared memory", lambda: second.python(reading("/dev/shm/*plasma*"))
    yield "find a password in a command line", lambda: _in_command_lines(second)
    yield "connect to Ray without its token", lambda: second.python(_connecting(ray_port(first)))
    yield "plant a kernel", lambda: second.python(_planting(f"{home}/.cache/adamant/kernels/x.so"))
    yield "plant data", lambda: second.python(_planting(f"{home}/.cache/adamant/digits/x.npy"))
    yield "plant a file into the storage folder", lambda: second.python(_planting(f"{home}/adamant-runs/x"))
    yield "end the driver", lambda: second.python(f"import os; os.kill({driver.pid}, 15); print('SENT')")
    yield "stop the sweep", lambda: _stopping(second, first)
    yield "read the studies through Optuna's dashboard", lambda: second.python(_asking(studies, "/api/studies"))
    yield "read runs through MLflow's pages (not promised)", lambda: second.python(_asking(ui, "/"))


def _in_command_lines(second: User) -> str:
    listed = second.run("ps", "-eo", "args", "-ww").stdout
    return "FOUND" if PASSWORD in listed else "not found"


def _connecting(port: int) -> str:
    return f"""
import ray
try:
    ray.init(address="127.0.0.1:{port}", log_to_driver=False, logging_level="CRITICAL")
    print("CONNECTED")
except BaseException as error:
    print(type(error).__name__)
"""


def _planting(path: str) -> str:
    return f"""
import os
try:
    os.makedirs(os.path.dirname({path!r}), exist_ok=True)
    open({path!r}, "w").close()
    print("PLANTED")
except OSError as error:
    print(type(error).__name__)
"""


def _asking(port: int, path: str) -> str:
    return f"""
import urllib.request, urllib.error
try:
    print("ANSWERED", urllib.request.urlopen("http://127.0.0.1:{port}{path}", timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


def _stopping(second: User, first: User) -> str:
    storage = str(first.home / "adamant-runs")
    ended = second.run(sys.executable, str(REPOSITORY / "adamant.py"), "stop", "quickstart", "--storage", storage)
    return f"exit {ended.returncode}: {(ended.stderr or ended.stdout).strip().splitlines()[-1][:90]}"


def planted_before(first: User, second: User) -> Iterator[tuple[str, str]]:
    """What the second user has put where the first will look; how a sweep of the first takes it."""
    shared = Path(tempfile.mkdtemp())
    shared.chmod(0o1777)
    second.run("mkdir", "-p", f"{shared}/cache/kernels")
    second.run("chmod", "0777", f"{shared}/cache", f"{shared}/cache/kernels")
    for what, variables in {
        "a cache of the second user": {"ADAMANT_CACHE": f"{shared}/cache"},
        "a token of the second user": {"RAY_AUTH_TOKEN_PATH": f"{shared}/token"},
        "a folder of the second user for Ray": {"RAY_TMPDIR": f"{shared}/cache"},
    }.items():
        second.run("sh", "-c", f"echo {'0' * 64} > {shared}/token; chmod 644 {shared}/token")
        storage = first.home / f"planted-{len(what)}"
        command = (str(REPOSITORY / "adamant.py"), "run", *SHORT, "--storage", str(storage))
        ended = first.run(sys.executable, *command, **variables)
        said = (ended.stderr or ended.stdout).strip().splitlines()
        yield f"have the first user take {what}", f"exit {ended.returncode}: {said[-1][:110] if said else ''}"


def main() -> int:
    if os.geteuid():
        sys.exit("only root can make accounts")
    wrong = 0
    print("| the second user tries to | answer |\n|---|---|")
    with account(FIRST) as first, account(SECOND) as second:
        for what, told in planted_before(first, second):
            print(f"| {what} | {told} |", flush=True)
            wrong += "exit 0" in told
        first.run(
            sys.executable, "-c",
            "from cluster.storage.sweep_folder import Manifest, SweepFolder; from search_spaces import load_sweep;"
            "sweep = load_sweep('quickstart', []); folder = SweepFolder('with', 's');"
            f"folder.create(sweep, Manifest('s-1', 'postgresql://me:{PASSWORD}@localhost/x', 'study', 'data'))",
            PYTHONPATH=str(REPOSITORY),
        )  # fmt: skip
        ui = free_port()
        with running(first, "run", *LONG), running(first, "ui", "--studies", "--port", str(ui)):
            trained = lambda: any("ray::Trial" in " ".join(one.cmdline()[:1]) for one in of_first(first))  # noqa: E731
            wait_until(trained, 180, "a trial")
            wait_until(lambda: listens(ui) and listens(ui + 1), 120, "the pages")
            for what, attempt in attempts(first, second, ui, ui + 1):
                told = attempt()
                print(f"| {what} | {told} |", flush=True)
                wrong += any(word in told for word in WON) and "not promised" not in what
    return int(bool(wrong))


WON: tuple[Any, ...] = ("READ ", "CONNECTED", "PLANTED", "SENT", "FOUND", "ANSWERED", "exit 0")

if __name__ == "__main__":
    sys.exit(main())
