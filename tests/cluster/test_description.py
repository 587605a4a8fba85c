"""Cluster files: what they hold, and one sentence with file and line for whatever is wrong in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cluster.launch.cluster_file import AwsCluster, load_cluster, parse_cluster, spot_first
from optimizers import InputError
from search_spaces.schema.yaml_source import load_yaml
from tests.conftest import REPOSITORY

LAUNCH = REPOSITORY / "cluster" / "launch"
AWS = (LAUNCH / "aws.yaml").read_text()


def test_a_cluster_file_is_read() -> None:
    cluster = load_cluster(LAUNCH / "aws.yaml")
    assert isinstance(cluster, AwsCluster)
    assert cluster.ssh_from == "203.0.113.7/32"
    assert cluster.workers["l4-spot"].spot
    assert cluster.workers["l4"].labels == {
        "ray.io/market-type": "on-demand",
        "ray.io/accelerator-type": "L4",
    }


def test_spot_kinds_come_first_whatever_the_order_of_the_file() -> None:
    lines = AWS.splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines) if "l4-spot:" in line)
    lines[first], lines[first + 1] = lines[first + 1], lines[first]
    cluster = parse_cluster(load_yaml("".join(lines), "c.yaml"))
    assert isinstance(cluster, AwsCluster)
    assert list(cluster.workers) == ["l4", "l4-spot"]
    assert list(spot_first(cluster.workers)) == ["l4-spot", "l4"]


# File, what is replaced in it, by what, and what is said of it.
BAD = {
    "unknown key": ("aws", "ssh_from:", "ssh_form:", r"c.yaml:7: ssh_form: unknown key.*Did you mean \"ssh_from\"\?"),
    "unknown key of a worker": ("aws", "max: 2}", "maximum: 2}", r"c.yaml:12: workers.l4.maximum: unknown key"),
    "unknown provider": ("aws", "provider: aws", "provider: awz", r"c.yaml:3: provider: 'awz' is none.*mean \"aws\""),
    "provider left out": ("aws", "provider: aws\n", "", r"c.yaml:2: provider: None is none of aws, gcp, local"),
    "missing key": ("aws", "zone: us-west-2a\n", "", r"c.yaml:2: zone: required key is missing"),
    "SSH from everywhere": ("aws", "203.0.113.7/32", "0.0.0.0/0", r"c.yaml:7: ssh_from: 0.0.0.0/0 opens SSH to much"),
    "a range with a scope": ("gcp", "203.0.113.7/32", "'2001:db8::%x,3.0.0.0/8'", r"ssh_from: .* is no range"),
    "SSH from all of IPv6": ("gcp", "203.0.113.7/32", "'::/0'", r"c.yaml:8: ssh_from: ::/0 opens SSH to much of the"),
    "SSH from half of the world": (
        "aws",
        "203.0.113.7/32",
        "128.0.0.0/1",
        r"c.yaml:7: ssh_from: 128.0.0.0/1 opens SSH",
    ),
    "SSH from no range": ("aws", "203.0.113.7/32", "home", r"c.yaml:7: ssh_from: 'home' is no range of addresses"),
    "min over max": ("aws", "max: 2}", "min: 3, max: 2}", r"c.yaml:12: workers.l4: min \(3\) must not be greater"),
    "text for a number": (
        "aws",
        "cpus: 8, accelerator: L4, max: 2",
        "cpus: many, max: 2",
        r"workers.l4.cpus: must be a whole number",
    ),
    "no AMI": ("aws", "ami-0123456789abcdef0", "ubuntu-24.04", r"c.yaml:6: image: 'ubuntu-24.04' is no pinned image"),
    "an image family": ("gcp", "images/adamant-2026-11", "images/family/x", r"c.yaml:7: image: .* is no pinned image"),
    "an image without a tag": ("kuberay", "adamant:0.1.0", "adamant", r"image: .* changes under your feet"),
    "the latest image": ("kuberay", "adamant:0.1.0", "adamant:latest-gpu", r"image: .* changes under your feet"),
    "a name of the group": ("aws", "sg-0123456789abcdef0", "mine", r"security_group: 'mine' is no security group"),
    "trial folders in S3": ("aws", "fs-0123456789abcdef0.efs.us-west-2.amazonaws.com:/", "s3://b", r"is no NFS export"),
    "artefacts nowhere": ("aws", "s3://my-bucket/adamant", "here", r"storage.artifacts: 'here' is no place for artef"),
    "artefacts on one node": ("aws", "s3://my-bucket/adamant", "/tmp/a", r"storage: artifacts \(/tmp/a\) must be"),
    "a mount that is no folder": (
        "aws",
        "mount: /mnt/adamant",
        "mount: adamant",
        r"storage.mount: 'adamant' is no abs",
    ),
    "no GPU in the machine": (
        "gcp",
        "g2-standard-8, cpus: 8, accelerator: L4, max: 2",
        "n1-standard-8, cpus: 8, max: 2",
        r"workers.l4: n1-standard-8 has no GPU built in",
    ),
    "a shell in the name": ("aws", "name: sweeps", "name: a;reboot", r"c.yaml:2: name: 'a;reboot' is no name"),
    "the head among the workers": ("on-premise", "192.168.1.11,", "192.168.1.10,", r"the head is none of the workers"),
    "services on Slurm": ("slurm", "provider: slurm", "provider: slurm\nservices: true", r"services: a job on Slurm"),
    "no time": ("slurm", '"08:00:00"', "tomorrow", r"time: 'tomorrow' is no time limit, such as 08:00:00"),
    "a key twice": (
        "aws",
        "region: us-west-2",
        "region: a\nregion: us-west-2",
        r"c.yaml:5: region: duplicate key; it stands al",
    ),
    "no mapping": ("aws", AWS, "- a\n", r"c.yaml:1: a cluster file is a mapping with name, provider"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_sentence_with_its_place(case: str) -> None:
    file, old, new, said = BAD[case]
    text = (LAUNCH / f"{file}.yaml").read_text()
    assert old in text
    with pytest.raises(InputError) as error:
        parse_cluster(load_yaml(text.replace(old, new), "c.yaml"))
    assert re.search(said, str(error.value)), str(error.value)
    assert str(error.value).startswith("c.yaml:")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.yaml: there is no such cluster file"):
        load_cluster(tmp_path / "none.yaml")
