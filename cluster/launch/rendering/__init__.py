"""The provider's own launch files, made from a :mod:`cluster.launch.cluster_file`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from cluster.launch.cluster_file import AwsCluster, Cluster, GcpCluster, KubeCluster, LocalCluster
from cluster.launch.rendering import aws, gcp, kuberay, local, slurm
from optimizers import InputError
from optimizers.files import atomic_write


def render(cluster: Cluster) -> dict[str, str]:
    """The launch files of ``cluster``: their names and their text."""
    if isinstance(cluster, AwsCluster):
        return aws.render(cluster)
    if isinstance(cluster, GcpCluster):
        return gcp.render(cluster)
    if isinstance(cluster, LocalCluster):
        return local.render(cluster)
    if isinstance(cluster, KubeCluster):
        return kuberay.render(cluster)
    return slurm.render(cluster)


def write(cluster: Cluster, folder: Path, kept: Path) -> list[Path]:
    """Write the launch files of ``cluster`` into ``folder``, all or none.

    Raises InputError when one of them would take the place of ``kept``, or when the folder cannot be written.
    """
    files = {folder / name: text for name, text in render(cluster).items()}
    for path in files:
        if path.resolve() == kept.resolve():
            raise InputError(
                f"{path}: this launch file would take the cluster file's place; choose a folder with --out"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as all_written:
            for path, text in files.items():
                all_written.enter_context(atomic_write(path)).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: the launch files cannot be written ({error})") from None
    return list(files)
