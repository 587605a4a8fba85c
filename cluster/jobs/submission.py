"""Sweeps as jobs of a cluster, through Ray's Jobs API: they go on without whoever has submitted them."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.console.events import PROGRESS, RUNS, last_event, without_events
from cluster.console.events import VARIABLE as EVENTS
from cluster.console.progress import ArmState, laid_out
from cluster.polling import holds_within
from cluster.ray.session import ROOMS
from cluster.ray.token import has_token
from cluster.source_tree import SOURCE_ROOT
from cluster.storage.sweep_folder import sweep_yaml
from cluster.tracking.environment import COMMIT_VARIABLE, environment
from optimizers import InputError, did_you_mean
from optimizers.errors import one_line
from search_spaces import Sweep
from trainables.mlflow_contract import SWEEP_FILE, Tag

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

LIVE = ("PENDING", "RUNNING")
# A driver told to stop closes its runs in MLflow before Ray kills it.
STOPPING_S = 30
BEGINNING_S = 60.0
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Job:
    """A sweep's job: ``status`` is Ray's, from PENDING to SUCCEEDED, FAILED or STOPPED."""

    id: str
    sweep: str
    status: str
    message: str
    started: float


class Jobs:
    """The sweeps on the cluster whose dashboard is at ``address``, such as ``http://127.0.0.1:8265``.

    Raises InputError where no cluster answers there, or refuses the token.
    """

    def __init__(self, address: str) -> None:
        # Without it Ray takes the address for that of its own protocol.
        self._address = address if "://" in address else f"http://{address}"
        self._client = _connected(self._address)

    def submit(self, sweep: Sweep, variables: Mapping[str, str], arguments: Sequence[str] = ()) -> Job:
        """Start a job for a sweep, or one that goes on with it.

        ``variables`` are put into the driver's environment, ``arguments`` are further ones of ``adamant run``. Raises
        InputError while a job of that sweep is running.
        """
        running = [job for job in self.all() if job.sweep == sweep.name and job.status in LIVE]
        if running:
            raise InputError(
                f'job {running[0].id} is running "{sweep.name}" already; follow it by `adamant cluster logs`, '
                "or stop it first"
            )
        variables = {
            COMMIT_VARIABLE: environment()[Tag.GIT_COMMIT],
            "RAY_JOB_STOP_WAIT_TIME_S": str(STOPPING_S),
            "PYTHONUNBUFFERED": "1",
            EVENTS: "1",
            **variables,
        }
        with tempfile.TemporaryDirectory() as folder:
            _ship(sweep, Path(folder))
            try:
                submitted = self._client.submit_job(
                    entrypoint=shlex.join(["python", "-m", "cluster.job", SWEEP_FILE, *arguments]),
                    submission_id=f"{sweep.name}-{time.strftime('%Y%m%d-%H%M%S')}",
                    metadata={"adamant.sweep": sweep.name},
                    runtime_env={"working_dir": folder, "env_vars": variables},
                )
            except RuntimeError as error:
                raise InputError(
                    f"{self._address}: the cluster did not take the job ({one_line(error)[:300]})"
                ) from None
        return self.of(submitted)

    def where_runs_are(self, job: Job) -> str | None:
        """Return how to see the runs, as the driver tells when it begins; None where it takes too long."""
        holds_within(
            BEGINNING_S,
            lambda: last_event(self._log(job), RUNS) is not None or self.of(job.id).status not in LIVE,
            pause_s=0.5,
        )
        told = last_event(self._log(job), RUNS)
        return None if told is None else told["see"]

    def all(self) -> list[Job]:
        """Every job of a sweep's, the newest first."""
        jobs = [_job(details) for details in self._client.list_jobs() if "adamant.sweep" in (details.metadata or {})]
        return sorted(jobs, key=lambda job: job.started, reverse=True)

    def of(self, sweep: str) -> Job:
        """The newest job of a sweep. Raises InputError when it has none."""
        jobs = self.all()
        found = next((job for job in jobs if sweep in (job.sweep, job.id)), None)
        if found is None:
            known = sorted({job.sweep for job in jobs})
            there = f"there are jobs of {', '.join(known)}" if known else "there is no job of a sweep"
            raise InputError(f'{self._address}: no job runs "{sweep}"; {there}.{did_you_mean(sweep, known)}')
        return found

    def stop(self, job: Job) -> str:
        """Stop a job so that the sweep can be gone on with; returns its status when it has ended."""
        self._client.stop_job(job.id)
        holds_within(STOPPING_S + 10, lambda: self._client.get_job_status(job.id).value not in LIVE)
        return self._client.get_job_status(job.id).value

    def logs(self, job: Job) -> str:
        """What the job has told people until now."""
        return "".join(without_events([self._log(job)]))

    def _log(self, job: Job) -> str:
        return self._client.get_job_logs(job.id)

    def follow(self, job: Job) -> Iterator[str]:
        """What the job tells people, piece after piece, until it ends."""
        return without_events(self._pieces(job))

    def _pieces(self, job: Job) -> Iterator[str]:
        import asyncio

        pieces = self._client.tail_job_logs(job.id)
        loop = asyncio.new_event_loop()
        try:
            while True:
                try:
                    yield loop.run_until_complete(anext(pieces))
                except StopAsyncIteration:
                    return
        finally:
            loop.close()

    def progress(self, job: Job) -> list[str]:
        """How each arm stands, as far as the driver has told."""
        told = last_event(self._log(job), PROGRESS)
        return [] if told is None else laid_out([ArmState(**arm) for arm in told["arms"]], sys.maxsize)

    def nodes(self) -> list[dict[str, Any]]:
        """The living nodes, as rows: address, and how much of their cores and GPUs is in use."""
        # Private, as Ray has no public call for it that goes through the dashboard and its token.
        answer = self._client._do_request("GET", "/nodes?view=summary").json()["data"]
        raylets = [node["raylet"] for node in answer["summary"]]
        usage = answer.get("nodeLogicalResources") or {}
        # By address where the older autoscaler counts, as on machines of one's own.
        return [
            _node(raylet, usage.get(raylet["nodeId"]) or usage.get(raylet["nodeManagerAddress"], ""))
            for raylet in raylets
            if raylet.get("state") == "ALIVE"
        ]


