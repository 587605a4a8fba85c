"""Slurm: a batch script that brings up a head and its workers as one heterogeneous job, and runs `adamant` there."""

from __future__ import annotations

import shlex

from cluster.launch.cluster_file import SlurmCluster
from cluster.launch.rendering.shared_settings import OPEN_FILES, PORT, TITLE, comment
from cluster.ray.session import OBJECT_STORE_BYTES

# Time that the sweep has to save itself before Slurm ends the job.
WARNING_S = 120


def render(cluster: SlurmCluster) -> dict[str, str]:
    """File names and their text."""
    return {
        f"{cluster.name}.sbatch": "\n".join(
            [*_head_directives(cluster), *_worker_directives(cluster), *_script(cluster), ""]
        )
    }


def _head_directives(cluster: SlurmCluster) -> list[str]:
    account = [f"--account={cluster.account}"] if cluster.account else []
    options = [
        f"--job-name={cluster.name}",
        f"--time={cluster.time}",
        f"--output={cluster.name}-%j.log",
        f"--signal=B:INT@{WARNING_S}",
        *account,
        f"--partition={cluster.head_partition}",
        "--nodes=1",
        "--ntasks=1",
        "--exclusive",
    ]
    note = (
        f"{TITLE}\n  sbatch {cluster.name}.sbatch run SWEEP\n  sbatch {cluster.name}.sbatch resume NAME\n"
        "The second goes on where the time was not enough. The first component of the job is the head, which runs no "
        "trials and needs no GPU; the second the workers. Nodes are exclusive, because Ray's ports are the same for "
        "all users of a node."
    )
    return ["#!/bin/bash", comment(note).rstrip(), *(f"#SBATCH {option}" for option in options)]


def _worker_directives(cluster: SlurmCluster) -> list[str]:
    account = [f"--account={cluster.account}"] if cluster.account else []
    gpus = [f"--gpus-per-node={cluster.gpus_per_node}"] if cluster.gpus_per_node else []
    options = [
        "hetjob",
        f"--time={cluster.time}",
        *account,
        f"--partition={cluster.partition}",
        f"--nodes={cluster.nodes}",
        f"--ntasks={cluster.nodes}",
        "--ntasks-per-node=1",
        "--exclusive",
        *gpus,
    ]
    return [f"#SBATCH {option}" for option in options]


def _script(cluster: SlurmCluster) -> list[str]:
    mount = shlex.quote(cluster.storage.mount)
    store = f"--object-store-memory={OBJECT_STORE_BYTES}"
    head = f"ray start --head --node-ip-address=$ip --port={PORT} --num-cpus=0 --num-gpus=0 --dashboard-host=127.0.0.1"
    worker = f"ray start --address=$ip:{PORT} {store} --block"
    return [
        # Job control, without which bash starts what runs in the background deaf to SIGINT.
        "set -eum",
        f"export PATH={shlex.quote(f'{cluster.environment}/bin')}:$PATH",
        "export RAY_AUTH_MODE=token RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 RAY_USAGE_STATS_ENABLED=0",
        f"ulimit -n {OPEN_FILES} || true",
        "",
        "# A token of this job's own, which its nodes read from the shared folder.",
        f"export RAY_AUTH_TOKEN_PATH={mount}/ray-token-$SLURM_JOB_ID",
        '(umask 077 && python -c "import secrets; print(secrets.token_hex(32), end=str())" > "$RAY_AUTH_TOKEN_PATH")',
        "trap 'rm -f \"$RAY_AUTH_TOKEN_PATH\"' EXIT",
        "",
        "ip=$(hostname --ip-address | awk '{print $1}')",
        f"RAY_AUTH_MODE=token {head} {store}",
        f"RAY_AUTH_MODE=token srun --het-group=1 {worker} &",
        "",
        "# Slurm ends what is left of Ray together with the job.",
        "trap 'kill -INT ${driver:-$!}' INT TERM",
        f'adamant "$@" --address "$ip:{PORT}" --storage {mount}/runs &',
        "driver=$!",
        "code=0; wait $driver || code=$?",
        "# The first wait ends with the signal, the second with the driver.",
        "if kill -0 $driver 2>/dev/null; then code=0; wait $driver || code=$?; fi",
        "exit $code",
    ]
