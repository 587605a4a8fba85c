"""The provider's own launch files, made of a :mod:`cluster.launch.cluster_file` by the templates beside this module."""

from __future__ import annotations

import math
import shlex
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster.launch.cluster_file import Cluster, spot_first
from cluster.ray.session import OBJECT_STORE_BYTES, ROOMS
from optimizers import InputError
from optimizers.files import atomic_write
from search_spaces.schema.yaml_source import dump_yaml

# By provider, the ends of its files' names, which begin with the cluster's, and their templates.
TEMPLATES = {
    "aws": {".yaml": "aws.yaml.j2", "-network.yaml": "aws-network.yaml.j2"},
    "gcp": {".yaml": "gcp.yaml.j2", "-network.sh": "gcp-network.sh.j2"},
    "local": {".yaml": "local.yaml.j2"},
    "kuberay": {
        "-shared.yaml": "kuberay-shared.yaml.j2",
        "-raycluster.yaml": "kuberay-raycluster.yaml.j2",
        "-rayjob.yaml": "kuberay-rayjob.yaml.j2",
    },
    "slurm": {".sbatch": "slurm.sbatch.j2"},
}


def render(cluster: Cluster) -> dict[str, str]:
    """Return the launch files of ``cluster``: their names and their text."""
    return {
        f"{cluster.name}{end}": _ENVIRONMENT.get_template(template).render(cluster=cluster)
        for end, template in TEMPLATES[cluster.provider].items()
    }


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


def _yaml(value: Any) -> str:
    """Return a value of the user's as a YAML scalar on one line, quoted where it must be."""
    text = dump_yaml([str(value)], width=math.inf).removeprefix("- ").rstrip("\n")
    if len(text.splitlines()) > 1:
        text = yaml.safe_dump(str(value), default_style='"', width=math.inf).rstrip("\n")
    return text


def _folded(command: str) -> str:
    """Return a shell command as an item of a YAML list, folded where its line would be long."""
    return dump_yaml([" ".join(filter(None, command.split("\n")))]).removeprefix("- ").rstrip("\n")


FILTERS = {"yaml": _yaml, "folded": _folded, "shell": shlex.quote, "spot_first": spot_first}
"""What the templates write values of the user's with."""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cluster.launch"),
        undefined=StrictUndefined,
        autoescape=False,  # the files are no HTML; each template quotes for the language that it is written in
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FILTERS
    environment.globals |= {
        "object_store_bytes": OBJECT_STORE_BYTES,
        "ray_version": version("ray"),
        "rooms": ROOMS,
    }
    return environment


_ENVIRONMENT = _environment()
