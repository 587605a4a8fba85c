"""Every port that Adamant opens on a machine, and what it answers to whom: port x request x answer.

``python -m tests.by_hand.open_ports``, from the repository; some two minutes. It starts a sweep on this machine,
`adamant ui` with and without `--studies`, and the services of a head, and prints what listens where. Each port is asked
by a client of this machine that has no password: with the host's own name, a foreign one, and a foreign origin; then by
a page of another origin in Chromium, which also tries to make it do something. Ends with 1 where anything but a head's
services listens beyond 127.0.0.1, or where the page could read an answer or change anything.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from cluster.ports import free_port, listens
from cluster.services.head_services import Services
from tests.conftest import REPOSITORY, new_environment, wait_until

LONG = ["quickstart", "--set", "workload.epochs=2000", "--set", "scheduler.type=none"]
# What a page can try without asking first, and what the browser asks about before.
TRIES = """async ({port, own}) => {
  const url = `http://127.0.0.1:${port}/`, told = {};
  const attempt = async (name, path, options) => {
    try {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 4000);
      const answer = await fetch(url + path, {...options, signal: stop.signal});
      told[name] = answer.type === "opaque" ? "sent, answer not readable" : `READABLE ${answer.status}`;
    } catch (error) { told[name] = "no answer"; }
  };
  await attempt("page reads", "", {});
  await attempt("page posts blindly", own.path, {method: "POST", mode: "no-cors", body: own.body,
                headers: {"Content-Type": "text/plain"}});
  await attempt("page posts JSON", own.path, {method: "POST", body: own.body,
                headers: {"Content-Type": "application/json"}});
  return told;
}"""
MLFLOW = {"path": "api/2.0/mlflow/experiments/create", "body": '{"name": "planted by a page"}'}
OPTUNA = {"path": "api/studies", "body": '{"study_name": "planted by a page", "directions": ["minimize"]}'}
RAY = {"path": "api/jobs/", "body": '{"entrypoint": "touch planted-by-a-page"}'}


@dataclass(frozen=True)
class Port:
    """A port that listens: of which group of processes, which program, and where."""

    group: str
    program: str
    address: str
    number: int


def family(process: subprocess.Popen[Any]) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    return []


def ports_of(group: str, processes: list[psutil.Process]) -> list[Port]:
    found = set()
    for process in processes:
        with suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    command = process.cmdline()
                    name = next((part for part in command if "mlflow" in part or "optuna" in part), process.name())
                    found.add(Port(group, Path(name.split()[0]).name, connection.laddr.ip, connection.laddr.port))
    return sorted(found, key=lambda port: (port.program, port.number))


@contextmanager
def running(folder: Path, *command: str) -> Iterator[subprocess.Popen[Any]]:
    """A command of this repository in a home of its own, ended by SIGINT and by SIGKILL what is left."""
    folder.mkdir()
    environment = {**new_environment(folder), "ADAMANT_STORAGE": str(folder / "runs")}
    with (folder / "output").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=REPOSITORY, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    started: list[psutil.Process] = []
    try:
        yield process
    finally:
        started = family(process)
        process.send_signal(signal.SIGINT)
        psutil.wait_procs(started, timeout=40)
        for one in started:
            with suppress(psutil.Error):
                one.kill()


def asked(port: int, method: str, path: str, **headers: str) -> str:
    """The status of an answer of HTTP, or that there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return "no HTTP"
    finally:
        connection.close()


def by_client(port: int) -> dict[str, str]:
    own = f"127.0.0.1:{port}"
    return {
        "GET": asked(port, "GET", "/", Host=own),
        "foreign Host": asked(port, "GET", "/", Host="evil.example"),
        "foreign Origin": asked(port, "POST", "/api/2.0/mlflow/runs/create", Host=own, Origin="http://evil.example"),
    }


@contextmanager
def page_of_another_origin(folder: Path) -> Iterator[Page]:
    folder.mkdir()
    (folder / "index.html").write_text("<title>another origin</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://localhost:{server.server_port}/")
        yield page
        browser.close()
        server.shutdown()


