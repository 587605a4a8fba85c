"""Checks of launch files that anybody wrote; `test_launch_rules.py` has each rule alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import ray.autoscaler
from hypothesis import given
from hypothesis import strategies as st

from cluster.launch import _placeholders
from cluster.launch._plain_data import walk
from cluster.launch.launch_check import check, check_text
from search_spaces.schema.yaml_source import dump_yaml, load_yaml
from tests.cluster.launch import LAUNCH, LAUNCHER, RENDERED, launcher, ray_cluster, rendered


@pytest.mark.parametrize("part", ["networkPolicy", "tlsOptions", "historyServerOptions"])
def test_what_newer_releases_of_kuberay_know_is_let_pass(part: str) -> None:
    config = ray_cluster()
    config["spec"][part] = {}
    config["spec"]["headGroupSpec"]["ingressOptions"] = {}
    assert check_text(dump_yaml(config), "hand.yaml") == []


def test_only_an_interactive_job_goes_without_a_command() -> None:
    job = load_yaml(rendered("kuberay")["sweeps-rayjob.yaml"], "job").data
    del job["spec"]["entrypoint"]
    [problem] = check_text(dump_yaml(job), "hand.yaml")
    assert "spec: entrypoint is missing" in problem
    job["spec"] |= {"submissionMode": "InteractiveMode", "preRunningDeadlineSeconds": 600}
    assert check_text(dump_yaml(job), "hand.yaml") == []


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


@pytest.mark.parametrize("provider", ["aws", "gcp"])
def test_rays_own_defaults_are_refused_with_a_line_for_each_thing(provider: str) -> None:
    path = Path(ray.autoscaler.__file__).parent / provider / "defaults.yaml"
    problems = check(path)
    for said in ("no trials", "pinned", "whole world", "nightly", "lose their trials", "127.0.0.1", "without auth"):
        assert any(said in problem for problem in problems), said
    assert all(re.match(rf"{re.escape(str(path))}:\d+: [\w.]+: ", problem) for problem in problems)


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
        ("--address=$ip:6379 --object", "--address=$ip:6380 --object", "ask port 6380, and the head listens on 6379"),
        ("--address=$ip:6379 --object", "\\\n --object", "this joins no head"),
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


WHOLE = {
    "aws.yaml": (LAUNCH / "aws.yaml").read_text(),
    "kuberay.yaml": (LAUNCH / "kuberay.yaml").read_text(),
    **{f"{example}.yaml": rendered(example)[name] for example, name in LAUNCHER.items()},
    "rayjob.yaml": rendered("kuberay")["sweeps-rayjob.yaml"],
}
ANYTHING = [None, 1, -1, 0.5, True, "x", "0.0.0.0/0", [], {}, [1], [None], [[]], {"a": 1}, {"a": None}]


@given(data=st.data(), file=st.sampled_from(sorted(WHOLE)), value=st.sampled_from(ANYTHING))
def test_no_value_in_any_place_ends_in_a_traceback(data: st.DataObject, file: str, value: Any) -> None:
    content = load_yaml(WHOLE[file], file).data
    path, _ = data.draw(st.sampled_from([entry for entry in walk(content) if entry[0]]))
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert all(problem.startswith(file) and "\n" not in problem for problem in check_text(dump_yaml(content), file))


@pytest.mark.parametrize("name", ["README.md", "Makefile", "mycluster"])
def test_what_is_no_launch_file_is_not_called_good(name: str) -> None:
    [problem] = check_text("name: sweeps\nregoin: x\n", name)
    assert problem.startswith(f"{name}: its name ends in none of .yaml, .yml, .json, .sh, .sbatch")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("ImageId: ami-0123456789abcdef0", "ami-0123456789abcdef0"),
        ("artifacts: gs://my-bucket/adamant", "my-bucket"),
        ("image: registry.example.com/adamant:1.0", "registry.example.com"),
        ("ssh_from: 198.51.100.0/24", "198.51.100.0/24"),
        ("ssh_user: YOUR_USERNAME", "YOUR_USERNAME"),
        ("project_id: <project>", "<project>"),
        ("# such as s3://my-bucket", None),
        ("region: eu-west-1  # not my-project", None),
        ("artifacts: s3://my-bucket-of-2026/adamant", None),
        ("ssh_from: 131.215.9.1/32", None),
        ("image: ami-0a1b2c3d4e5f60718", None),
    ],
)
def test_values_of_examples_are_named(line: str, value: str | None) -> None:
    expected = [] if value is None else [f"c.yaml:2: {value} is the value of an example; write your own"]
    assert list(_placeholders.problems(f"a: 1\n{line}\n", "c.yaml")) == expected
