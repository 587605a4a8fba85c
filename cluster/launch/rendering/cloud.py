"""What Ray's cluster launcher is told on every cloud: setup, shared storage, token, start."""

from __future__ import annotations

import shlex
from typing import Any

from cluster.launch.cluster_file import AwsCluster, CloudCluster, GcpCluster, Machines, NfsStorage, spot_first
from cluster.launch.rendering.shared_settings import (
    TOKEN,
    head_command,
    services_command,
    stop_command,
    worker_command,
)
from cluster.ray.session import ROOMS

HEAD = "head"
CODE, ENVIRONMENT = "~/adamant", "~/adamant-env"
DISK_GB = 100
# EFS knows 4.1 alone; Filestore's basic tiers know 3 alone, its others both.
NFS_VERSIONS = {"aws": "4.1", "gcp": "3"}
# Not the whole checkout: Ray reads all that it copies at every `ray up`, and .venv holds gigabytes.
CODE_PARTS = (*ROOMS, "adamant.py", "pyproject.toml", "constraints.txt", "README.md", "LICENSE")
# Debian's package starts a server of its own, which would take the port of the one that Adamant supervises.
POSTGRESQL = (
    "ls /usr/lib/postgresql/*/bin/initdb || (sudo apt-get update -qq && sudo apt-get install -y -qq postgresql && "
    "sudo systemctl disable --now postgresql)"
)
NOTES = {
    "max_workers": "Of all kinds together.",
    "available_node_types": (
        "Ray takes the kind that suits a trial best; among kinds of equal cores and GPUs, that of the highest "
        "priority, so spot kinds are filled up to their max_workers first. A kind whose machines start but do not join "
        "falls behind the others for ten minutes. A request that the cloud refuses outright is repeated, not turned "
        "over to another kind: give an on-demand kind min_workers where a sweep must go on without spot machines."
    ),
    "file_mounts": (
        "Ray copies these from this machine to the head, and the head to its workers: the checkout that `ray up` is "
        "called in, and the token, which `ray get-auth-token --generate` makes once on this machine."
    ),
    "setup_commands": "The versions are those of constraints.txt, on every node.",
    "head_start_ray_commands": "The head runs no trials; its dashboard is reached by `ray dashboard`, through SSH.",
}


def launcher(cluster: AwsCluster | GcpCluster, packages: tuple[str, ...]) -> dict[str, Any]:
    """The part of a `ray up` file that follows the provider's own, in the order of the file."""
    setup = [*mount_commands(cluster.storage, NFS_VERSIONS[cluster.provider]), *_install_commands(cluster, packages)]
    start = [stop_command(ENVIRONMENT), head_command(ENVIRONMENT, autoscaler_v2=True)]
    if cluster.services:
        start.append(services_command(ENVIRONMENT, CODE, cluster.storage.mount, cluster.storage.artifacts))
    return {
        "file_mounts": {**{f"{CODE}/{part}": part for part in CODE_PARTS}, TOKEN: TOKEN},
        "rsync_exclude": ["__pycache__"],
        "initialization_commands": [],
        "setup_commands": setup,
        "head_setup_commands": [POSTGRESQL] if cluster.services else [],
        "worker_setup_commands": [],
        "head_start_ray_commands": start,
        "worker_start_ray_commands": [stop_command(ENVIRONMENT), worker_command(ENVIRONMENT)],
    }


def counts(cluster: CloudCluster) -> dict[str, Any]:
    return {
        "max_workers": sum(kind.max for kind in cluster.workers.values()),
        "idle_timeout_minutes": cluster.idle_minutes,
    }


def node_types(cluster: CloudCluster, head: dict[str, Any], worker: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ray's node types from the provider's configuration of the head and of each kind of worker."""
    types: dict[str, Any] = {
        HEAD: {"resources": {"CPU": 0, "GPU": 0}, "max_workers": 0, "node_config": head},
    }
    for name, kind in spot_first(cluster.workers).items():
        types[name] = {
            "resources": _resources(kind),
            "labels": kind.labels,
            "priority": int(kind.spot),
            "min_workers": kind.min,
            "max_workers": kind.max,
            "node_config": worker[name],
        }
    return types


def mount_commands(storage: NfsStorage, nfs_version: str) -> list[str]:
    mount = shlex.quote(storage.mount)
    options = f"nfsvers={nfs_version},rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport"
    return [
        "command -v mount.nfs || (sudo apt-get update -qq && sudo apt-get install -y -qq nfs-common)",
        f"sudo mkdir -p {mount}; mountpoint -q {mount} || "
        f"sudo mount -t nfs -o {options} {shlex.quote(storage.shared)} {mount}",
        f"sudo chown $(id -u):$(id -g) {mount}",
    ]


def _install_commands(cluster: CloudCluster, packages: tuple[str, ...]) -> list[str]:
    adamant = '"$HOME/adamant[services]"' if cluster.services else CODE
    pip = f"{ENVIRONMENT}/bin/python -m pip install --quiet"
    return [
        f"chmod 700 ~/.ray && chmod 600 {TOKEN}",
        f"test -x {ENVIRONMENT}/bin/python || python3 -m venv {ENVIRONMENT}",
        f"{pip} --constraint {CODE}/constraints.txt --editable {adamant} {' '.join(packages)}",
    ]


def _resources(kind: Machines) -> dict[str, int]:
    return {"CPU": kind.cpus} | ({"GPU": kind.gpus} if kind.gpus else {})
