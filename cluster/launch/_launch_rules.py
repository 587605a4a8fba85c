"""What Ray's validator lets pass in a `ray up` file: rules about security, money and typing errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.launch import _start_rules
from cluster.launch._launch_keys import NODE_KEYS, PROVIDER_KEYS
from cluster.launch._plain_data import mapping, mappings
from cluster.launch._value_patterns import is_pinned
from optimizers import did_you_mean
from search_spaces.schema.yaml_source import Path

Config = Mapping[str, Any]
Problem = tuple[Path, str]

START = re.compile(r"\bray\s+(start|symmetric-run)\b")
OPEN_DASHBOARD = re.compile(r"--dashboard-host[=\s]+['\"]?(0\.0\.0\.0|::|\*)")
NIGHTLY = re.compile(r"ray-wheels/latest|ray-\d+\.\d+\.\d+\.dev|ray:nightly")
MOUNT = re.compile(r"\bmount(\.\w+)?\b|\bmountpoint\b|\bgcsfuse\b")
COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


def problems(given: Config, config: Config) -> Iterator[Problem]:
    """What is wrong in ``config``, which is ``given`` with Ray's defaults filled in."""
    for rule in (_typing_errors, _counts, _addresses, _head, _joining, _images, _access, _spot, _starts):
        yield from rule(given, config)


def _provider(config: Config) -> str:
    return str(config["provider"]["type"])


def _node_types(config: Config) -> dict[str, Config]:
    """By name; on-premise there are none."""
    return {} if _provider(config) == "local" else dict(config.get("available_node_types", {}))


def _node_configs(config: Config) -> Iterator[tuple[Path, Config]]:
    """The provider's settings of each node type, and where they stand."""
    for name, node in _node_types(config).items():
        yield ("available_node_types", name, "node_config"), node["node_config"]


def _typing_errors(given: Config, config: Config) -> Iterator[Problem]:
    provider = _provider(config)
    if provider not in PROVIDER_KEYS:
        return
    yield from _unknown(("provider",), given["provider"], PROVIDER_KEYS[provider])
    for path, settings in _node_configs(config):
        yield from _unknown(path, settings, NODE_KEYS[provider])


def _unknown(path: Path, there: Config, known: list[str]) -> Iterator[Problem]:
    for key in there:
        if key not in known:
            yield (*path, key), f"no such key is known to the provider.{did_you_mean(key, known)}"


def _counts(given: Config, config: Config) -> Iterator[Problem]:
    for name, node in _node_types(config).items():
        least, most = node["min_workers"], node["max_workers"]
        if least > most:
            path = ("available_node_types", name, "min_workers")
            yield path, f"min_workers ({least}) must not be greater than max_workers ({most})"
    if _provider(config) == "local" and given.get("min_workers", 0) > config["max_workers"]:
        yield ("min_workers",), f"must not be greater than max_workers ({config['max_workers']})"


def _addresses(given: Config, config: Config) -> Iterator[Problem]:
    if _provider(config) != "local" or "worker_ips" not in config["provider"]:
        return
    head, workers = str(config["provider"].get("head_ip")), [*map(str, config["provider"]["worker_ips"])]
    if head in workers or len(set(workers)) < len(workers):
        yield ("provider", "worker_ips"), "every node has an address of its own, and the head is none of the workers"


def _joining(given: Config, config: Config) -> Iterator[Problem]:
    commands = [
        {(path, hint): command for path, hint, command in _commands(given, config, key)}
        for key in ("head_start_ray_commands", "worker_start_ray_commands")
    ]
    heads, workers = commands
    for (path, hint), message in (*_start_rules.joining(heads, workers), *_start_rules.scaling(heads)):
        yield path, f"{hint}{message}"


def _head(given: Config, config: Config) -> Iterator[Problem]:
    head = config["head_node_type"]
    for name, node in _node_types(config).items():
        resources = node["resources"]
        if name == head and (resources.get("CPU") != 0 or resources.get("GPU", 0) != 0):
            yield ("available_node_types", name, "resources"), "the head runs no trials: write {CPU: 0, GPU: 0}"
    for path, hint, command in _commands(given, config, "head_start_ray_commands"):
        if START.search(command) and not re.search(r"--num-cpus[=\s]+0\b", command):
            yield path, f"{hint}the head runs no trials: start it with --num-cpus=0"


