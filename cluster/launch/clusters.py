"""Clusters brought up, reached and taken down by their provider's own means, from a cluster file."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from cluster.launch.cluster_file import Cluster, KubeCluster, LocalCluster, SlurmCluster
from cluster.launch.rendering import render
from cluster.polling import holds_within
from cluster.ports import free_port, listens
from cluster.ray.token import ensure_token
from cluster.services.head_services import CLIENT_FILE
from cluster.source_tree import SOURCE_ROOT
from optimizers import InputError
from optimizers.private import make_private

JOBS_PORT, MLFLOW_PORT = 8265, 5000
UI_PORTS = {MLFLOW_PORT: "MLflow", JOBS_PORT: "Ray", 8080: "Optuna"}
"""Ports of the head that a browser may want, with what is there."""
TOKEN_VARIABLE, TOKEN_KEY = "RAY_AUTH_TOKEN", "auth_token"
"""Where Ray looks for its token first, and KubeRay's key of it in the Secret that it makes for each cluster."""
# The brackets keep the pattern from finding the shell that looks for it.
REMAINS = "[g]cs_server|[r]aylet|[m]lflow server|[c]luster.services|[p]ostgres -D|[o]ptuna_dashboard"
CONNECTING_S, LEAVING_S = 60.0, 30.0


def up(cluster: Cluster) -> None:
    """Start a cluster, or bring a running one to what its file says now, by starting Ray on it again.

    Raises InputError where that fails, and while jobs are running there, which would be lost.
    """
    _refuse_while_jobs_run(cluster)
    with _launch_files(cluster) as files:
        if isinstance(cluster, KubeCluster):
            for file in _kube_files(files):
                _run(_kubectl(cluster, "apply", "--filename", str(file)))
            return
        ensure_token()
        _run(_ray("up", str(files[0]), "--yes", "--no-config-cache"))


def _refuse_while_jobs_run(cluster: Cluster) -> None:
    from cluster.jobs.submission import LIVE, Jobs

    if isinstance(cluster, KubeCluster):  # whose operator decides what has to be restarted
        return
    try:
        with forwarded(cluster, [JOBS_PORT]) as [port]:
            running = [job for job in Jobs(f"http://127.0.0.1:{port}").all() if job.status in LIVE]
    except InputError:  # there is no cluster yet
        return
    if running:
        sweeps = ", ".join(job.sweep for job in running)
        raise InputError(f"{cluster.name} is up and runs {sweeps}; stop that first (`adamant cluster stop`)")


def down(cluster: Cluster) -> None:
    """Take a cluster away; what is on shared storage stays. Raises InputError where something of it is left."""
    with _launch_files(cluster) as files:
        if isinstance(cluster, KubeCluster):
            # Not what is shared: with its claim the volume would go, and every sweep on it.
            [ray_cluster] = [file for file in files if "raycluster" in file.name]
            _run(_kubectl(cluster, "delete", "--ignore-not-found", "--filename", str(ray_cluster)))
            return
        if isinstance(cluster, LocalCluster):
            _stop_local(cluster)
        _run(_ray("down", str(files[0]), "--yes"))
        if isinstance(cluster, LocalCluster):
            _check_nothing_is_left(cluster)


def attach(cluster: Cluster) -> int:
    """Open a shell on the head; returns its exit code."""
    with _launch_files(cluster) as files:
        if isinstance(cluster, KubeCluster):
            head = f"ray.io/cluster={cluster.name},ray.io/node-type=head"
            pods = _output(_kubectl(cluster, "get", "pod", "--selector", head, "--output", "name")).split()
            if not pods:
                raise InputError(f"{cluster.name}: it has no head; is it up? (`adamant cluster up`)")
            return subprocess.run(_kubectl(cluster, "exec", "-it", pods[0], "--", "bash"), check=False).returncode
        return subprocess.run(_ray("attach", str(files[0])), check=False).returncode


@contextmanager
def forwarded(cluster: Cluster, ports: Sequence[int], local: Sequence[int] | None = None) -> Iterator[list[int]]:
    """Inside, ports of the head are reached as ports of this machine, free ones or those named in ``local``.

    Through SSH or kubectl, as the head's servers listen to itself alone; on Kubernetes with Ray's token in this
    process's environment. Raises InputError where it is not reached.
    """
    here = list(local or (free_port() for _ in ports))
    with _launch_files(cluster) as files, ExitStack() as tunnels:
        if isinstance(cluster, KubeCluster) and JOBS_PORT in ports:
            tunnels.enter_context(_kube_token(cluster))
        for there, port in zip(ports, here, strict=True):
            if isinstance(cluster, KubeCluster):
                service = _kube_services(cluster)[there]
                command = _kubectl(cluster, "port-forward", f"service/{service}", f"{port}:{there}")
            else:
                command = _ray("dashboard", str(files[0]), "--port", str(port), "--remote-port", str(there))
            tunnels.enter_context(_running(command, port, cluster.name))
        yield here


def ui_ports(cluster: Cluster) -> dict[int, str]:
    """Ports that a browser may want of this cluster, with what is there."""
    if isinstance(cluster, KubeCluster):
        return {port: UI_PORTS[port] for port in _kube_services(cluster)}
    return UI_PORTS if cluster.services else {JOBS_PORT: UI_PORTS[JOBS_PORT]}


