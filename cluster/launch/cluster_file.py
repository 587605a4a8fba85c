"""The cluster file: where a Ray cluster runs, on which machines and with which storage, as validated models.

Ten lines that a user edits; :mod:`cluster.launch.rendering` makes the provider's own launch files of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from cluster.launch._value_patterns import (
    MOST_CORES,
    MOST_GPUS,
    MOST_MACHINES,
    MOST_MINUTES,
    Artifacts,
    ClusterName,
    ContainerImage,
    Folder,
    Host,
    KeyFile,
    Label,
    LabelKey,
    Range,
    User,
    Word,
)
from optimizers import InputError, did_you_mean
from search_spaces.schema.strict_model import Model
from search_spaces.schema.validation import validated
from search_spaces.schema.yaml_source import Document, load_yaml, read_text


class Storage(Model):
    """Folders that all nodes see. Trial folders need a POSIX rename, which an object store does not have."""

    mount: Folder = Field(description="where the shared folder appears on every node")
    artifacts: Artifacts = Field(description="s3://, gs:// or a folder under mount, for MLflow's artefacts")

    @property
    def services(self) -> str:
        """Folder of PostgreSQL's data and of the services' secrets, which outlives the head."""
        return f"{self.mount}/services"

    @model_validator(mode="after")
    def _check_artifacts(self) -> Storage:
        if self.artifacts.startswith("/") and not self.artifacts.startswith(f"{self.mount}/"):
            raise ValueError(f"artifacts ({self.artifacts}) must be s3://, gs:// or a folder under {self.mount}")
        return self


class NfsStorage(Storage):
    shared: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*:/([A-Za-z0-9_.-][A-Za-z0-9_./-]*)?$")] = Field(
        description="NFS export, such as fs-0123456789abcdef0.efs.us-west-2.amazonaws.com:/"
    )


class ClaimedStorage(Storage):
    size: Annotated[str, Field(pattern=r"^[0-9]+(Gi|Ti)$")] = Field(description="of the volume claim, such as 100Gi")
    storage_class: Word = Field(description="a StorageClass that offers ReadWriteMany, such as efs-sc")


class Kind(Model):
    """One kind of worker."""

    cpus: int = Field(ge=1, le=MOST_CORES, description="cores of one worker")
    gpus: int = Field(default=1, ge=0, le=MOST_GPUS)
    accelerator: Label | None = Field(default=None, description="Ray's name of the GPU, such as L4 or A100")
    min: int = Field(default=0, ge=0, le=MOST_MACHINES, description="workers kept even when idle")
    max: int = Field(ge=1, le=MOST_MACHINES, description="workers at most")
    spot: bool = Field(default=False, strict=False, description="cheaper machines that the provider may take away")

    @model_validator(mode="after")
    def _check_counts(self) -> Kind:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) must not be greater than max ({self.max})")
        return self

    @property
    def labels(self) -> dict[str, str]:
        """Ray's labels of its nodes, for label selectors."""
        labels = {"ray.io/market-type": "spot" if self.spot else "on-demand"}
        return labels | ({"ray.io/accelerator-type": self.accelerator} if self.accelerator else {})


AnyKind = TypeVar("AnyKind", bound=Kind)


class Machines(Kind):
    machine: Word = Field(description="the provider's name of the machine, such as g6.2xlarge")


class Pods(Kind):
    memory: Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")] = Field(description="of one worker, such as 32Gi")
    node_selector: dict[LabelKey, Label] = Field(default_factory=dict, description="labels of the nodes it may run on")
    taints: list[LabelKey] = Field(
        default_factory=list, description="keys of taints that it tolerates beside nvidia.com/gpu"
    )


class Head(Model):
    machine: Word


class HeadPod(Model):
    cpus: int = Field(default=2, ge=1, le=MOST_CORES)
    memory: Annotated[str, Field(pattern=r"^[0-9]+(Mi|Gi)$")] = "8Gi"


class Base(Model):
    """What every cluster has."""

    name: ClusterName
    idle_minutes: int = Field(
        default=10, ge=1, le=MOST_MINUTES, description="an idle worker is given back after so many"
    )
    services: bool = Field(
        default=False, strict=False, description="whether the head also runs PostgreSQL and an MLflow server"
    )


class CloudCluster(Base):
    """Machines that Ray's cluster launcher asks a cloud for."""

    zone: Word = Field(description="of the region, such as us-west-2a or us-central1-a; the storage should lie there")
    ssh_from: Range = Field(description="the only addresses that reach the machines, by SSH, such as 203.0.113.7/32")
    ssh_user: User = "ubuntu"
    head: Head
    workers: dict[Word, Machines] = Field(min_length=1)
    storage: NfsStorage


class AwsCluster(CloudCluster):
    provider: Literal["aws"]
    region: Word
    image: Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")] = Field(
        description="AMI of this region with Python 3.11 or newer, and with NVIDIA's driver where workers have GPUs"
    )
    security_group: Annotated[str, Field(pattern=r"^sg-[0-9a-f]{8,17}$")] = Field(
        description="made once from the rendered network file; a group that Ray makes opens SSH to the world"
    )
    ssh_key: KeyFile | None = Field(
        default=None,
        strict=False,
        description="private key of an EC2 key pair that has the file's name; Ray makes a pair when left out",
    )


