"""On-premise: a `ray up` file for machines that are there, with Adamant installed at the same path on each."""

from __future__ import annotations

from cluster.launch.cluster_file import LocalCluster
from cluster.launch.rendering.shared_settings import (
    TOKEN,
    commented,
    head_command,
    services_command,
    stop_command,
    worker_command,
)

NOTES = {
    "provider": (
        "Nothing is started or bought here: Ray reaches these addresses by SSH. The shared folder must be mounted on "
        "all of them already, and port 22 open to this machine and the head alone."
    ),
    "file_mounts": (
        "The token, which `ray get-auth-token --generate` makes once on this machine, goes to the head and from there "
        "to the workers."
    ),
    "head_start_ray_commands": (
        "The head runs no trials; its dashboard is reached by `ray dashboard`, through SSH. RAY_enable_autoscaler_v2=0 "
        "because v2 (Ray 2.60) takes the head, which with this provider has the node type of the workers, for one of "
        "them: it counts it, loses it and asks for another node every few seconds. The head's address is written out "
        "because Ray guesses 127.0.0.1 where no route leads out of the network."
    ),
}


def render(cluster: LocalCluster) -> dict[str, str]:
    """File names and their text."""
    environment = cluster.environment
    start = [stop_command(environment), head_command(environment, autoscaler_v2=False, address=cluster.head_ip)]
    if cluster.services:
        start.append(services_command(environment, "/", cluster.storage.mount, cluster.storage.artifacts))
    auth = {"ssh_user": cluster.ssh_user} | ({"ssh_private_key": str(cluster.ssh_key)} if cluster.ssh_key else {})
    data = {
        "cluster_name": cluster.name,
        "provider": {"type": "local", "head_ip": cluster.head_ip, "worker_ips": list(cluster.worker_ips)},
        "auth": auth,
        "min_workers": len(cluster.worker_ips),
        "max_workers": len(cluster.worker_ips),
        "idle_timeout_minutes": cluster.idle_minutes,
        "file_mounts": {TOKEN: TOKEN},
        "initialization_commands": [],
        "setup_commands": [f"chmod 700 ~/.ray && chmod 600 {TOKEN}", f"test -w {cluster.storage.mount}"],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": start,
        "worker_start_ray_commands": [stop_command(environment), worker_command(environment)],
    }
    return {f"{cluster.name}.yaml": commented(data, NOTES)}