def _images(given: Config, config: Config) -> Iterator[Problem]:
    docker = mapping(config.get("docker"))
    for key in ("image", "head_image", "worker_image"):
        if docker.get(key) and not is_pinned(docker[key]):
            yield ("docker", key), f"{docker[key]!r} changes under your feet: name a version or a digest"
    for path, settings in _node_configs(config):
        if _provider(config) == "aws" and not str(settings.get("ImageId", "")).startswith("ami-"):
            yield (*path, "ImageId"), "the image is not pinned: name an AMI, such as ami-0123456789abcdef0"
        if _provider(config) == "gcp":
            for index, disk in enumerate(mappings(settings.get("disks"))):
                image = str(mapping(disk.get("initializeParams")).get("sourceImage", ""))
                if disk.get("boot") and ("/family/" in image or not image):
                    place = (*path, "disks", index, "initializeParams", "sourceImage")
                    yield place, "a family is not a pinned image: name projects/PROJECT/global/images/NAME"


def _access(given: Config, config: Config) -> Iterator[Problem]:
    provider = _provider(config)
    for path, settings in _node_configs(config):
        if provider == "aws":
            groups = [each.get("Groups") for each in mappings(settings.get("NetworkInterfaces"))]
            if not settings.get("SecurityGroupIds") and not any(groups):
                yield (
                    (*path, "SecurityGroupIds"),
                    "without a group of your own Ray makes one that opens SSH to the whole world, whatever "
                    "provider.security_group says; name one that lets in your range alone",
                )
            if mapping(settings.get("MetadataOptions")).get("HttpTokens") != "required":
                yield (*path, "MetadataOptions"), "IMDSv2 is not required: write {HttpTokens: required}"
        if provider == "gcp":
            networks = [str(each.get("subnetwork", "")) for each in mappings(settings.get("networkInterfaces"))]
            if not networks or any(not network or network.endswith("/default") for network in networks):
                yield (
                    (*path, "networkInterfaces"),
                    "the default network opens SSH to the whole world: name a subnetwork of your own",
                )


def _is_spot(settings: Config) -> bool:
    # Compute Engine's scheduling is a mapping; Ray's own examples write a list of mappings.
    parts = [mapping(settings.get("scheduling")), *mappings(settings.get("scheduling"))]
    market = mapping(settings.get("InstanceMarketOptions")).get("MarketType")
    return market == "spot" or any(part.get("preemptible") or part.get("provisioningModel") == "SPOT" for part in parts)


def _spot(given: Config, config: Config) -> Iterator[Problem]:
    prepared = ("initialization_commands", "setup_commands", "worker_setup_commands")
    if any(MOUNT.search(command) for _, _, command in _commands(given, config, *prepared)):
        return
    for path, settings in _node_configs(config):
        if _is_spot(settings):
            yield (
                path[:-1],
                "spot workers lose their trials with their disks: mount a shared folder in setup_commands",
            )


def _starts(given: Config, config: Config) -> Iterator[Problem]:
    prepared = _commands(given, config, "initialization_commands", "setup_commands")
    everywhere = any("RAY_AUTH_MODE=token" in command for _, _, command in prepared)
    for path, hint, command in _commands(given, config, *COMMANDS):
        if OPEN_DASHBOARD.search(command):
            yield path, f"{hint}the dashboard must listen on 127.0.0.1; `ray dashboard` reaches it through SSH"
        if NIGHTLY.search(command):
            yield path, f"{hint}this is a nightly build of Ray: name a version"
        if START.search(command) and not everywhere and "RAY_AUTH_MODE=token" not in command:
            yield path, f"{hint}Ray starts without authentication: set RAY_AUTH_MODE=token in this command"


def _commands(given: Config, config: Config, *keys: str) -> Iterator[tuple[Path, str, str]]:
    """Where each command stands, what is to be said of one that only Ray's defaults hold, and the command."""
    for key in keys:
        commands = config.get(key) or []
        if key in ("head_setup_commands", "worker_setup_commands"):
            # Ray has put the common ones before them.
            commands = commands[len(config.get("setup_commands") or []) :]
        for index, command in enumerate(commands):
            if key in given:
                yield (key, index), "", command
            else:
                yield (key,), "left out, so that Ray's default stands here: ", command
