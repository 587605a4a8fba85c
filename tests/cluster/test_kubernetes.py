"""Clusters on Kubernetes, as far as kubectl: with a stand-in that writes down what it is asked."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from rich.console import Console

from cluster.cli.ui import open_tunnels
from cluster.launch import clusters
from cluster.launch.cluster_file import Cluster, load_cluster
from optimizers import InputError
from tests.cluster.launch import LAUNCH

# It notes its arguments and the kinds in a file that it is given, answers a `get`, and listens as a port-forward does.
KUBECTL = """\
#!{python}
import base64, json, re, socket, sys, time
given = sys.argv[1:]
files = [open(given[i + 1]).read() for i, each in enumerate(given) if each == "--filename"]
with open({notes!r}, "a") as notes:
    print(json.dumps([given, re.findall(r"(?m)^kind: (\\S+)", "".join(files))]), file=notes)
answers = {{"pod": {pod!r}, "secret": {secret!r}}}
if given[0] == "get":
    print(answers[given[3]], end="")
if given[0] == "port-forward":
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", int(given[-1].partition(":")[0])))
        listening.listen()
        time.sleep(60)
"""
NAMESPACE = ["--namespace", "research"]
TOKEN = "of-this-cluster"


class Kubectl:
    """The stand-in's notes, and what it answers."""

    def __init__(self, folder: Path) -> None:
        self._program, self._notes = folder / "kubectl", folder / "notes"
        self.answer("pod/sweeps-head-x\n", base64.b64encode(TOKEN.encode()).decode())

    def answer(self, pod: str, secret: str) -> None:
        text = KUBECTL.format(python=sys.executable, notes=str(self._notes), pod=pod, secret=secret)
        self._program.write_text(text)
        self._program.chmod(0o755)

    @property
    def asked(self) -> list[list[str]]:
        """Its arguments, call by call, with the kinds in place of a file."""
        calls = [json.loads(line) for line in self._notes.read_text().splitlines()]
        return [[*given[: given.index("--filename")], *kinds] if kinds else given for given, kinds in calls]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    return Kubectl(tmp_path)


@pytest.fixture
def described() -> Cluster:
    return load_cluster(LAUNCH / "kuberay.yaml")


def test_up_applies_what_is_shared_before_the_cluster_and_no_job(kubectl: Kubectl, described: Cluster) -> None:
    clusters.up(described)
    database = ["Service", "NetworkPolicy", "ConfigMap", "StatefulSet"]
    shared = ["PersistentVolumeClaim", "NetworkPolicy", *database, "Service", "NetworkPolicy", "Deployment"]
    assert kubectl.asked == [["apply", *NAMESPACE, *shared], ["apply", *NAMESPACE, "RayCluster"]]


def test_down_takes_away_the_ray_cluster_alone(kubectl: Kubectl, described: Cluster) -> None:
    clusters.down(described)
    assert kubectl.asked == [["delete", *NAMESPACE, "--ignore-not-found", "RayCluster"]]


def test_attach_opens_a_shell_in_the_heads_pod(kubectl: Kubectl, described: Cluster) -> None:
    assert clusters.attach(described) == 0
    head = "ray.io/cluster=sweeps,ray.io/node-type=head"
    assert kubectl.asked == [
        ["get", *NAMESPACE, "pod", "--selector", head, "--output", "name"],
        ["exec", *NAMESPACE, "-it", "pod/sweeps-head-x", "--", "bash"],
    ]


def test_attach_says_that_there_is_no_head(kubectl: Kubectl, described: Cluster) -> None:
    kubectl.answer("", "")
    with pytest.raises(InputError, match="sweeps: it has no head; is it up"):
        clusters.attach(described)


@pytest.mark.parametrize("other", [None, "of-another-cluster"])
def test_ports_lead_to_their_services_with_the_clusters_token(
    kubectl: Kubectl, described: Cluster, monkeypatch: pytest.MonkeyPatch, other: str | None
) -> None:
    if other is not None:
        monkeypatch.setenv("RAY_AUTH_TOKEN", other)
    with clusters.forwarded(described, [5000, 8265]) as [mlflow, ray]:
        assert os.environ["RAY_AUTH_TOKEN"] == TOKEN
        for port in (mlflow, ray):
            socket.create_connection(("127.0.0.1", port)).close()
    assert os.environ.get("RAY_AUTH_TOKEN") == other
    assert kubectl.asked == [
        ["get", *NAMESPACE, "secret", "sweeps", "--output", "jsonpath={.data.auth_token}"],
        ["port-forward", *NAMESPACE, "service/sweeps-mlflow", f"{mlflow}:5000"],
        ["port-forward", *NAMESPACE, "service/sweeps-head-svc", f"{ray}:8265"],
    ]


def test_a_cluster_without_a_token_is_one_sentence(kubectl: Kubectl, described: Cluster) -> None:
    kubectl.answer("", "")
    with (
        pytest.raises(InputError, match="the Secret sweeps holds no auth_token"),
        clusters.forwarded(described, [8265]),
    ):
        pytest.fail("it must not come up")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Path], list[str]]:
    """What `ui` prints, with the ports that it forwards as its first line; Ctrl-C comes at once."""

    class Interrupted:
        def wait(self) -> None:
            raise KeyboardInterrupt

    def forwarded(_: Cluster, ports: list[int], local: list[int]) -> nullcontext[list[int]]:
        assert ports == local
        print(*ports)  # noqa: T201
        return nullcontext(ports)

    def call(file: Path) -> list[str]:
        monkeypatch.setattr(clusters, "forwarded", forwarded)
        monkeypatch.setattr(threading, "Event", Interrupted)
        open_tunnels(file, Console(width=400))
        return capsys.readouterr().out.splitlines()

    return call


def test_ui_says_what_it_forwards_and_nothing_else(shown: Callable[[Path], list[str]], tmp_path: Path) -> None:
    read = "kubectl get secret --namespace research sweeps"
    token = f"Ray's token: {read} --output jsonpath='{{.data.auth_token}}' | base64 -d"
    password = f"{read}-services --output jsonpath='{{.data.mlflow-password}}' | base64 -d"
    assert shown(LAUNCH / "kuberay.yaml") == [
        "5000 8265",
        "MLflow: http://127.0.0.1:5000",
        "Ray: http://127.0.0.1:8265",
        token,
        f"The password of MLflow's user admin: {password}",
        "Ctrl-C closes the tunnels.",
    ]
    without = tmp_path / "cluster.yaml"
    without.write_text((LAUNCH / "kuberay.yaml").read_text().replace("services: true", "services: false"))
    assert shown(without) == ["8265", "Ray: http://127.0.0.1:8265", token, "Ctrl-C closes the tunnels."]
    assert shown(LAUNCH / "aws.yaml")[:4] == [
        "5000 8265 8080",
        "MLflow: http://127.0.0.1:5000",
        "Ray: http://127.0.0.1:8265",
        "Optuna: http://127.0.0.1:8080",
    ]
