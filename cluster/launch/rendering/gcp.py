"""GCP: a `ray up` file, and the shell script of what must stand before it."""

from __future__ import annotations

import shlex
from typing import Any

from cluster.launch.cluster_file import GcpCluster, Machines
from cluster.launch.rendering.cloud import DISK_GB, HEAD, NOTES, counts, launcher, node_types
from cluster.launch.rendering.shared_settings import TITLE, comment, commented

PACKAGES = ("google-api-python-client==2.202.0", "google-cloud-storage==3.17.1")
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def render(cluster: GcpCluster) -> dict[str, str]:
    """File names and their text."""
    workers = {name: _machine(cluster, kind.machine, kind) for name, kind in cluster.workers.items()}
    data = {
        "cluster_name": cluster.name,
        "provider": {
            "type": "gcp",
            "region": cluster.region,
            "availability_zone": cluster.zone,
            "project_id": cluster.project,
        },
        "auth": {"ssh_user": cluster.ssh_user},
        **counts(cluster),
        "head_node_type": HEAD,
        "available_node_types": node_types(cluster, _machine(cluster, cluster.head.machine, None), workers),
        **launcher(cluster, PACKAGES),
    }
    return {
        f"{cluster.name}.yaml": commented(data, NOTES),
        f"{cluster.name}-network.sh": _network_script(cluster),
    }


def _network(cluster: GcpCluster) -> str:
    return f"adamant-{cluster.name}"


def _account(cluster: GcpCluster, role: str) -> str:
    return f"{_account_name(cluster, role)}@{cluster.project}.iam.gserviceaccount.com"


def _account_name(cluster: GcpCluster, role: str) -> str:
    """At most 30 characters, which is what Google allows."""
    return f"{cluster.name[:23].rstrip('-')}-{role}"


def _machine(cluster: GcpCluster, machine: str, kind: Machines | None) -> dict[str, Any]:
    """Body of Compute Engine's instances.insert; of the head without ``kind``."""
    subnetwork = f"projects/{cluster.project}/regions/{cluster.region}/subnetworks/{_network(cluster)}"
    config: dict[str, Any] = {
        "machineType": machine,
        "disks": [
            {
                "boot": True,
                "autoDelete": True,
                "type": "PERSISTENT",
                "initializeParams": {"diskSizeGb": DISK_GB, "sourceImage": cluster.image},
            }
        ],
        # Not the project's default network, whose rules let the whole world in by SSH.
        "networkInterfaces": [
            {
                "subnetwork": subnetwork,
                "accessConfigs": [{"name": "External NAT", "type": "ONE_TO_ONE_NAT"}],
            }
        ],
        "tags": {"items": [_network(cluster)]},
        "serviceAccounts": [{"email": _account(cluster, "worker" if kind else "head"), "scopes": [SCOPE]}],
        # Secure Boot would refuse NVIDIA's driver where it is not signed.
        "shieldedInstanceConfig": {
            "enableSecureBoot": kind is None or not kind.gpus,
            "enableVtpm": True,
            "enableIntegrityMonitoring": True,
        },
    }
    if kind:
        config["scheduling"] = _scheduling(kind)
    return config


def _scheduling(kind: Machines) -> dict[str, Any]:
    """Machines with GPUs cannot move to another host, so maintenance ends them."""
    if kind.spot:
        return {
            "provisioningModel": "SPOT",
            "instanceTerminationAction": "DELETE",
            "automaticRestart": False,
            "onHostMaintenance": "TERMINATE",
        }
    return {"onHostMaintenance": "TERMINATE" if kind.gpus else "MIGRATE"}


def _network_script(cluster: GcpCluster) -> str:
    network, tag = _network(cluster), _network(cluster)
    bucket = cluster.storage.artifacts.removeprefix("gs://").split("/")[0]
    accounts = {role: f"serviceAccount:{_account(cluster, role)}" for role in ("head", "worker")}
    gcloud = ["gcloud", "--quiet", f"--project={cluster.project}"]
    commands = [
        [*gcloud, "compute", "networks", "create", network, "--subnet-mode=custom"],
        [
            *(*gcloud, "compute", "networks", "subnets", "create", network),
            *(f"--network={network}", f"--region={cluster.region}", "--range=10.64.0.0/20"),
        ],
        [
            *(*gcloud, "compute", "firewall-rules", "create", f"{network}-ssh", f"--network={network}"),
            *("--allow=tcp:22", f"--source-ranges={cluster.ssh_from}", f"--target-tags={tag}"),
        ],
        [
            *(*gcloud, "compute", "firewall-rules", "create", f"{network}-nodes", f"--network={network}"),
            *("--allow=all", f"--source-tags={tag}", f"--target-tags={tag}"),
        ],
        *([*gcloud, "iam", "service-accounts", "create", _account_name(cluster, role)] for role in accounts),
        [
            *(*gcloud, "projects", "add-iam-policy-binding", cluster.project),
            *(f"--member={accounts['head']}", "--role=roles/compute.instanceAdmin.v1", "--condition=None"),
        ],
        # The head may start machines as workers, and as nobody else.
        [
            *(*gcloud, "iam", "service-accounts", "add-iam-policy-binding", _account(cluster, "worker")),
            *(f"--member={accounts['head']}", "--role=roles/iam.serviceAccountUser"),
        ],
    ]
    if cluster.storage.artifacts.startswith("gs://"):
        commands += [
            [
                *(*gcloud, "storage", "buckets", "add-iam-policy-binding", f"gs://{bucket}"),
                *(f"--member={member}", "--role=roles/storage.objectAdmin"),
            ]
            for member in accounts.values()
        ]
    header = [
        TITLE,
        "Once, before the first `ray up`: a network that the stated range alone reaches, by SSH, and service accounts.",
    ]
    lines = ["set -eu", *(shlex.join(command) for command in commands), ""]
    return "#!/bin/sh\n" + comment("\n".join(header)) + "\n".join(lines)
