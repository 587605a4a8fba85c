"""PostgreSQL and the MLflow server on Kubernetes, with passwords from a Secret that these manifests only name."""

from __future__ import annotations

from typing import Any

from cluster.launch.cluster_file import KubeCluster

POSTGRES_IMAGE, POSTGRES_PORT, POSTGRES_USER = "postgres:17.2", 5432, 999
POSTGRES_DISK = "20Gi"
SERVICES_PORT = 5000


def services(cluster: KubeCluster) -> tuple[dict[str, Any], ...]:
    """Manifests of both, each with its Service."""
    database, server = f"{cluster.name}-postgres", f"{cluster.name}-mlflow"
    return (
        _service(cluster, database, POSTGRES_PORT),
        _database(cluster, database),
        _service(cluster, server, SERVICES_PORT),
        _server(cluster, server, database),
    )


def _service(cluster: KubeCluster, name: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(cluster, name),
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": [{"port": port, "targetPort": port}]},
    }


def _database(cluster: KubeCluster, name: str) -> dict[str, Any]:
    container = {
        "name": "postgres",
        "image": POSTGRES_IMAGE,
        "env": [
            {"name": "POSTGRES_DB", "value": "mlflow"},
            {"name": "POSTGRES_USER", "value": "mlflow"},
            _secret(cluster, "POSTGRES_PASSWORD", "postgres-password"),
            {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
        ],
        "ports": [{"containerPort": POSTGRES_PORT}],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-U", "mlflow"]}},
        "resources": _resources("500m", "1Gi"),
        "securityContext": _confined(),
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql/data"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(cluster, name),
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"securityContext": _user(POSTGRES_USER), "containers": [container]},
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": POSTGRES_DISK}},
                    },
                }
            ],
        },
    }


def _server(cluster: KubeCluster, name: str, database: str) -> dict[str, Any]:
    # Kubernetes puts the password in place of $(POSTGRES_PASSWORD), into the environment: whoever sees the node's
    # processes sees their command lines.
    store = f"postgresql://mlflow:$(POSTGRES_PASSWORD)@{database}:{POSTGRES_PORT}/mlflow"
    hosts = f"{name}:{SERVICES_PORT},{name}.{cluster.namespace}.svc:{SERVICES_PORT},127.0.0.1:*,localhost:*"
    artifacts = cluster.storage.artifacts
    container: dict[str, Any] = {
        "name": "mlflow",
        "image": cluster.image,
        "command": ["mlflow", "server", "--app-name=basic-auth"],
        # Where MLflow's own table of users lies: it has one, made again from the Secret whenever the pod starts.
        "workingDir": "/tmp",
        "args": [
            "--host=0.0.0.0",
            f"--port={SERVICES_PORT}",
            f"--allowed-hosts={hosts}",
            f"--artifacts-destination={artifacts}",
        ],
        "env": [
            _secret(cluster, "POSTGRES_PASSWORD", "postgres-password"),
            {"name": "MLFLOW_BACKEND_STORE_URI", "value": store},
            _secret(cluster, "MLFLOW_AUTH_ADMIN_PASSWORD", "mlflow-password"),
            _secret(cluster, "MLFLOW_FLASK_SERVER_SECRET_KEY", "mlflow-secret-key"),
            {"name": "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "value": "false"},
            {"name": "MLFLOW_DISABLE_TELEMETRY", "value": "1"},
        ],
        "ports": [{"containerPort": SERVICES_PORT}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": SERVICES_PORT}},
        "resources": _resources("1", "2Gi"),
        "securityContext": _confined(),
        "volumeMounts": [{"name": "shared", "mountPath": cluster.storage.mount}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(cluster, name),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "securityContext": _user(1000),
                    "containers": [container],
                    "volumes": [{"name": "shared", "persistentVolumeClaim": {"claimName": cluster.name}}],
                },
            },
        },
    }


def _metadata(cluster: KubeCluster, name: str) -> dict[str, Any]:
    return {"name": name, "namespace": cluster.namespace, "labels": {"app": name}}


def _secret(cluster: KubeCluster, variable: str, key: str) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": f"{cluster.name}-services", "key": key}}}


def _resources(cpus: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpus, "memory": memory}, "limits": {"memory": memory}}


def _user(number: int) -> dict[str, Any]:
    return {"runAsNonRoot": True, "runAsUser": number, "fsGroup": number}


def _confined() -> dict[str, Any]:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
