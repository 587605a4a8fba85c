"""The example cluster files, and what they render to."""

from __future__ import annotations

from typing import Any

from cluster.launch.cluster_file import parse_cluster
from cluster.launch.rendering import render
from search_spaces.schema.yaml_source import Document, load_yaml
from tests.conftest import REPOSITORY

LAUNCH = REPOSITORY / "cluster" / "launch"
RENDERED = LAUNCH / "rendered"
EXAMPLES = sorted(path.stem for path in LAUNCH.glob("*.yaml"))
FILES = {
    "aws": {"sweeps.yaml", "sweeps-network.yaml"},
    "gcp": {"sweeps.yaml", "sweeps-network.sh"},
    "on-premise": {"lab.yaml"},
    "kuberay": {"sweeps-shared.yaml", "sweeps-raycluster.yaml", "sweeps-rayjob.yaml"},
    "slurm": {"sweeps.sbatch"},
}
LAUNCHER = {"aws": "sweeps.yaml", "gcp": "sweeps.yaml", "on-premise": "lab.yaml"}


# What users put in place of the examples' values.
OWN = {
    "ami-0123456789abcdef0": "ami-0a1b2c3d4e5f60718",
    "sg-0123456789abcdef0": "sg-0a1b2c3d4e5f60718",
    "fs-0123456789abcdef0": "fs-0a1b2c3d4e5f60718",
    "203.0.113.7/32": "131.215.9.1/32",
    "my-bucket": "lab-sweeps",
    "my-project": "lab-research",
    "registry.example.org": "registry.lab.ac.uk",
}


def filled(text: str) -> str:
    """An example, or what it renders to, with a user's own values."""
    for example, own in OWN.items():
        text = text.replace(example, own)
    return text


def rendered(example: str, **changed: Any) -> dict[str, str]:
    data = load_yaml((LAUNCH / f"{example}.yaml").read_text(), example).data
    return render(parse_cluster(Document({**data, **changed}, example)))


def launcher(example: str, **changed: Any) -> dict[str, Any]:
    return load_yaml(rendered(example, **changed)[LAUNCHER[example]], example).data


def ray_cluster() -> dict[str, Any]:
    return load_yaml(rendered("kuberay")["sweeps-raycluster.yaml"], "ray").data
