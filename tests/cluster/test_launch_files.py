"""Launch files: what is rendered passes Ray's validator and ours, and each rule catches what it is for."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.description import parse_cluster
from cluster.launch_check import check, check_text, ray_validates
from cluster.manifest_rules import RayCluster, RayJob
from cluster.rendering import render
from search_spaces.yaml_source import Document, dump_yaml, load_documents, load_yaml
from tests.conftest import REPOSITORY, FrontDoor

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


def rendered(example: str, **changed: Any) -> dict[str, str]:
    data = load_yaml((LAUNCH / f"{example}.yaml").read_text(), example).data
    return render(parse_cluster(Document({**data, **changed}, example)))


def launcher(example: str, **changed: Any) -> dict[str, Any]:
    return load_yaml(rendered(example, **changed)[LAUNCHER[example]], example).data


def ray_cluster() -> dict[str, Any]:
    return load_yaml(rendered("kuberay")["sweeps-raycluster.yaml"], "ray").data


@pytest.mark.parametrize("example", FILES)
def test_the_files_in_the_repository_are_what_the_examples_render_to(example: str) -> None:
    assert set(FILES) == set(EXAMPLES)
    files = rendered(example)
    assert set(files) == FILES[example]
    assert {path.name: path.read_text() for path in (RENDERED / example).iterdir()} == files


@pytest.mark.parametrize("path", sorted(path for example in FILES for path in (RENDERED / example).iterdir()), ids=str)
def test_every_rendered_file_is_good(path: Path) -> None:
    assert check(path) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_good(example: str) -> None:
    assert check(LAUNCH / f"{example}.yaml") == []


@pytest.mark.parametrize("example", LAUNCHER)
def test_ray_up_takes_the_file_as_it_is(example: str) -> None:
    config = launcher(example)
    prepared = ray_validates(config)
    for key in ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands"):
        assert prepared[key] == config[key], "Ray's default must stand nowhere"


def test_manifests_follow_kuberays_resources() -> None:
    files = rendered("kuberay")
    cluster = RayCluster.model_validate(load_yaml(files["sweeps-raycluster.yaml"], "c").data)
    job = RayJob.model_validate(load_yaml(files["sweeps-rayjob.yaml"], "j").data)
    assert job.spec.rayClusterSpec == cluster.spec
    assert cluster.spec.authOptions.mode == "token"
    assert [group.groupName for group in cluster.spec.workerGroupSpecs] == ["l4-spot", "l4"]
    kinds = [document.data["kind"] for document in load_documents(files["sweeps-shared.yaml"], "s")]
    assert kinds == ["PersistentVolumeClaim", "Service", "StatefulSet", "Service", "Deployment"]


@pytest.mark.parametrize("example", LAUNCHER)
def test_the_head_is_closed_and_idle_and_every_start_is_authenticated(example: str) -> None:
    config = launcher(example)
    starts = [each for key in ("head", "worker") for each in config[f"{key}_start_ray_commands"] if "ray start" in each]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in start and "RAY_ENABLE_UV_RUN_RUNTIME_ENV=0" in start for start in starts)
    assert "--num-cpus=0 --num-gpus=0 --dashboard-host=127.0.0.1" in starts[0]
    assert f"RAY_enable_autoscaler_v2={int(example != 'on-premise')}" in starts[0]
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


@pytest.mark.parametrize("example", LAUNCHER)
def test_services_are_brought_up_after_ray_where_they_are_wanted(example: str) -> None:
    assert "cluster.services up" in launcher(example)["head_start_ray_commands"][-1]
    without = launcher(example, services=False)["head_start_ray_commands"]
    assert "ray start" in without[-1]
    assert not any("cluster.services" in command for command in without)


def test_spot_kinds_have_the_priority() -> None:
    types = launcher("aws")["available_node_types"]
    assert list(types) == ["head", "l4-spot", "l4"]
    assert (types["l4-spot"]["priority"], types["l4"]["priority"]) == (1, 0)
    assert types["l4-spot"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in types["l4"]["node_config"]


@pytest.mark.parametrize("example", ["aws", "gcp"])
def test_rays_autoscaler_starts_spot_workers_first_and_on_demand_ones_behind_them(example: str) -> None:
    from ray.autoscaler.v2.instance_manager.config import NodeTypeConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil
    from ray.core.generated.autoscaler_pb2 import ResourceRequestByCount

    types = {
        name: NodeTypeConfig(
            name=name,
            min_worker_nodes=kind["min_workers"],
            max_worker_nodes=kind["max_workers"],
            resources=kind["resources"],
            priority=kind["priority"],
        )
        for name, kind in launcher(example)["available_node_types"].items()
        if name != "head"
    }
    trials = ResourceRequestByCount(request=ResourceRequestUtil.make({"CPU": 8, "GPU": 1}), count=9)

    def started(**availability: float) -> dict[str, int]:
        request = SchedulingRequest(
            node_type_configs=dict(reversed(types.items())),
            resource_requests=[trials],
            max_num_nodes=20,
            disable_launch_config_check=True,
            recoverable_resource_availabilities={"l4-spot": availability.get("spot", 1.0)},
        )
        reply = ResourceDemandScheduler(MagicMock()).schedule(request)
        return {launch.instance_type: launch.count for launch in reply.to_launch}

    assert started() == {"l4-spot": 8, "l4": 1}
    assert started(spot=0.5) == {"l4": 2, "l4-spot": 7}


def test_an_ssh_key_is_named_on_every_machine_and_is_in_no_file() -> None:
    config = launcher("aws", ssh_key="~/.ssh/research.pem")
    assert config["auth"]["ssh_private_key"] == "~/.ssh/research.pem"
    assert {kind["node_config"]["KeyName"] for kind in config["available_node_types"].values()} == {"research"}


def test_the_services_password_is_in_no_manifest() -> None:
    text = rendered("kuberay")["sweeps-shared.yaml"]
    assert text.count("secretKeyRef") == 4
    assert set(re.findall(r"key: (\S+)", text)) == {"postgres-password", "mlflow-password", "mlflow-secret-key"}


@pytest.mark.parametrize("file", ["slurm/sweeps.sbatch", "gcp/sweeps-network.sh"])
def test_scripts_are_shell(file: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n", str(RENDERED / file)], check=True)


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
    "node types on-premise": (
        "on-premise",
        lambda config: config.update(available_node_types={"a": {}}),
        r"Ray says: .*available_node_types is not supported for on-premise clusters",
    ),
    "no head on-premise": ("on-premise", lambda config: config["provider"].pop("head_ip"), r"Ray says: .*head_ip"),
    "an open Ray on Kubernetes": (
        "kuberay",
        lambda config: config["spec"].pop("authOptions"),
        r"spec.authOptions: this key is needed and missing",
    ),
    "no token on Kubernetes": (
        "kuberay",
        lambda config: config["spec"].update(authOptions={"mode": "disabled"}),
        r"spec.authOptions.mode: input should be 'token'",
    ),
    "a Ray without tokens": (
        "kuberay",
        lambda config: config["spec"].update(rayVersion="2.51.1"),
        r"spec: rayVersion \(2.51.1\) must be 2.52 or newer",
    ),
    "a public dashboard on Kubernetes": (
        "kuberay",
        lambda config: config["spec"]["headGroupSpec"].update(serviceType="LoadBalancer"),
        r"spec.headGroupSpec.serviceType: input should be 'ClusterIP'",
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
        r"rayStartParams.num-gpus: input should be a valid string",
    ),
    "a container without a tag": (
        "kuberay",
        lambda config: container(config).update(image="rayproject/ray"),
        r"containers.0.image: 'rayproject/ray' changes under your feet",
    ),
    "a password in a pod": (
        "kuberay",
        lambda config: container(config)["env"].append({"name": "DB_PASSWORD", "value": "tiger"}),
        r"containers.0.env.4.value: a secret stands in the file",
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


@pytest.mark.parametrize("provider", ["aws", "gcp"])
def test_what_is_left_out_is_judged_by_the_default_that_ray_puts_there(provider: str) -> None:
    config = launcher(provider)
    for key in ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands"):
        del config[key]
    problems = "\n".join(check_text(dump_yaml(config), "hand.yaml"))
    assert "head_start_ray_commands: left out, so that Ray's default stands here: Ray starts without auth" in problems
    assert "worker_start_ray_commands: left out, so that Ray's default stands here: Ray starts without" in problems
    assert "setup_commands: left out, so that Ray's default stands here: this is a nightly build" in problems
    assert "head_start_ray_commands: left out, so that Ray's default stands here: the dashboard must" in problems


SECRETS = {
    "AWS key": "aws_access_key_id: AKIAIOSFODNN7EXAMPLE",
    "AWS secret": "aws_secret_access_key: wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "private key": "-----BEGIN RSA PRIVATE KEY-----",
    "Ray's token": "export RAY_AUTH_TOKEN=0123456789abcdef0123456789abcdef",
    "password": 'password: "hunter2hunter2"',
    "password in a URL": "mlflow server --backend-store-uri postgresql://mlflow:hunter2@db/mlflow",
    "GitHub token": "git clone https://ghp_0123456789abcdef0123456789abcdef0123@github.com/a/b",
}


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_is_found_and_not_repeated(case: str) -> None:
    text = dump_yaml(launcher("aws")) + f"# {SECRETS[case]}\n"
    problems = check_text(text, "hand.yaml")
    assert len(problems) == 1
    assert re.match(rf"hand.yaml:{len(text.splitlines())}: .* stands in the file", problems[0])
    assert "hunter2" not in problems[0]
    assert check_text(SECRETS[case], "hand.sh"), "in a script too"


def test_scripts_are_checked_too() -> None:
    script = (RENDERED / "slurm" / "sweeps.sbatch").read_text()
    for old, new, said in (
        ("RAY_AUTH_MODE=token ray start", "ray start", "Ray starts without authentication"),
        ("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0", "the dashboard must listen on 127.0.0.1"),
    ):
        assert old in script
        (problem,) = check_text(script.replace(old, new), "s.sbatch")
        assert said in problem
    network = (RENDERED / "gcp" / "sweeps-network.sh").read_text()
    (problem,) = check_text(network.replace("203.0.113.7/32", "0.0.0.0/0"), "n.sh")
    assert "opens the port to the whole world" in problem


@pytest.mark.parametrize("text", ["", "[]", "a: 1", "provider: {}", "provider: {type: nowhere}\ncluster_name: a", "{"])
def test_what_is_no_launch_file_is_one_sentence(text: str) -> None:
    (problem,) = check_text(text, "hand.yaml")
    assert problem.startswith("hand.yaml")
    assert "\n" not in problem


kinds = st.builds(
    lambda cpus, gpus, low, more, spot: {
        "machine": "g6.2xlarge",
        "cpus": cpus,
        "gpus": gpus,
        "min": low,
        "max": low + more,
        "spot": spot,
    },
    st.integers(1, 192),
    st.integers(0, 8),
    st.integers(0, 20),
    st.integers(1, 100),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(
    workers=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True), kinds, min_size=1, max_size=4),
    services=st.booleans(),
    idle=st.integers(1, 600),
)
def test_whatever_is_described_is_rendered_to_good_files(workers: dict, services: bool, idle: int) -> None:
    workers.pop("head", None)
    workers = workers or {"l4": {"machine": "g6.2xlarge", "cpus": 8, "max": 1}}
    for example in ("aws", "gcp"):
        files = rendered(example, workers=workers, services=services, idle_minutes=idle)
        assert [problem for name, text in files.items() for problem in check_text(text, name)] == []
        config = yaml.safe_load(files["sweeps.yaml"])
        types = config["available_node_types"]
        assert set(types) == {"head", *workers}
        assert config["max_workers"] == sum(kind["max"] for kind in workers.values())
        order = [types[name]["priority"] for name in types if name != "head"]
        assert order == sorted(order, reverse=True)


def test_the_commands_render_and_check(front_door: FrontDoor) -> None:
    example = front_door.folder / "cluster.yaml"
    example.write_text((LAUNCH / "aws.yaml").read_text())
    done = front_door("cluster", "render", "cluster.yaml", "--out", "launch")
    assert (done.returncode, done.stdout) == (0, "launch/sweeps.yaml\nlaunch/sweeps-network.yaml\n"), done.stderr
    written = front_door.folder / "launch" / "sweeps.yaml"
    assert written.read_text() == (RENDERED / "aws" / "sweeps.yaml").read_text()
    assert sorted(path.name for path in written.parent.iterdir()) == ["sweeps-network.yaml", "sweeps.yaml"]

    written.write_text(written.read_text().replace("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0"))
    done = front_door("cluster", "check", "cluster.yaml", "launch/sweeps.yaml")
    assert done.returncode == 2
    assert done.stdout == "cluster.yaml: good\n"
    assert re.fullmatch(
        r"error: launch/sweeps.yaml:\d+: head_start_ray_commands.1: the dashboard must.*\n", done.stderr
    )


def test_nothing_is_written_for_a_bad_cluster_file(front_door: FrontDoor) -> None:
    text = (LAUNCH / "aws.yaml").read_text()
    (front_door.folder / "cluster.yaml").write_text(text.replace("203.0.113.7/32", "0.0.0.0/0"))
    done = front_door("cluster", "render", "cluster.yaml", "--out", "launch")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cluster.yaml:7: ssh_from: 0.0.0.0/0 opens SSH to the whole world")
    assert done.stderr.count("\n") == 1
    assert not (front_door.folder / "launch").exists()


def test_a_cluster_file_is_not_overwritten(front_door: FrontDoor) -> None:
    (front_door.folder / "sweeps.yaml").write_text((LAUNCH / "aws.yaml").read_text())
    done = front_door("cluster", "render", "sweeps.yaml")
    assert done.returncode == 2
    assert "would take the cluster file's place; choose a folder with --out" in done.stderr
    assert (front_door.folder / "sweeps.yaml").read_text() == (LAUNCH / "aws.yaml").read_text()
    assert not (front_door.folder / "sweeps-network.yaml").exists()