def ui_passwords(cluster: Cluster, file: Path) -> list[str]:
    """A sentence for each password that a browser will ask for, which says where it is."""
    if not isinstance(cluster, KubeCluster):
        read = f"adamant cluster attach {file}, then cat {CLIENT_FILE}"
        return [f"The password of the user admin of MLflow and Optuna: {read}"] if cluster.services else []
    read = f"kubectl get secret --namespace {cluster.namespace}"
    told = [f"Ray's token: {read} {cluster.name} --output jsonpath='{{.data.{TOKEN_KEY}}}' | base64 -d"]
    if cluster.services:
        key = f"{cluster.name}-services --output jsonpath='{{.data.mlflow-password}}'"
        told.append(f"The password of MLflow's user admin: {read} {key} | base64 -d")
    return told


@contextmanager
def _launch_files(cluster: Cluster) -> Iterator[list[Path]]:
    """The rendered files, as they are needed only while they are handed on."""
    if isinstance(cluster, SlurmCluster):
        raise InputError(
            f"{cluster.name}: on Slurm a cluster lives and dies with its job; render its file with `adamant cluster "
            "render` and hand that to sbatch, squeue and scancel"
        )
    with tempfile.TemporaryDirectory() as folder:
        for name, text in render(cluster).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        yield [Path(folder) / name for name in render(cluster)]


def _kube_files(files: list[Path]) -> list[Path]:
    """Shared storage and services first; a job is submitted by itself."""
    return sorted((file for file in files if "rayjob" not in file.name), key=lambda file: "shared" not in file.name)


def _kube_services(cluster: KubeCluster) -> dict[int, str]:
    """By port, the Kubernetes Service behind it: KubeRay's own of the head, and ours of MLflow."""
    mlflow = {MLFLOW_PORT: f"{cluster.name}-mlflow"} if cluster.services else {}
    return {**mlflow, JOBS_PORT: f"{cluster.name}-head-svc"}


@contextmanager
def _kube_token(cluster: KubeCluster) -> Iterator[None]:
    """Inside, this process has the token that KubeRay made for the cluster; a token of another one's would not do."""
    # The Secret has the cluster's name, which is short enough for KubeRay to keep as it is.
    path = f"jsonpath={{.data.{TOKEN_KEY}}}"
    encoded = _output(_kubectl(cluster, "get", "secret", cluster.name, "--output", path)).strip()
    if not encoded:
        raise InputError(
            f"{cluster.name}: the Secret {cluster.name} holds no {TOKEN_KEY}; KubeRay must be 1.5.1 or newer"
        )
    before = os.environ.get(TOKEN_VARIABLE)
    os.environ[TOKEN_VARIABLE] = base64.b64decode(encoded).decode()
    try:
        yield
    finally:
        if before is None:
            del os.environ[TOKEN_VARIABLE]
        else:
            os.environ[TOKEN_VARIABLE] = before


def _stop_local(cluster: LocalCluster) -> None:
    """What runs on the machines of one's own; Ray's launcher forgets them without stopping anything on workers."""
    python = f"{cluster.environment}/bin/python"
    if cluster.services:
        _ssh(
            cluster, cluster.head_ip, f"{python} -m cluster.services_commands down --folder {cluster.storage.services}"
        )
    for address in (*cluster.worker_ips, cluster.head_ip):
        _ssh(cluster, address, f"{cluster.environment}/bin/ray stop")


def _check_nothing_is_left(cluster: LocalCluster) -> None:
    left = []
    for address in (*cluster.worker_ips, cluster.head_ip):
        found = _ssh(cluster, address, f"pgrep -f '{REMAINS}' | wc -l")
        if found.strip() != "0":
            left.append(address)
    if left:
        raise InputError(f"{cluster.name}: processes of Ray, or of the services, are left on {', '.join(left)}")


def _ssh(cluster: LocalCluster, address: str, command: str) -> str:
    key = ["-i", str(cluster.ssh_key.expanduser())] if cluster.ssh_key else []
    # A machine that was reached before must be the same one.
    known = make_private(CLIENT_FILE.expanduser().parent) / "known_hosts"
    options = [
        *key,
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=accept-new",
        "-o",
        f"UserKnownHostsFile={known}",
    ]
    ended = subprocess.run(
        ["ssh", "-q", *options, "-o", f"ConnectTimeout={CONNECTING_S:.0f}", f"{cluster.ssh_user}@{address}", command],
        capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if ended.returncode == 255:
        raise InputError(f"{cluster.name}: {address} is not reached by SSH; nothing more was done")
    return ended.stdout


@contextmanager
def _running(command: list[str], port: int, name: str) -> Iterator[None]:
    if listens(port):
        raise InputError(f"port {port} of this machine is taken, so {name} cannot be reached through it")
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        holds_within(CONNECTING_S, lambda: process.poll() is not None or listens(port), pause_s=0.1)
        if process.poll() is not None or not listens(port):
            raise InputError(f"{name}: its head is not reached; is it up? (`adamant cluster up`)")
        yield
    finally:
        # With its children: it is ssh that holds the port.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(LEAVING_S)


def _ray(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / "ray"), *arguments]


def _kubectl(cluster: KubeCluster, verb: str, *arguments: str) -> list[str]:
    if shutil.which("kubectl") is None:
        raise InputError("kubectl is not installed, by which a Kubernetes cluster is reached")
    return ["kubectl", verb, "--namespace", cluster.namespace, *arguments]


def _run(command: list[str]) -> None:
    """Run a command before the user's eyes. Raises InputError when it fails."""
    # Rendered files name the rooms, which nodes get a copy of, as seen from here.
    code = subprocess.run(command, cwd=SOURCE_ROOT, check=False).returncode
    if code:
        raise InputError(f"`{Path(command[0]).name} {command[1]}` failed with exit code {code}; see above")


def _output(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if ended.returncode:
        reason = " ".join(ended.stderr.split())[:300]
        raise InputError(f"`{Path(command[0]).name} {command[1]}` failed: {reason}")
    return ended.stdout
