"""KubeRay's manifests: the fields of its resources as far as they matter here, and rules about their pods.

``tests/by_hand/kuberay_fields.py`` compares the fields with the definitions that KubeRay installs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from cluster.launch._plain_data import mapping, mappings, walk
from cluster.launch._value_patterns import is_pinned
from search_spaces.schema.strict_model import Model
from search_spaces.schema.yaml_source import Path

SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN$|API_KEY|ACCESS_KEY")
FIRST_WITH_TOKEN = (2, 52)
RAY_IMAGE = re.compile(r"\brayproject/ray(?:-ml|-llm)?:(\d+\.\d+\.\d+)")
UNITS = {
    **{"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    **{"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40},
}
QUANTITY = re.compile(rf"(\d+(?:\.\d+)?(?:e\d+)?)({'|'.join(UNITS)})")


class _Open(Model):
    """A part of Kubernetes' own, of which only some fields are looked at."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class Container(_Open):
    name: str
    image: str


class PodSpec(_Open):
    containers: list[Container] = Field(min_length=1)


class PodTemplate(_Open):
    spec: PodSpec


class AuthOptions(Model):
    mode: Literal["token"]
    secretName: str | None = None  # noqa: N815
    enableK8sTokenAuth: bool | None = None  # noqa: N815


class Group(Model):
    template: PodTemplate
    rayStartParams: dict[str, str] = Field(default_factory=dict)  # noqa: N815
    resources: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class HeadGroup(Group):
    serviceType: Literal["ClusterIP"] = "ClusterIP"  # noqa: N815
    headService: Any = None  # noqa: N815
    enableIngress: Literal[False] | None = None  # noqa: N815
    ingressOptions: Any = None  # noqa: N815

    @model_validator(mode="after")
    def _check_trials(self) -> HeadGroup:
        if self.rayStartParams.get("num-cpus") != "0":
            raise ValueError("the head runs no trials: write num-cpus: '0' under rayStartParams")
        return self


class WorkerGroup(Group):
    groupName: str  # noqa: N815
    replicas: int | None = Field(default=None, ge=0)
    minReplicas: int = Field(default=0, ge=0)  # noqa: N815
    maxReplicas: int = Field(ge=0)  # noqa: N815
    idleTimeoutSeconds: int | None = None  # noqa: N815
    numOfHosts: int | None = None  # noqa: N815
    priority: int | None = None
    scaleStrategy: Any = None  # noqa: N815
    suspend: bool | None = None

    @model_validator(mode="after")
    def _check_counts(self) -> WorkerGroup:
        if self.minReplicas > self.maxReplicas:
            raise ValueError(
                f"minReplicas ({self.minReplicas}) must not be greater than maxReplicas ({self.maxReplicas})"
            )
        return self


class ClusterSpec(Model):
    rayVersion: str  # noqa: N815
    authOptions: AuthOptions  # noqa: N815
    enableInTreeAutoscaling: bool | None = None  # noqa: N815
    autoscalerOptions: dict[str, Any] | None = None  # noqa: N815
    headGroupSpec: HeadGroup  # noqa: N815
    workerGroupSpecs: list[WorkerGroup] = Field(default_factory=list)  # noqa: N815
    gcsFaultToleranceOptions: Any = None  # noqa: N815
    headServiceAnnotations: dict[str, str] | None = None  # noqa: N815
    upgradeStrategy: Any = None  # noqa: N815
    networkPolicy: Any = None  # noqa: N815
    tlsOptions: Any = None  # noqa: N815
    historyServerOptions: Any = None  # noqa: N815
    managedBy: str | None = None  # noqa: N815
    suspend: bool | None = None

    @model_validator(mode="after")
    def _check_version(self) -> ClusterSpec:
        numbers = re.match(r"(\d+)\.(\d+)", self.rayVersion)
        if numbers is None or tuple(int(number) for number in numbers.groups()) < FIRST_WITH_TOKEN:
            raise ValueError(f"rayVersion ({self.rayVersion}) must be 2.52 or newer, which has token authentication")
        return self


class JobSpec(Model):
    entrypoint: str | None = None
    rayClusterSpec: ClusterSpec | None = None  # noqa: N815
    clusterSelector: dict[str, str] | None = None  # noqa: N815
    shutdownAfterJobFinishes: bool | None = None  # noqa: N815
    ttlSecondsAfterFinished: int | None = None  # noqa: N815
    preRunningDeadlineSeconds: int | None = None  # noqa: N815
    activeDeadlineSeconds: int | None = None  # noqa: N815
    backoffLimit: int | None = None  # noqa: N815
    submissionMode: str | None = None  # noqa: N815
    submitterPodTemplate: Any = None  # noqa: N815
    submitterConfig: Any = None  # noqa: N815
    runtimeEnvYAML: str | None = None  # noqa: N815
    entrypointNumCpus: float | None = None  # noqa: N815
    entrypointNumGpus: float | None = None  # noqa: N815
    entrypointResources: str | None = None  # noqa: N815
    deletionStrategy: Any = None  # noqa: N815
    metadata: dict[str, str] | None = None
    jobId: str | None = None  # noqa: N815
    managedBy: str | None = None  # noqa: N815
    suspend: bool | None = None

    @model_validator(mode="after")
    def _check_entrypoint(self) -> JobSpec:
        if self.entrypoint is None and self.submissionMode != "InteractiveMode":
            raise ValueError("entrypoint is missing, which only submissionMode: InteractiveMode goes without")
        return self


