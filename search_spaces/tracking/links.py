"""Addresses in the MLflow UI, for whoever shows them: they follow from where the runs are."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode

from search_spaces.stores.addresses import is_server, sqlite_path, without_userinfo

# Where `adamant ui` serves a local database.
UI_HOST, UI_PORT = "127.0.0.1", 5000
SEARCH_VIEW, CONFIRM_VIEW = "search", "confirm"
# MLflow's page for comparing runs is slow with more.
COMPARED = 30
# A reader holds the lock for the blink of an eye; another server, for as long as it runs.
_ATTEMPTS, _PAUSE_S = 20, 0.02
# Without it MLflow opens its pages for language models, in which runs are called evaluations.
_TRAINING = {"workflowType": "machine_learning"}


def local_address(port: int | str) -> str:
    """Where a page is served on this machine."""
    return f"http://{UI_HOST}:{port}"


def ui_address(tracking_uri: str) -> str:
    """The UI over a tracking URI, or where `adamant ui` would serve it: for what is kept longer than a server runs."""
    return served_at(tracking_uri) or local_address(UI_PORT)


def served_at(tracking_uri: str) -> str | None:
    """The address at which the runs can be seen now: a tracking server's own, or that of the `adamant ui` over them."""
    if is_server(tracking_uri):
        return without_userinfo(tracking_uri)
    record = _record(tracking_uri)
    port = record and _port_in(record)
    return local_address(port) if port else None


def _port_in(record: Path) -> str:
    """The port of the server that holds the record; empty where none does, or where the record cannot be read."""
    with suppress(OSError), record.open(encoding="utf-8") as file:
        try:
            # Who serves holds the lock, and the system takes it from a server that was killed.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            port = file.read()
            return port if port.isdecimal() else ""
    return ""


@contextmanager
def announced(tracking_uri: str, port: int) -> Iterator[None]:
    """Let :func:`served_at` find the UI on that port while the body runs; where two serve the same runs, the first."""
    record = _record(tracking_uri)
    with ExitStack() as held:
        # Without a record the UI serves all the same: another may hold it, or nothing can be written there.
        with suppress(OSError):
            if record is not None:
                file = held.enter_context(record.open("a+", encoding="utf-8"))
                _lock(file)
                file.truncate(0)
                file.write(str(port))
                file.flush()
                held.callback(record.unlink, missing_ok=True)
        yield


def _lock(file: IO[str]) -> None:
    """Raises BlockingIOError where another server holds the lock."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(_PAUSE_S)


def _record(tracking_uri: str) -> Path | None:
    """The file beside a database of runs that holds the port of the `adamant ui` over it; no server's has one."""
    database = sqlite_path(tracking_uri)
    return database and database.with_name(f".{database.name}.ui")


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    """The page of one run.

    Here and below ``base`` is the address of the UI, or nothing for a link that stands on one of the UI's own pages.
    """
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?{urlencode(_TRAINING)}".removeprefix("/")


def compare_link(base: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """The page that has runs side by side, their parameters and metrics."""
    lists = {"runs": list(run_ids), "experiments": [experiment_id]}
    query = {name: json.dumps(ids, separators=(",", ":")) for name, ids in lists.items()} | _TRAINING
    return f"{base}/#/compare-runs?{urlencode(query, quote_via=quote)}".removeprefix("/")


def view_key(sweep_id: str, view: str) -> str:
    """The name under which MLflow keeps a view of a sweep with its experiment."""
    return f"{sweep_id}-{view}"


def view_link(base: str, experiment_id: str, sweep_id: str, view: str) -> str:
    """The chart page of a sweep's runs in one of its two views, which MLflow keeps with the experiment."""
    query = {**_TRAINING, "compareRunsMode": "CHART", "viewStateShareKey": view_key(sweep_id, view)}
    return f"{base}/#/experiments/{experiment_id}/runs?{urlencode(query, quote_via=quote)}".removeprefix("/")
