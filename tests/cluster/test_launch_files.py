"""Launch files: what is rendered passes Ray's validator and ours, and does what it should."""

from __future__ import annotations

import copy
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import click
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mlflow.cli import server as mlflow_server
from mlflow.server.security_utils import is_allowed_host_header

from cluster.launch._manifest_rules import RayCluster, RayJob
from cluster.launch.cluster_file import load_cluster, parse_cluster
from cluster.launch.launch_check import check, check_text, ray_validates
from cluster.launch.rendering import FILTERS, render
from optimizers import InputError
from search_spaces.schema.yaml_source import Document, load_documents, load_yaml
from tests.cluster.launch import EXAMPLES, FILES, LAUNCH, LAUNCHER, OWN, RENDERED, filled, launcher, rendered
from tests.conftest import CommandLine

VARIATIONS = sorted((Path(__file__).parent / "variations").glob("*.yaml"))


@pytest.mark.parametrize("example", FILES)
def test_the_files_in_the_repository_are_what_the_examples_render_to(example: str) -> None:
    assert set(FILES) == set(EXAMPLES)
    files = rendered(example)
    assert set(files) == FILES[example]
    assert {path.name: path.read_text() for path in (RENDERED / example).iterdir()} == files


@pytest.mark.parametrize("file", VARIATIONS, ids=lambda path: path.stem)
def test_every_part_of_a_template_renders_to_what_is_recorded(file: Path) -> None:
    recorded = {path.name: path.read_text(encoding="utf-8") for path in file.with_suffix("").iterdir()}
    assert render(load_cluster(file)) == recorded


@given(value=st.text())
def test_any_text_comes_back_from_a_rendered_file(value: str) -> None:
    line = f"- key: {FILTERS['yaml'](value)}\n"
    for reading in (yaml.safe_load, lambda text: load_yaml(text, "r").data):
        assert reading(line) == [{"key": value}]
    if "\0" not in value:
        assert shlex.split(FILTERS["shell"](value)) == [value]


INJECTIONS = [
    *(
        "x; touch planted",
        "$(touch planted)",
        "`id`",
        "a b",
        "a\nb",
        "a\rb",
        "a\0b",
        "-oProxyCommand=x",
        "--all",
        "'x",
        '"x',
    ),
    *(
        "x|y",
        "x&y",
        "x>y",
        "{{ x }}",
        "{% raw %}",
        "x\\y",
        "x#y",
        "é;",
        "x!y",
        "x*",
        "$HOME",
        "",
        " ",
        "a: b",
        "[a]",
        "\u2028",
    ),
]


