"""The distribution that installs the rooms: its name on an index, its version, and how to add one of its extras.

The command is called `adamant`; the distribution is not, since that name belongs to another project on PyPI.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from cluster.source_tree import SOURCE_ROOT

NAME = "adamant-sweeps"


def version() -> str:
    """Return the version of the checkout that this module lies in, else of the installed distribution.

    Raises:
        importlib.metadata.PackageNotFoundError: The rooms were copied here without either.
    """
    # The metadata of an editable installation are as old as that installation, so the checkout comes first.
    return _checkout_version() or metadata.version(NAME)


def install_command(extra: str) -> str:
    """Return the pip command that adds an extra, from where this distribution was installed.

    Only a distribution that came from an index is asked for by its name alone.
    """
    if _checkout_version():
        return shlex.join(["pip", "install", "--editable", f"{SOURCE_ROOT}[{extra}]"])
    record = next((file for file in metadata.files(NAME) or () if file.name == "direct_url.json"), None)
    origin = "" if record is None else f" @ {_requirement_url(json.loads(record.read_text(encoding='utf-8')))}"
    return shlex.join(["pip", "install", f"{NAME}[{extra}]{origin}"])


def _checkout_version() -> str | None:
    project = SOURCE_ROOT / "pyproject.toml"
    if not project.is_file():
        return None
    stated = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
    # Some distributions leave a pyproject.toml of theirs in site-packages.
    return stated["version"] if stated.get("name") == NAME else None


def _requirement_url(direct_url: Mapping[str, Any]) -> str:
    """Return the URL of a requirement from pip's record of an installation (PEP 610)."""
    url, vcs = direct_url["url"], direct_url.get("vcs_info")
    if vcs:
        url = f"{vcs['vcs']}+{url}@{vcs.get('requested_revision', vcs['commit_id'])}"
    return f"{url}#subdirectory={direct_url['subdirectory']}" if "subdirectory" in direct_url else url