def _node(raylet: dict[str, Any], usage: str) -> dict[str, Any]:
    """A row; ``usage`` has lines such as "0.5/1.0 GPU", or none where Ray has not counted yet."""
    used = {resource: float(amount) for amount, resource in re.findall(r"([\d.]+)/[\d.]+ (CPU|GPU)\b", usage)}

    def shown(resource: str) -> str:
        total = raylet.get("resourcesTotal", {}).get(resource, 0)
        return f"{used[resource]:g} of {total:g} used" if resource in used else f"{total:g}"

    return {
        "node": raylet.get("nodeManagerAddress", ""),
        "role": "head" if raylet.get("isHeadNode") else "worker",
        "cores": shown("CPU"),
        "GPUs": shown("GPU"),
        "labels": ", ".join(f"{k}={v}" for k, v in raylet.get("labels", {}).items() if not k.startswith("ray.io/node")),
    }


def _connected(address: str) -> JobSubmissionClient:
    # Where there is a token, the cluster wants it; Ray looks at this when it is imported.
    if has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    # Ray would rather go where these name than where it is told to go.
    for variable in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        os.environ.pop(variable, None)
    # It tells of every upload and every connection.
    logging.getLogger("ray.dashboard").setLevel(logging.ERROR)
    logging.getLogger("ray._private.runtime_env").setLevel(logging.ERROR)
    try:
        return JobSubmissionClient(address)
    except (ConnectionError, RuntimeError, ValueError, AuthenticationError) as error:
        raise InputError(f"{address}: no Ray cluster takes jobs there ({one_line(error)[:300]})") from None


def _job(details: JobDetails) -> Job:
    return Job(
        details.submission_id or "",
        (details.metadata or {})["adamant.sweep"],
        details.status.value,
        (details.message or "").strip(),
        (details.start_time or 0) / 1000,
    )


def _ship(sweep: Sweep, folder: Path) -> None:
    """Put into a folder what a driver needs: the rooms, the front door, the sweep and the user's code."""
    root = SOURCE_ROOT
    for room in ROOMS:
        shutil.copytree(root / room, folder / room, ignore=_NOT_SHIPPED)
    shutil.copy(root / "adamant.py", folder)
    (folder / SWEEP_FILE).write_text(sweep_yaml(sweep), encoding="utf-8")
    sweep.code.write(folder)
