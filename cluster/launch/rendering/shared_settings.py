"""What the launch files of all providers share: how Ray is started, and YAML with comments."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from cluster.ray.session import OBJECT_STORE_BYTES
from search_spaces.schema.yaml_source import dump_yaml

PORT = 6379
TITLE = "Rendered by `adamant cluster render`; edit the cluster file and render again."
TOKEN = "~/.ray/auth_token"
OPEN_FILES = 65536


def ray_version() -> str:
    """Of the Ray that is installed here, which the nodes must have too."""
    return version("ray")


def commented(data: Mapping[str, Any], notes: Mapping[str, str], title: str = TITLE) -> str:
    """YAML text with ``notes`` as comments above the top-level keys that they are about."""
    parts = [comment(title)]
    for key, value in data.items():
        parts.extend((comment(notes.get(key, "")), dump_yaml({key: value})))
    return "".join(parts)


def documents(title: str, *manifests: Mapping[str, Any]) -> str:
    """YAML text of several documents."""
    return comment(title) + "---\n".join(dump_yaml(manifest) for manifest in manifests)


def comment(text: str) -> str:
    """``text`` as comment lines; what is indented is a command, which is not wrapped."""
    lines = []
    for line in text.splitlines():
        lines.extend([line] if line.startswith("  ") else textwrap.wrap(line, 110))
    return "".join(f"# {line}\n" for line in lines)


def head_command(environment: str, *, autoscaler_v2: bool, address: str | None = None) -> str:
    """Shell command that starts a head which runs no trials and whose dashboard only this machine can open.

    ``address`` is the head's, where it is known.
    """
    settings = {**_settings(environment), "RAY_enable_autoscaler_v2": str(int(autoscaler_v2))}
    return _start(
        settings,
        "--head",
        f"--port={PORT}",
        "--num-cpus=0",
        "--num-gpus=0",
        "--dashboard-host=127.0.0.1",
        *([f"--node-ip-address={address}"] if address else []),
        "--autoscaling-config=~/ray_bootstrap_config.yaml",
    )


def worker_command(environment: str) -> str:
    """Shell command that joins the head that Ray's cluster launcher names."""
    return _start(_settings(environment), f"--address=$RAY_HEAD_IP:{PORT}")


def stop_command(environment: str) -> str:
    return f"{environment}/bin/ray stop"


def services_command(environment: str, code: str, mount: str, artifacts: str) -> str:
    """Shell command that brings up PostgreSQL and the MLflow server on the head; their data outlives it."""
    return (
        f"cd {code} && {environment}/bin/python -m cluster.services_commands up "
        f"--folder {shlex.quote(f'{mount}/services')} --artifacts {shlex.quote(artifacts)}"
    )


def _settings(environment: str) -> dict[str, str]:
    return {
        "PATH": f'"{environment}/bin:$PATH"'.replace("~", "$HOME"),
        "RAY_AUTH_MODE": "token",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _start(settings: Mapping[str, str], *arguments: str) -> str:
    exported = " ".join(f"{name}={value}" for name, value in settings.items())
    options = " ".join((*arguments, f"--object-store-memory={OBJECT_STORE_BYTES}"))
    return f"export {exported}; ulimit -n {OPEN_FILES}; ray start {options}"
