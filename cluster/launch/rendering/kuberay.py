"""KubeRay: storage and services, a RayCluster that stays, and a RayJob that brings a cluster and takes it away."""

from __future__ import annotations

from typing import Any

from cluster.launch.cluster_file import HeadPod, KubeCluster, Pods, spot_first
from cluster.launch.rendering.kuberay_services import SERVICES_PORT, services
from cluster.launch.rendering.shared_settings import PORT, TITLE, documents, ray_version
from cluster.ray.session import OBJECT_STORE_BYTES

RAY_USER, GPU = 1000, "nvidia.com/gpu"
NOTE = (
    f"{TITLE}\n"
    "KubeRay 1.5.1 or newer makes the token, keeps it in a Secret and gives it to every pod (authOptions). Ray looks "
    "at worker groups that suit equally in the order of this file, so spot groups come first. The dashboard answers "
    "inside the Kubernetes cluster alone, and with the token:\n"
    "  kubectl --namespace {namespace} port-forward service/{name}-head-svc 8265"
)
# With which GKE keeps other pods away from spot nodes.
SPOT_TAINT = "cloud.google.com/gke-spot"


def render(cluster: KubeCluster) -> dict[str, str]:
    """File names and their text."""
    note = NOTE.format(name=cluster.name, namespace=cluster.namespace)
    spec = _cluster_spec(cluster)
    metadata = {"name": cluster.name, "namespace": cluster.namespace}
    ray_cluster = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": spec}
    job = {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": metadata,
        "spec": {
            "entrypoint": f"adamant run quickstart --address 127.0.0.1:{PORT} --storage {cluster.storage.mount}/runs",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": cluster.idle_minutes * 60,
            # The sweep's own folder says whether it is to be begun or resumed; that is not for Kubernetes to decide.
            "backoffLimit": 0,
            "rayClusterSpec": _cluster_spec(cluster),
        },
    }
    return {
        f"{cluster.name}-shared.yaml": documents(*_shared(cluster)),
        f"{cluster.name}-raycluster.yaml": documents(note, ray_cluster),
        f"{cluster.name}-rayjob.yaml": documents(note, job),
    }


def _shared(cluster: KubeCluster) -> tuple[Any, ...]:
    """A title and the manifests of what outlives a Ray cluster."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": cluster.name, "namespace": cluster.namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": cluster.storage.storage_class,
            "resources": {"requests": {"storage": cluster.storage.size}},
        },
    }
    if not cluster.services:
        return TITLE, claim
    keys = ("postgres-password", "mlflow-password", "mlflow-secret-key")
    literals = " ".join(f'--from-literal={key}="$(openssl rand -hex 24)"' for key in keys)
    title = (
        f"{TITLE}\nOnce, before it:\n"
        f"  kubectl --namespace {cluster.namespace} create secret generic {cluster.name}-services {literals}"
    )
    return title, claim, *services(cluster)


def _cluster_spec(cluster: KubeCluster) -> dict[str, Any]:
    return {
        "rayVersion": ray_version(),
        "authOptions": {"mode": "token"},
        "enableInTreeAutoscaling": True,
        "autoscalerOptions": {
            "version": "v2",
            "idleTimeoutSeconds": cluster.idle_minutes * 60,
            "resources": _resources("500m", "1Gi"),
        },
        "headGroupSpec": {
            "serviceType": "ClusterIP",
            "rayStartParams": {"num-cpus": "0", "num-gpus": "0", "object-store-memory": str(OBJECT_STORE_BYTES)},
            "template": _pod(cluster, "ray-head", cluster.head, {}),
        },
        "workerGroupSpecs": [_group(cluster, name, kind) for name, kind in spot_first(cluster.workers).items()],
    }


def _group(cluster: KubeCluster, name: str, kind: Pods) -> dict[str, Any]:
    tolerated = [GPU] * bool(kind.gpus) + [SPOT_TAINT] * kind.spot + kind.taints
    placing: dict[str, Any] = {"tolerations": [{"key": key, "operator": "Exists"} for key in tolerated]}
    if kind.node_selector:
        placing["nodeSelector"] = dict(kind.node_selector)
    return {
        "groupName": name,
        "replicas": kind.min,
        "minReplicas": kind.min,
        "maxReplicas": kind.max,
        "labels": kind.labels,
        "rayStartParams": {"object-store-memory": str(OBJECT_STORE_BYTES)},
        "template": _pod(cluster, "ray-worker", kind, placing),
    }


def _pod(cluster: KubeCluster, container: str, size: HeadPod | Pods, placing: dict[str, Any]) -> dict[str, Any]:
    gpus = size.gpus if isinstance(size, Pods) else 0
    return {
        "spec": {
            "securityContext": {"runAsNonRoot": True, "runAsUser": RAY_USER, "fsGroup": RAY_USER},
            "containers": [
                {
                    "name": container,
                    "image": cluster.image,
                    "env": [{"name": "RAY_ENABLE_UV_RUN_RUNTIME_ENV", "value": "0"}, *_tracking(cluster)],
                    "resources": _resources(str(size.cpus), size.memory, gpus),
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [{"name": "shared", "mountPath": cluster.storage.mount}],
                }
            ],
            "volumes": [{"name": "shared", "persistentVolumeClaim": {"claimName": cluster.name}}],
            **placing,
        }
    }


def _tracking(cluster: KubeCluster) -> list[dict[str, Any]]:
    """Where the runs go, and with which password, of which this file knows only the name."""
    if not cluster.services:
        return []
    password = {"secretKeyRef": {"name": f"{cluster.name}-services", "key": "mlflow-password"}}
    return [
        {"name": "ADAMANT_TRACKING_URI", "value": f"http://{cluster.name}-mlflow:{SERVICES_PORT}"},
        {"name": "MLFLOW_TRACKING_USERNAME", "value": "admin"},
        {"name": "MLFLOW_TRACKING_PASSWORD", "valueFrom": password},
    ]


def _resources(cpus: str, memory: str, gpus: int = 0) -> dict[str, Any]:
    def amounts() -> dict[str, str]:
        return {"cpu": cpus, "memory": memory} | ({GPU: str(gpus)} if gpus else {})

    return {"requests": amounts(), "limits": amounts()}