def places_of_texts(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where texts stand in a cluster file; a key of a mapping of the user's own is the last part, in a list."""
    if isinstance(data, str):
        yield path
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from places_of_texts(item, (*path, index))
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from places_of_texts(value, (*path, key))


def put(data: Any, path: tuple[str | int, ...], value: str) -> Any:
    changed = copy.deepcopy(data)
    inside = changed
    for part in path[:-1]:
        inside = inside[part]
    inside[path[-1]] = value
    return changed


EVERY_KEY = {
    "aws": {"ssh_key": "~/.ssh/lab", "ssh_user": "ubuntu"},
    "gcp": {"ssh_user": "ubuntu"},
    "on-premise": {},
    "kuberay": {"head": {"memory": "8Gi"}},
    "slurm": {"account": "lab"},
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_text_of_a_cluster_file_has_a_pattern(example: str) -> None:
    data = {**load_yaml((LAUNCH / f"{example}.yaml").read_text(), example).data, **EVERY_KEY[example]}
    if example == "kuberay":
        data["workers"]["l4"] |= {"taints": ["lab.example/gpu"], "node_selector": {"pool": "gpu"}}
    parse_cluster(Document(data, example))
    places = list(places_of_texts(data))
    assert len(places) > 8
    taken = []
    for place in places:
        for injection in INJECTIONS:
            with suppress(InputError):
                parse_cluster(Document(put(data, place, injection), example))
                taken.append((place, injection))
    assert not taken


@pytest.mark.parametrize("injection", INJECTIONS)
def test_no_name_of_a_kind_or_a_label_is_free(injection: str) -> None:
    data = load_yaml((LAUNCH / "kuberay.yaml").read_text(), "kuberay").data
    kind = data["workers"].pop("l4")
    for workers in ({injection: kind}, {"l4": {**kind, "node_selector": {injection: "gpu"}}}):
        with pytest.raises(InputError):
            parse_cluster(Document({**data, "workers": workers}, "kuberay"))


@pytest.mark.parametrize(
    ("example", "changed"),
    [
        ("on-premise", {"idle_minutes": 10**9}),
        ("slurm", {"nodes": 10**6}),
        ("slurm", {"gpus_per_node": 10**6}),
        ("kuberay", {"head": {"cpus": 10**6}}),
        ("kuberay", {"workers": {"l4": {"cpus": 8, "memory": "1Gi", "max": 10**6}}}),
    ],
)
def test_a_number_that_no_cluster_has_is_refused(example: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be at most"):
        rendered(example, **changed)


@pytest.mark.parametrize("path", sorted(path for example in FILES for path in (RENDERED / example).iterdir()), ids=str)
def test_every_rendered_file_is_good(path: Path) -> None:
    assert check_text(path.read_text(encoding="utf-8"), str(path)) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_good_once_its_values_are_ones_own(example: str, tmp_path: Path) -> None:
    text = (LAUNCH / f"{example}.yaml").read_text(encoding="utf-8")
    (tmp_path / "own.yaml").write_text(filled(text), encoding="utf-8")
    assert check(tmp_path / "own.yaml") == []
    unchanged = check(LAUNCH / f"{example}.yaml")
    named = {
        problem.split(": ")[1].removesuffix(" is the value of an example; write your own") for problem in unchanged
    }
    assert named == {value for value in OWN if value in text}


def test_a_file_rendered_from_ones_own_values_holds_none_of_an_example(tmp_path: Path) -> None:
    for example in EXAMPLES:
        for path in (RENDERED / example).iterdir():
            (tmp_path / path.name).write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
            assert check(tmp_path / path.name) == []


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
    assert kinds == [
        *("PersistentVolumeClaim", "NetworkPolicy"),
        *("Service", "NetworkPolicy", "ConfigMap", "StatefulSet"),
        *("Service", "NetworkPolicy", "Deployment"),
    ]


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
    assert "cluster.services_commands up" in launcher(example)["head_start_ray_commands"][-1]
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
    trials = ResourceRequestUtil.group_by_count([ResourceRequestUtil.make({"CPU": 8, "GPU": 1})] * 9)

    def started(**availability: float) -> dict[str, int]:
        request = SchedulingRequest(
            node_type_configs=dict(reversed(types.items())),
            resource_requests=trials,
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
    assert text.count("secretKeyRef") == 5
    keys = {"postgres-password", "mlflow-database-password", "mlflow-password", "mlflow-secret-key"}
    assert set(re.findall(r"key: (\S+)", text)) == keys
    assert {f"--from-literal={key}=" in text for key in keys} == {True}


def mlflow_container() -> dict[str, Any]:
    deployment = [document.data for document in load_documents(rendered("kuberay")["sweeps-shared.yaml"], "s")][-1]
    return deployment["spec"]["template"]["spec"]["containers"][0]


def test_the_databases_password_is_on_no_command_line() -> None:
    container = mlflow_container()
    assert "PASSWORD" not in " ".join(container["command"] + container["args"])
    names = [variable["name"] for variable in container["env"]]
    # Kubernetes fills in only what stands before it, and MLflow reads the address from there.
    assert names.index("DATABASE_PASSWORD") < names.index("MLFLOW_BACKEND_STORE_URI")
    [option] = [option for option in mlflow_server.params if option.name == "backend_store_uri"]
    assert isinstance(option, click.Option)
    assert option.envvar == "MLFLOW_BACKEND_STORE_URI"


def pods() -> dict[str, dict[str, Any]]:
    """The templates of all pods, by the name of their first container; of workers the first kind's."""
    spec = load_yaml(rendered("kuberay")["sweeps-raycluster.yaml"], "r").data["spec"]
    shared = [
        one.data["spec"] for one in load_documents(rendered("kuberay")["sweeps-shared.yaml"], "s") if "spec" in one.data
    ]
    owners = [spec["headGroupSpec"], *spec["workerGroupSpecs"][:1], *(one for one in shared if "template" in one)]
    return {one["template"]["spec"]["containers"][0]["name"]: one["template"] for one in owners}


def test_no_pod_may_do_more_than_it_needs() -> None:
    assert set(pods()) == {"ray-head", "ray-worker", "postgres", "mlflow"}
    for name, pod in pods().items():
        spec, [container] = pod["spec"], pod["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        # The head asks Kubernetes for workers.
        assert spec.get("automountServiceAccountToken", True) is (name == "ray-head")
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
        }  # fmt: skip
        assert {"name": "temporary", "mountPath": "/tmp"} in container["volumeMounts"]
        assert "temporary" in [volume["name"] for volume in spec["volumes"]]


def test_mlflows_password_is_where_drivers_run_and_not_where_trials_do() -> None:
    holders = [name for name, pod in pods().items() if "mlflow-password" in str(pod)]
    assert holders == ["ray-head", "mlflow"]


def test_mlflow_is_not_the_superuser_of_its_database() -> None:
    postgres, mlflow = (pods()[name]["spec"]["containers"][0]["env"] for name in ("postgres", "mlflow"))
    [superuser] = [one["valueFrom"]["secretKeyRef"]["key"] for one in postgres if one["name"] == "POSTGRES_PASSWORD"]
    assert superuser not in str(mlflow)
    image = pods()["postgres"]["spec"]["containers"][0]["image"]
    assert re.fullmatch(r"postgres:17\.\d+@sha256:[0-9a-f]{64}", image)


def test_each_service_of_kubernetes_is_reached_by_those_that_need_it() -> None:
    policies = {
        one.data["metadata"]["name"]: one.data["spec"]
        for one in load_documents(rendered("kuberay")["sweeps-shared.yaml"], "s")
        if one.data["kind"] == "NetworkPolicy"
    }
    sources = {
        name: [each.get("podSelector", {}).get("matchLabels", {}) for rule in spec["ingress"] for each in rule["from"]]
        for name, spec in policies.items()
    }
    assert sources == {
        "sweeps": [{"app": "sweeps-ray"}, {}, {"app.kubernetes.io/name": "kuberay-operator"}],
        "sweeps-postgres": [{"app": "sweeps-mlflow"}],
        "sweeps-mlflow": [{"app": "sweeps-ray", "ray.io/node-type": "head"}],
    }
    ports = {
        name: [one["port"] for rule in spec["ingress"] for one in rule.get("ports", [])]
        for name, spec in policies.items()
    }
    assert ports == {"sweeps": [8265], "sweeps-postgres": [5432], "sweeps-mlflow": [5000]}
    for name, pod in pods().items():
        selected = [
            spec["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
            for spec in policies.values()
        ]
        assert any(selected), name
    job = load_yaml(rendered("kuberay")["sweeps-rayjob.yaml"], "j").data["spec"]["rayClusterSpec"]
    assert job["headGroupSpec"]["template"]["metadata"] == {"labels": {"app": "sweeps-ray"}}


def statements(role: str) -> list[dict[str, Any]]:
    resources = load_yaml(rendered("aws")["sweeps-network.yaml"], "n").data["Resources"]
    return resources[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]


def test_the_head_on_aws_tags_and_ends_nothing_but_its_own_machines_and_starts_no_other_kind() -> None:
    of = {"aws:ResourceTag/ray-cluster-name": "sweeps"}, {"aws:RequestTag/ray-cluster-name": "sweeps"}
    for statement in statements("HeadRole"):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        equal = statement.get("Condition", {}).get("StringEquals", {})
        if {"ec2:CreateTags", "ec2:DeleteTags", "ec2:TerminateInstances"} & {*actions}:
            assert any(one.items() <= equal.items() for one in of), statement
            assert statement["Resource"] != "*"
        if of[1].items() <= equal.items() and "ec2:CreateTags" in actions:
            assert equal["ec2:CreateAction"] == "RunInstances"
        if "ec2:RunInstances" in actions:
            assert statement["Resource"] != "*"
            if "instance/*" in str(statement["Resource"]):
                assert equal["ec2:InstanceType"] == ["g6.2xlarge"]
                assert of[1].items() <= equal.items()
        assert statement["Resource"] != "*" or actions == ["ec2:Describe*"]
    assert not [one for one in statements("WorkerRole") if "ec2" in str(one["Action"])]


def test_the_head_on_gcp_makes_and_deletes_its_own_workers_alone() -> None:
    lines = rendered("gcp")["sweeps-network.sh"].splitlines()
    assert not [line for line in lines if "instanceAdmin" in line or "roles/editor" in line or "roles/owner" in line]
    [binding] = [shlex.split(line) for line in lines if "--role=projects/my-project/roles/adamant_sweeps" in line]
    [condition] = [part for part in binding if part.startswith("--condition=")]
    own = "projects/my-project/zones/us-central1-a/{}/ray-sweeps-worker-"
    for kind in ("instances", "disks"):
        assert f"resource.name.startsWith('{own.format(kind)}')" in condition
    assert any("iam roles create adamant_sweeps " in line for line in lines)


@pytest.mark.parametrize("example", LAUNCHER)
def test_rays_folder_on_a_node_is_for_its_user_alone(example: str, tmp_path: Path) -> None:
    """Its commands are run up to the start of Ray, in a folder in place of /tmp."""
    config = launcher(example)
    for key in ("head", "worker"):
        [start] = [one for one in config[f"{key}_start_ray_commands"] if "ray start" in one]
        before = start.partition("ulimit")[0].replace("/tmp/", f"{tmp_path}/{key}-")
        subprocess.run(["bash", "-c", f"umask 002; {before}"], check=True)
        [folder] = tmp_path.glob(f"{key}-adamant-*")
        assert folder.name == f"{key}-adamant-{os.getuid()}"
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)
        subprocess.run(["bash", "-c", before], check=True)
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost:41234", "sweeps-mlflow:5000"])
def test_mlflow_answers_through_a_tunnel_and_inside(host: str) -> None:
    [hosts] = [each.partition("=")[2] for each in mlflow_container()["args"] if each.startswith("--allowed-hosts=")]
    assert is_allowed_host_header(hosts.split(","), host)
    assert not is_allowed_host_header(hosts.split(","), "elsewhere.example.org:5000")


def is_shell(text: str) -> bool:
    return subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.parametrize("file", ["slurm/sweeps.sbatch", "gcp/sweeps-network.sh"])
def test_scripts_are_shell(file: str) -> None:
    assert is_shell((RENDERED / file).read_text())


@pytest.mark.parametrize("example", LAUNCHER)
def test_every_command_is_shell(example: str) -> None:
    config = launcher(example)
    commands = [command for key in config if key.endswith("_commands") for command in config[key]]
    assert len(commands) > 5
    assert [command for command in commands if not is_shell(command)] == []


def test_a_job_on_slurm_saves_itself_before_its_time_is_over(tmp_path: Path) -> None:
    """With stand-ins for Ray and Slurm: the driver gets SIGINT, is waited for, and the token is gone afterwards."""
    programs, shared = tmp_path / "env" / "bin", tmp_path / "shared"
    programs.mkdir(parents=True)
    shared.mkdir()
    stand_ins = {
        "ray": "[[ $* != *--block* ]] || exec sleep 60",
        "srun": 'shift; exec "$@"',
        "adamant": "trap 'echo saved; exit 130' INT; stat -c %a $RAY_AUTH_TOKEN_PATH; while :; do sleep 0.05; done",
    }
    for name, body in stand_ins.items():
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    storage = {"mount": str(shared), "artifacts": f"{shared}/artifacts"}
    (script,) = rendered("slurm", environment=str(programs.parent), storage=storage).values()
    job = subprocess.Popen(
        ["bash", "-c", script, "job", "run", "quickstart"],
        env={**os.environ, "SLURM_JOB_ID": "7"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert job.stdout is not None
        assert job.stdout.readline() == "600\n"
        assert [path.name for path in shared.iterdir()] == ["ray-token-7"]
        job.send_signal(signal.SIGINT)
        assert job.stdout.readline() == "saved\n"
        assert job.wait(10) == 130
        assert list(shared.iterdir()) == []
    finally:
        for line in subprocess.run(
            ["ps", "-o", "pid=", "-s", str(job.pid)], capture_output=True, text=True, check=False
        ).stdout.split():
            os.kill(int(line), signal.SIGKILL)


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


def test_the_commands_render_and_check(command_line: CommandLine) -> None:
    example = command_line.folder / "cluster.yaml"
    example.write_text(filled((LAUNCH / "aws.yaml").read_text()))
    done = command_line("cluster", "render", "cluster.yaml", "--out", "launch")
    assert (done.returncode, done.stdout) == (0, "launch/sweeps.yaml\nlaunch/sweeps-network.yaml\n"), done.stderr
    written = command_line.folder / "launch" / "sweeps.yaml"
    assert written.read_text() == filled((RENDERED / "aws" / "sweeps.yaml").read_text())
    assert sorted(path.name for path in written.parent.iterdir()) == ["sweeps-network.yaml", "sweeps.yaml"]

    written.write_text(written.read_text().replace("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0"))
    done = command_line("cluster", "check", "cluster.yaml", "launch/sweeps.yaml")
    assert done.returncode == 2
    assert done.stdout == "cluster.yaml: good\n"
    assert re.fullmatch(
        r"error: launch/sweeps.yaml:\d+: head_start_ray_commands.1: the dashboard must.*\n", done.stderr
    )


def test_nothing_is_written_for_a_bad_cluster_file(command_line: CommandLine) -> None:
    text = (LAUNCH / "aws.yaml").read_text()
    (command_line.folder / "cluster.yaml").write_text(text.replace("203.0.113.7/32", "0.0.0.0/0"))
    done = command_line("cluster", "render", "cluster.yaml", "--out", "launch")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cluster.yaml:7: ssh_from: 0.0.0.0/0 opens SSH to much of the world")
    assert done.stderr.count("\n") == 1
    assert not (command_line.folder / "launch").exists()


def test_a_cluster_file_is_not_overwritten(command_line: CommandLine) -> None:
    (command_line.folder / "sweeps.yaml").write_text((LAUNCH / "aws.yaml").read_text())
    done = command_line("cluster", "render", "sweeps.yaml")
    assert done.returncode == 2
    assert "would take the cluster file's place; choose a folder with --out" in done.stderr
    assert (command_line.folder / "sweeps.yaml").read_text() == (LAUNCH / "aws.yaml").read_text()
    assert not (command_line.folder / "sweeps-network.yaml").exists()