def studies_and_experiments(storages: list[Path]) -> set[str]:
    """What stores hold: whatever a page has planted would be among it."""
    from search_spaces.stores.addresses import sqlite_address
    from search_spaces.stores.study_storage import open_storage

    found = {str(path) for path in [*REPOSITORY.glob("planted*"), *Path("/tmp").glob("**/planted-by-a-page")]}
    for storage in storages:
        if (journal := storage / "study.journal").exists():
            found |= {study.study_name for study in open_storage(str(journal)).get_all_studies()}
        if (database := storage / "mlflow.db").exists():
            from mlflow import MlflowClient

            found |= {one.name for one in MlflowClient(sqlite_address(database)).search_experiments()}
    return found


def started(stack: ExitStack, folder: Path) -> list[Port]:
    """Start everything, and return the ports."""
    sweep = stack.enter_context(running(folder / "sweep", "adamant.py", "run", *LONG))
    runs = folder / "sweep" / "runs"
    trials = runs / "quickstart" / "trials"
    wait_until(lambda: any(trials.glob("**/heartbeat")) or sweep.poll() is not None, 120, "a trial")
    uis = {}
    for name, options in {"adamant ui": [], "adamant ui --studies": ["--studies"]}.items():
        number = free_port()
        command = ("adamant.py", "ui", *options, "--port", str(number), "--storage", str(runs))
        uis[name] = stack.enter_context(running(folder / f"ui{len(uis)}", *command)), number
    for name, (process, number) in uis.items():
        wait_until(lambda n=number, p=process: listens(n) or p.poll() is not None, 90, name)
    time.sleep(10)  # the workers of MLflow's server, Optuna's dashboard
    found = ports_of("adamant run", family(sweep))
    for name, (process, _) in uis.items():
        found += ports_of(name, family(process))
    return found


@contextmanager
def services(folder: Path) -> Iterator[list[Port]]:
    """The services of a head, started and ended; their ports."""
    numbers = [str(free_port()) for _ in range(3)]
    options = zip(("--port", "--database-port", "--studies-port"), numbers, strict=True)
    command = [sys.executable, "-m", "cluster.services_commands"]
    up = [*command, "up", "--folder", str(folder), *(part for option in options for part in option)]
    subprocess.run(up, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    try:
        supervisor = Services.open(folder).supervisor()
        root = psutil.Process(supervisor)
        yield ports_of("services", [root, *root.children(recursive=True)])
    finally:
        subprocess.run([*command, "down", "--folder", str(folder)], cwd=REPOSITORY, check=False)


def main() -> int:
    wrong = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's own user passes through it
        ports = [*started(stack, folder), *stack.enter_context(services(folder / "services"))]
        before = studies_and_experiments([folder / "sweep" / "runs"])
        page = stack.enter_context(page_of_another_origin(folder / "page"))
        columns = ["GET", "foreign Host", "foreign Origin", "page reads", "page posts blindly", "page posts JSON"]
        print(f"| of | program | listens on | {' | '.join(columns)} |\n|---|---|---|{'---|' * len(columns)}")
        for port in ports:
            own = OPTUNA if "optuna" in port.program else MLFLOW if "ui" in port.group else RAY
            told = {**by_client(port.number), **page.evaluate(TRIES, {"port": port.number, "own": own})}
            cells = " | ".join(told[column] for column in columns)
            print(f"| {port.group} | {port.program} | {port.address}:{port.number} | {cells} |", flush=True)
            beyond = port.address not in ("127.0.0.1", "::1") and port.group != "services"
            wrong += "READABLE" in cells or beyond
        planted = {one for one in studies_and_experiments([folder / "sweep" / "runs"]) - before if "planted" in one}
        print(f"Changed by the page: {', '.join(sorted(planted)) or 'nothing'}")
        wrong += len(planted)
        listed = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=False).stdout
        print(listed)
    return int(bool(wrong))


if __name__ == "__main__":
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "CRITICAL")
    sys.exit(main())