class RayCluster(Model):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayCluster"]
    metadata: dict[str, Any]
    spec: ClusterSpec


class RayJob(Model):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayJob"]
    metadata: dict[str, Any]
    spec: JobSpec


RESOURCES: dict[str, type[RayCluster] | type[RayJob]] = {"RayCluster": RayCluster, "RayJob": RayJob}


def problems(manifest: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong with the containers of any manifest: images that change, secrets in the open, disks that go."""
    for path, value in walk(manifest):
        if path[-1:] == ("image",) and isinstance(value, str) and not is_pinned(value):
            yield path, f"{value!r} changes under your feet: name a version or a digest"
        part = mapping(value)
        if SECRET_NAME.search(str(part.get("name", ""))) and part.get("value"):
            yield (*path, "value"), "a secret stands in the file: take it from a Secret with valueFrom.secretKeyRef"
        if "headGroupSpec" in part:
            yield from (((*path, *below), message) for below, message in _cluster_problems(part))
        if "image" in part:
            yield from (((*path, "resources", *below), message) for below, message in _resource_problems(part))
        if "groupName" in part and _is_spot(part) and not _has_claim(part):
            name = part["groupName"]
            yield path, f"{name} runs on spot nodes, which take their disks with them: mount a volume claim for all"


def _cluster_problems(spec: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """What is wrong between the parts of a Ray cluster."""
    groups = [(("headGroupSpec",), mapping(spec["headGroupSpec"]))]
    workers = mappings(spec.get("workerGroupSpecs"))
    groups += [(("workerGroupSpecs", index), group) for index, group in enumerate(workers)]
    version = str(spec.get("rayVersion", ""))
    for path, group in groups:
        for index, container in enumerate(mappings(_pod_spec(group).get("containers"))):
            place = (*path, "template", "spec", "containers", index)
            found = RAY_IMAGE.search(str(container.get("image", "")))
            if found and found[1] != version:
                yield (*place, "image"), f"Ray {found[1]} stands in this image, and rayVersion is {version}"
            limits = mapping(mapping(container.get("resources")).get("limits"))
            if index == 0 and not {"cpu", "memory"} <= set(limits):
                yield (*place, "resources"), "Ray takes its node's cores and memory from limits: write cpu and memory"
    if not workers:
        yield ("workerGroupSpecs",), "the head runs no trials, and there are no workers"
    for index, group in enumerate(workers):
        replicas, most = group.get("replicas"), group.get("maxReplicas")
        if not spec.get("enableInTreeAutoscaling") and replicas != most:
            yield (
                ("workerGroupSpecs", index, "maxReplicas"),
                f"without enableInTreeAutoscaling: true there are never more than replicas ({replicas})",
            )


def _resource_problems(container: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Requests that Kubernetes does not grant."""
    resources = mapping(container.get("resources"))
    requests, limits = mapping(resources.get("requests")), mapping(resources.get("limits"))
    for name in sorted(requests.keys() & limits.keys()):
        asked, most = _quantity(requests[name]), _quantity(limits[name])
        if asked is None or most is None:
            yield ("requests" if asked is None else "limits", name), "is no amount, such as 500m, 2 or 4Gi"
        elif asked > most:
            yield ("requests", name), f"{requests[name]} is more than the limit of {limits[name]}"


def _quantity(given: Any) -> float | None:
    """A quantity of Kubernetes as a number; None for what is none."""
    found = QUANTITY.fullmatch(str(given))
    return None if found is None else float(found[1]) * UNITS[found[2]]


def _pod_spec(group: dict[str, Any]) -> dict[str, Any]:
    return mapping(mapping(group.get("template")).get("spec"))


def _is_spot(group: dict[str, Any]) -> bool:
    labels = {**mapping(group.get("labels")), **mapping(_pod_spec(group).get("nodeSelector"))}
    # Such as ray.io/market-type: spot, cloud.google.com/gke-spot: "true", karpenter.sh/capacity-type: spot.
    return any("spot" in f"{key}={value}".lower() for key, value in labels.items())


def _has_claim(group: dict[str, Any]) -> bool:
    return any("persistentVolumeClaim" in volume for volume in mappings(_pod_spec(group).get("volumes")))
