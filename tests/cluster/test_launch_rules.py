"""Each rule of the launch files catches what it is for, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cluster.launch.launch_check import check_text
from search_spaces.schema.yaml_source import dump_yaml
from tests.cluster.launch import launcher, ray_cluster


def head(config: dict[str, Any]) -> dict[str, Any]:
    return config["available_node_types"]["head"]


def spot(config: dict[str, Any]) -> dict[str, Any]:
    return config["available_node_types"]["l4-spot"]


def container(config: dict[str, Any]) -> dict[str, Any]:
    return config["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]


def start_head(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        command = config["head_start_ray_commands"][1]
        assert old in command
        config["head_start_ray_commands"][1] = command.replace(old, new)

    return change


def start_worker(old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        command = config["worker_start_ray_commands"][1]
        assert old in command
        config["worker_start_ray_commands"][1] = command.replace(old, new)

    return change


# Where a file is made wrong, how, and the key and the words of the only complaint about it.
BREAKS: dict[str, tuple[str, Callable[[dict[str, Any]], object], str]] = {
    "public dashboard": (
        "aws",
        start_head("--dashboard-host=127.0.0.1", "--dashboard-host 0.0.0.0"),
        r"head_start_ray_commands.1: the dashboard must listen on 127.0.0.1",
    ),
    "public dashboard on-premise": (
        "on-premise",
        start_head("127.0.0.1", "'0.0.0.0'"),
        r"head_start_ray_commands.1: the dashboard must",
    ),
    "no authentication": (
        "gcp",
        start_head("RAY_AUTH_MODE=token ", ""),
        r"head_start_ray_commands.1: Ray starts without authentication",
    ),
    "a head with cores to give": (
        "on-premise",
        start_head("--num-cpus=0 ", ""),
        r"head_start_ray_commands.1: the head runs no trials: start it with --num-cpus=0",
    ),
    "a head that runs trials": (
        "aws",
        lambda config: head(config).update(resources={"CPU": 8}),
        r"available_node_types.head.resources: the head runs no trials",
    ),
    "a head whose cores Ray counts": (
        "aws",
        lambda config: head(config).update(resources={}),
        r"available_node_types.head.resources: the head runs no trials",
    ),
    "a nightly wheel": (
        "aws",
        lambda config: config["setup_commands"].append("pip install https://x/ray-wheels/latest/ray.whl"),
        r"setup_commands.6: this is a nightly build of Ray",
    ),
    "no AMI": (
        "aws",
        lambda config: head(config)["node_config"].pop("ImageId"),
        r"head.node_config.ImageId: the image is not pinned",
    ),
    "an image family": (
        "gcp",
        lambda config: head(config)["node_config"]["disks"][0]["initializeParams"].update(sourceImage="a/family/b"),
        r"initializeParams.sourceImage: a family is not a pinned image",
    ),
    "the latest container": (
        "aws",
        lambda config: config.update(docker={"image": "rayproject/ray:latest-gpu", "container_name": "ray"}),
        r"docker.image: 'rayproject/ray:latest-gpu' changes under your feet",
    ),
    "Ray's own security group": (
        "aws",
        lambda config: spot(config)["node_config"].pop("SecurityGroupIds"),
        r"l4-spot.node_config.SecurityGroupIds: without a group of your own Ray makes one that opens SSH",
    ),
    "SSH from everywhere": (
        "aws",
        lambda config: config["provider"].update(security_group={"IpPermissions": [{"CidrIp": "0.0.0.0/0"}]}),
        r"provider.security_group.IpPermissions.0.CidrIp: 0.0.0.0/0 opens the port to the whole world",
    ),
    "the default network": (
        "gcp",
        lambda config: spot(config)["node_config"].pop("networkInterfaces"),
        r"l4-spot.node_config.networkInterfaces: the default network opens SSH",
    ),
    "IMDSv1": (
        "aws",
        lambda config: spot(config)["node_config"].update(MetadataOptions={"HttpTokens": "optional"}),
        r"l4-spot.node_config.MetadataOptions: IMDSv2 is not required",
    ),
    "min over max": (
        "aws",
        lambda config: spot(config).update(min_workers=9),
        r"l4-spot.min_workers: min_workers \(9\) must not be greater than max_workers \(8\)",
    ),
    "a typing error under provider": (
        "gcp",
        lambda config: config["provider"].update(projectid="x"),
        r"provider.projectid: no such key is known to the provider. Did you mean \"project_id\"\?",
    ),
    "a typing error under node_config": (
        "aws",
        lambda config: spot(config)["node_config"].update(InstanceMarketOption={}),
        r"node_config.InstanceMarketOption: no such key.*Did you mean \"InstanceMarketOptions\"\?",
    ),
    "spot workers with their own disks": (
        "aws",
        lambda config: config.update(setup_commands=["true"]),
        r"available_node_types.l4-spot: spot workers lose their trials with their disks",
    ),
    "spot workers on GCP": (
        "gcp",
        lambda config: config.update(setup_commands=["true"]),
        r"available_node_types.l4-spot: spot workers lose their trials",
    ),
    "what Ray itself refuses": (
        "aws",
        lambda config: spot(config).update(resources={"GPU": 0.5}),
        r"Ray says: available_node_types.l4-spot.resources.GPU: 0.5 is not of type 'integer'",
    ),
    "node types without names": (
        "aws",
        lambda config: config.update(available_node_types=[1]),
        r"Ray says: it cannot read this file \(IndexError: list index out of range\)",
    ),
    "node types on-premise": (
        "on-premise",
        lambda config: config.update(available_node_types={"a": {}}),
        r"Ray says: .*available_node_types is not supported for on-premise clusters",
    ),
    "no head on-premise": ("on-premise", lambda config: config["provider"].pop("head_ip"), r"Ray says: .*head_ip"),
    "an open Ray on Kubernetes": (
        "kuberay",
        lambda config: config["spec"].pop("authOptions"),
        r"spec.authOptions: required key is missing",
    ),
    "no token on Kubernetes": (
        "kuberay",
        lambda config: config["spec"].update(authOptions={"mode": "disabled"}),
        r"spec.authOptions.mode: must be token",
    ),
    "a Ray without tokens": (
        "kuberay",
        lambda config: config["spec"].update(rayVersion="2.51.1"),
        r"spec: rayVersion \(2.51.1\) must be 2.52 or newer",
    ),
    "a public dashboard on Kubernetes": (
        "kuberay",
        lambda config: config["spec"]["headGroupSpec"].update(serviceType="LoadBalancer"),
        r"spec.headGroupSpec.serviceType: must be ClusterIP",
    ),
    "a head pod that runs trials": (
        "kuberay",
        lambda config: config["spec"]["headGroupSpec"]["rayStartParams"].pop("num-cpus"),
        r"spec.headGroupSpec: the head runs no trials",
    ),
    "min over max of a group": (
        "kuberay",
        lambda config: config["spec"]["workerGroupSpecs"][0].update(minReplicas=9),
        r"spec.workerGroupSpecs.0: minReplicas \(9\) must not be greater",
    ),
    "an unknown key of a group": (
        "kuberay",
        lambda config: config["spec"]["workerGroupSpecs"][0].update(maxReplica=9),
        r"spec.workerGroupSpecs.0.maxReplica: unknown key; .*Did you mean \"maxReplicas\"\?",
    ),
    "a number for a start parameter": (
        "kuberay",
        lambda config: config["spec"]["headGroupSpec"]["rayStartParams"].update({"num-gpus": 0}),
        r"rayStartParams.num-gpus: must be a text",
    ),
    "a container without a tag": (
        "kuberay",
        lambda config: container(config).update(image="rayproject/ray"),
        r"containers.0.image: 'rayproject/ray' changes under your feet",
    ),
    "a password in a pod": (
        "kuberay",
        lambda config: container(config)["env"].append({"name": "DB_PASSWORD", "value": "tiger"}),
        r"containers.0.env.5.value: a secret stands in the file",
    ),
    "workers that ask another port": (
        "aws",
        start_head("--port=6379", "--port=6380"),
        r"worker_start_ray_commands.1: the workers ask port 6379, and the head listens on 6380",
    ),
    "workers that ask another port on-premise": (
        "on-premise",
        start_worker("$RAY_HEAD_IP:6379", "'$RAY_HEAD_IP:6400'"),
        r"worker_start_ray_commands.1: the workers ask port 6400, and the head listens on 6379",
    ),
    "workers that join nothing": (
        "gcp",
        start_worker("--address=$RAY_HEAD_IP:6379", ""),
        r"worker_start_ray_commands.1: this joins no head",
    ),
    "workers that are heads": (
        "on-premise",
        start_worker("--address=$RAY_HEAD_IP:6379", "--head"),
        r"worker_start_ray_commands.1: this starts a head of its own",
    ),
    "a head that is none": (
        "aws",
        start_head("--head ", ""),
        r"head_start_ray_commands.1: this starts no head: add --head",
    ),
    "a head that starts no workers": (
        "on-premise",
        start_head("--autoscaling-config=~/ray_bootstrap_config.yaml", ""),
        r"head_start_ray_commands.1: the head starts no workers: add --autoscaling-config",
    ),
    "a worker at the head's address": (
        "on-premise",
        lambda config: config["provider"]["worker_ips"].append(config["provider"]["head_ip"]),
        r"provider.worker_ips: every node has an address of its own",
    ),
    "an image of another Ray": (
        "kuberay",
        lambda config: container(config).update(image="rayproject/ray:2.40.0-py311-gpu"),
        r"containers.0.image: Ray 2.40.0 stands in this image, and rayVersion is 2.60.0",
    ),
    "a request above its limit": (
        "kuberay",
        lambda config: container(config)["resources"]["requests"].update(memory="9000Mi"),
        r"headGroupSpec.*resources.requests.memory: 9000Mi is more than the limit of 8Gi",
    ),
    "a request of no amount": (
        "kuberay",
        lambda config: container(config)["resources"]["requests"].update(cpu="two"),
        r"resources.requests.cpu: is no amount, such as 500m",
    ),
    "a head without limits": (
        "kuberay",
        lambda config: container(config).pop("resources"),
        r"headGroupSpec.template.spec.containers.0.resources: Ray takes .* from limits",
    ),
    "groups that stay as they are": (
        "kuberay",
        lambda config: (config["spec"].pop("enableInTreeAutoscaling"), config["spec"]["workerGroupSpecs"].pop()),
        r"workerGroupSpecs.0.maxReplicas: without enableInTreeAutoscaling: true there are never more than replicas",
    ),
    "no workers": (
        "kuberay",
        lambda config: config["spec"]["workerGroupSpecs"].clear(),
        r"spec.workerGroupSpecs: the head runs no trials, and there are no workers",
    ),
    "spot pods without a shared volume": (
        "kuberay",
        lambda config: config["spec"]["workerGroupSpecs"][0]["template"]["spec"].pop("volumes"),
        r"spec.workerGroupSpecs.0: l4-spot runs on spot nodes",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_each_rule_catches_what_it_is_for_and_nothing_else(case: str) -> None:
    example, change, said = BREAKS[case]
    config = ray_cluster() if example == "kuberay" else launcher(example)
    assert check_text(dump_yaml(config), "hand.yaml") == []
    change(config)
    problems = check_text(dump_yaml(config), "hand.yaml")
    assert len(problems) == 1, problems
    assert re.search(said, problems[0]), problems
    assert re.match(r"hand\.yaml:(\d+: | Ray says)", problems[0]), problems
