"""Everything that can be known to be wrong before anything starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import trainables
from cluster.ray.local_ray import check_folder
from cluster.ray.token import check_token
from cluster.tracking.mlflow_errors import reason, root
from optimizers import InputError, Problem, raise_any
from search_spaces import Sweep
from search_spaces.stores.addresses import is_database, is_server, scheme_of, sqlite_path, without_password
from search_spaces.stores.mlflow_schema import database_problem

SERVER_TIMEOUT_S = 5
NEITHER = "write the address of an MLflow server (http://...) or of a database (sqlite:///FILE, postgresql://...)"
# MLflow's stores that a sweep cannot use.
OTHER_STORES = {
    "file": f"MLflow's stores of plain files are not supported; {NEITHER}",
    "databricks": f"Databricks names experiments by paths of a workspace, which Adamant's are not; {NEITHER}",
    "uc": f"a Unity Catalog holds models and no runs; {NEITHER}",
}


def check_data(sweep: Sweep, data_root: Path) -> None:
    """Raise InputError unless the workloads' data is there and whole, or can be downloaded."""
    for workload in sweep.by_workload.values():
        trainables.get(workload.name).obtain_data(data_root, workload.options)


def check_tracking(tracking_uri: str) -> None:
    """Raise InputError for a tracking server or database that runs cannot be written to."""
    if is_server(tracking_uri):
        problem = _server_problem(tracking_uri)
    elif is_database(tracking_uri):
        problem = _database_problem(tracking_uri)
    else:
        problem = OTHER_STORES.get(scheme_of(tracking_uri) or tracking_uri, NEITHER)
    if problem:
        raise InputError(f"--tracking-uri {without_password(tracking_uri)}: {problem}")


def _database_problem(tracking_uri: str) -> str:
    try:
        path = sqlite_path(tracking_uri)
    except ValueError as error:
        return f"this database's address cannot be read ({without_password(str(error))})"
    if path is None and scheme_of(tracking_uri).startswith("sqlite"):
        return "a database in memory ends with this process, and all runs with it; name a file, as in sqlite:///runs.db"
    if path is not None:
        # SQLite keeps a journal beside the database while it is written.
        folder = next(one for one in path.absolute().parents if one.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            return f"{folder} cannot be written"
        if path.exists() and not os.access(path, os.W_OK):
            return f"{path} cannot be written"
    return database_problem(tracking_uri)


def _server_problem(tracking_uri: str) -> str:
    """Ask what a sweep will ask first, with the credentials and settings that MLflow's client uses."""
    try:
        named = urlsplit(tracking_uri).hostname
    except ValueError as error:
        return f"this is not the address of a server ({error})"
    if not named:
        return "this address names no host; write http://HOST:PORT"
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request, verify_rest_response

    endpoint, first = "/api/2.0/mlflow/experiments/search", {"max_results": 1}
    try:
        answer = http_request(
            *(get_default_host_creds(tracking_uri), endpoint, "GET"),
            params=first, timeout=SERVER_TIMEOUT_S, max_retries=0, raise_on_status=False,
        )  # fmt: skip
        if answer is not None and answer.status_code in (401, 403):
            return (
                f"the server refuses access (status {answer.status_code}: {answer.text[:200].strip()}); "
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or have the server allow this address"
            )
        verify_rest_response(answer, endpoint)
    except MlflowException as error:
        return (
            f"no MLflow server answers there ({reason(root(error))}); "
            "start one, correct the address, or leave the option out for a local database"
        )
    return ""


def check_resources(sweep: Sweep, address: str | None) -> None:
    """Raise InputError when a trial wants more than this machine has; a cluster may grow, so it is not asked."""
    if address is not None:
        return
    raise_any(_beyond_this_machine(sweep))


def _beyond_this_machine(sweep: Sweep) -> Iterator[Problem]:
    wanted, cores = sweep.resources, os.cpu_count() or 1
    of_workers = f" ({wanted.workers} workers)" if wanted.workers > 1 else ""
    if wanted.cpu * wanted.workers > cores:
        yield sweep.file.problem(
            "resources",
            "workers" if wanted.cpu <= cores else "cpu",
            f"a trial wants {wanted.cpu * wanted.workers} cores{of_workers}, and this machine has {cores}",
        )
    if wanted.gpu:
        import torch

        if wanted.gpu * wanted.workers > (gpus := torch.cuda.device_count()):
            yield sweep.file.problem(
                "resources",
                "gpu",
                f"a trial wants {wanted.gpu * wanted.workers:g} GPUs{of_workers}, and torch finds {gpus} here",
            )


def check_ray(address: str | None) -> None:
    """Raise InputError for a token that cannot be used, and, on this machine, for a folder that others can replace."""
    _check_ray_token()
    if address is None:
        check_folder()


def _check_ray_token() -> None:
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if named and "RAY_AUTH_TOKEN" not in os.environ:
        path = Path(named).expanduser()
        if not path.is_file() or not path.stat().st_size:
            raise InputError(
                f"$RAY_AUTH_TOKEN_PATH: {path} is {'empty' if path.is_file() else 'missing'}; make a token with "
                f"`ray get-auth-token --generate`, or unset the variable, and one is made in ~/.ray"
            )
    check_token()


def check_address(address: str | None) -> None:
    """Raise InputError for the ``host:port`` of a Ray cluster that does not answer."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), SERVER_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:  # the second for a port above 65535
        raise InputError(f"--address {address}: no Ray cluster answers there ({error})") from None


def check_study_storage(location: str, sweep: Sweep) -> None:
    """Raise InputError for a study database that does not answer, or that holds a sweep of this name already."""
    from search_spaces.stores.databases import is_missing
    from search_spaces.stores.study_storage import open_storage
    from search_spaces.study.recorded_search import search_study_name

    if is_missing(location) or ("://" not in location and not Path(location).exists()):
        return
    taken = {study.study_name for study in open_storage(location).get_all_studies()}
    wanted = {search_study_name(contest, arm) for contest in sweep.contests.values() for arm in sweep.arms}
    if wanted & taken:
        raise sweep.file.error(
            "name",
            f'the study storage {without_password(location)} holds a sweep "{sweep.name}" already; '
            "choose another name, for example with --set name=...",
        )