class GcpCluster(CloudCluster):
    provider: Literal["gcp"]
    region: Word
    project: Word
    image: Annotated[str, Field(pattern=r"^projects/[A-Za-z0-9_.:-]+/global/images/[A-Za-z0-9_-]+$")] = Field(
        description="projects/PROJECT/global/images/NAME; a family changes under your feet"
    )

    @model_validator(mode="after")
    def _check_machines(self) -> GcpCluster:
        for name, kind in self.workers.items():
            if kind.gpus and kind.machine.startswith(("n1-", "n2-", "e2-")):
                raise ValueError(
                    f"workers.{name}: {kind.machine} has no GPU built in; take one that has, such as g2-standard-8"
                )
        return self


class LocalCluster(Base):
    """Machines that are there: the head asks none to start or stop, but joins them by SSH."""

    provider: Literal["local"]
    head_ip: Host
    worker_ips: list[Host] = Field(min_length=1)
    ssh_user: User
    ssh_key: KeyFile | None = Field(
        default=None,
        strict=False,
        description="private key, which the head gets too; else it needs one for its workers",
    )
    environment: Folder = Field(description="Python environment with Adamant, at this path on every node")
    storage: Storage

    @model_validator(mode="after")
    def _check_addresses(self) -> LocalCluster:
        if self.head_ip in self.worker_ips or len(set(self.worker_ips)) < len(self.worker_ips):
            raise ValueError("every node has an address of its own, and the head is none of the workers")
        return self


class KubeCluster(Base):
    provider: Literal["kuberay"]
    namespace: ClusterName = "default"
    image: ContainerImage = Field(description="with Adamant and Ray's version installed, by tag or digest")
    head: HeadPod = Field(default_factory=HeadPod)
    workers: dict[ClusterName, Pods] = Field(min_length=1)
    storage: ClaimedStorage


class SlurmCluster(Base):
    """A head without GPUs and its workers as one heterogeneous job; all of it ends with the sweep."""

    provider: Literal["slurm"]
    partition: Word = Field(description="of the workers")
    head_partition: Word = Field(description="of the head, which needs no GPU")
    account: Word | None = None
    nodes: int = Field(ge=1, le=MOST_MACHINES, description="workers")
    gpus_per_node: int = Field(default=0, ge=0, le=MOST_GPUS)
    time: Annotated[str, Field(pattern=r"^([0-9]{1,4}-)?[0-9]{1,2}:[0-9]{2}:[0-9]{2}$")] = Field(
        description="such as 08:00:00"
    )
    environment: Folder = Field(description="Python environment with Adamant, at this path on every node")
    storage: Storage

    @model_validator(mode="after")
    def _check_services(self) -> SlurmCluster:
        if self.services:
            raise ValueError("services: a job on Slurm ends with its sweep; run the MLflow server outside of it")
        return self


Cluster = AwsCluster | GcpCluster | LocalCluster | KubeCluster | SlurmCluster
PROVIDERS: dict[str, type[Cluster]] = {
    "aws": AwsCluster,
    "gcp": GcpCluster,
    "local": LocalCluster,
    "kuberay": KubeCluster,
    "slurm": SlurmCluster,
}


def load_cluster(path: str | Path) -> Cluster:
    """Read a cluster file. Raises InputError when there is none or when anything in it is wrong."""
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such cluster file")
    return parse_cluster(load_yaml(read_text(Path(path)), str(path)))


def parse_cluster(document: Document) -> Cluster:
    """A validated cluster. Raises InputError."""
    if not isinstance(document.data, dict):
        raise document.error((), "a cluster file is a mapping with name, provider and what the provider needs")
    provider = document.data.get("provider")
    if not isinstance(provider, str) or provider not in PROVIDERS:
        raise document.error(
            ("provider",), f"{provider!r} is none of {', '.join(PROVIDERS)}.{did_you_mean(str(provider), PROVIDERS)}"
        )
    return validated(PROVIDERS[provider], document, _wording)


def _wording(path: tuple[str | int, ...], details: Mapping[str, Any]) -> str | None:
    """What a cluster file says better than pydantic: what a value looks like stands in its description."""
    if details["type"] != "string_pattern_mismatch" or "[key]" in details["loc"]:
        return None
    if path == ("name",):
        return f"{details['input']!r} is no name: use small letters, digits and '-'"
    return EXPECTED.get(str(path[-1]), "").format(given=repr(details["input"])) or None


EXPECTED = {
    "image": "{given} is no pinned image: write ami-0123456789abcdef0 or projects/PROJECT/global/images/NAME",
    "security_group": "{given} is no security group: write its id, such as sg-0123456789abcdef0",
    "shared": "{given} is no NFS export: write HOST:/FOLDER",
    "artifacts": "{given} is no place for artefacts: write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or a folder",
    "mount": "{given} is no absolute folder, such as /mnt/adamant",
    "environment": "{given} is no absolute folder, such as /opt/adamant",
    "memory": "{given} is no amount of memory, such as 32Gi",
    "size": "{given} is no size of a volume, such as 100Gi",
    "time": "{given} is no time limit, such as 08:00:00 or 2-00:00:00",
}


def spot_first(workers: Mapping[str, AnyKind]) -> dict[str, AnyKind]:
    """Workers by name, spot kinds first: the order in which Ray's autoscaler looks at kinds that suit equally."""
    return dict(sorted(workers.items(), key=lambda item: not item[1].spot))
