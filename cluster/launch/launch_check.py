"""Checks of launch files before they cost anything: our cluster files, `ray up` files, KubeRay's manifests, scripts."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster.launch import _launch_rules, _manifest_rules, _placeholders, _start_rules
from cluster.launch._plain_data import walk
from cluster.launch.cluster_file import parse_cluster
from cluster.launch.rendering import render
from optimizers import InputError
from optimizers.errors import one_line
from search_spaces.schema.validation import validated
from search_spaces.schema.yaml_source import Document, load_documents, load_yaml, read_text

SCRIPT_SUFFIXES = (".sh", ".sbatch")
YAML_SUFFIXES = (".yaml", ".yml", ".json")
SECRETS = {
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[0-9A-Za-z]{30,}\b"),
    "a Google API key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    # A value that is written out: neither a variable nor a path nor the name of a Kubernetes Secret's key.
    "a password or token": re.compile(
        r"(?i)(password|passwd|secret|secret_access_key|auth_token|api_key|token)['\"]?\s*[:=]\s*['\"]?[^\s'\"~/.$({<\[]{6,}"
    ),
    "a password in a URL": re.compile(r"://[^\s:/@$]+:[^\s/@$({]+@"),
}
WORLD = ("0.0.0.0/0", "::/0")


def check(path: str | Path) -> list[str]:
    """What is wrong in a launch file, a sentence each with file, line and key; nothing when all is well.

    Raises InputError when there is no such file or when it is no text.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such launch file")
    text = read_text(Path(path))
    return [*check_text(text, str(path)), *_placeholders.problems(text, str(path))]


def check_text(text: str, source: str) -> list[str]:
    """As :func:`check`, of a text that ``source`` names and that may hold the values of examples."""
    found = list(_secrets(text, source))
    if Path(source).suffix in SCRIPT_SUFFIXES or text.startswith("#!"):
        return found + list(_script(text, source))
    if Path(source).suffix not in YAML_SUFFIXES:
        known = ", ".join((*YAML_SUFFIXES, *SCRIPT_SUFFIXES))
        return [*found, f"{source}: its name ends in none of {known}, so what it should be is not known"]
    try:
        documents = load_documents(text, source)
        for document in documents:
            found.extend(_problems(document, text))
    except InputError as error:
        return [*found, *map(str, error.problems)]
    return found if documents else [*found, f"{source}: it is empty"]


def ray_validates(config: dict[str, Any]) -> dict[str, Any]:
    """``config`` with Ray's defaults filled in, by the validator of `ray up` itself.

    Raises ValueError with what Ray says. The one place that calls this private part of Ray.
    """
    import click
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    logging.getLogger("ray.autoscaler").setLevel(logging.ERROR)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            prepared = prepare_config(copy.deepcopy(config))
            validate_config(prepared)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(f"{key}: {error.message}" if key else error.message) from None
    except (click.ClickException, ValueError, RuntimeError, AssertionError) as error:
        raise ValueError(" ".join((str(error) or said.getvalue()).split())) from None
    except Exception as error:  # noqa: BLE001 - it reads on before it looks at types, so malformed parts end in anything
        raise ValueError(f"it cannot read this file ({type(error).__name__}: {one_line(error)})") from None
    return prepared


def _problems(document: Document, text: str) -> Iterator[str]:
    data = document.data
    if not isinstance(data, dict):
        yield str(document.error((), "a launch file is a mapping"))
        return
    for path, value in walk(data):
        if value in WORLD:
            yield str(document.error(path, f"{value} opens the port to the whole world: name the range you come from"))
    if "apiVersion" in data:
        yield from _manifest(document)
    elif isinstance(data.get("provider"), str) or ("provider" not in data and "name" in data):
        yield from _cluster_file(load_yaml(text, document.source))
    elif "AWSTemplateFormatVersion" not in data:
        yield from _ray_up(document)


def _cluster_file(document: Document) -> Iterator[str]:
    """A cluster file is as good as what it renders to."""
    for name, text in render(parse_cluster(document)).items():
        yield from check_text(text, f"{document.source} rendered to {name}")


def _ray_up(document: Document) -> Iterator[str]:
    provider = document.data.get("provider")
    if not isinstance(provider, dict) or "type" not in provider:
        yield str(
            document.error(
                ("provider",), "this is neither a cluster file nor a `ray up` file: provider.type is missing"
            )
        )
        return
    try:
        prepared = ray_validates(document.data)
    except ValueError as error:
        yield f"{document.source}: Ray says: {error}"
        return
    for path, message in _launch_rules.problems(document.data, prepared):
        yield str(document.error(path, message))


def _manifest(document: Document) -> Iterator[str]:
    model = _manifest_rules.RESOURCES.get(str(document.data.get("kind")))
    if model is not None:
        try:
            validated(model, document)
        except InputError as error:
            yield from map(str, error.problems)
    for path, message in _manifest_rules.problems(document.data):
        yield str(document.error(path, message))


def _secrets(text: str, source: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in SECRETS.items():
            if pattern.search(line.partition(" #")[0]):
                yield f"{source}:{number}: {what} stands in the file; keep it in a secret store or on the machines"
                break


def _script(text: str, source: str) -> Iterator[str]:
    lines = dict(_commands(text))
    heads = {number: line for number, line in lines.items() if _start_rules.HEAD.search(line)}
    workers = {number: line for number, line in lines.items() if number not in heads}
    for number, message in _start_rules.joining(heads, workers):
        yield f"{source}:{number}: {message}"
    for number, line in lines.items():
        if _launch_rules.OPEN_DASHBOARD.search(line):
            yield f"{source}:{number}: the dashboard must listen on 127.0.0.1"
        if _launch_rules.START.search(line) and "RAY_AUTH_MODE=token" not in line:
            yield f"{source}:{number}: Ray starts without authentication: set RAY_AUTH_MODE=token in this command"
        if any(f"={world}" in line for world in WORLD):
            yield f"{source}:{number}: this opens the port to the whole world: name the range you come from"


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """The commands of a script by the lines on which they begin; one goes on after a backslash. No comments."""
    begun, command = 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        command += line.removesuffix("\\")
        if not line.endswith("\\"):
            if not command.lstrip().startswith("#"):
                yield begun, command
            begun, command = number + 1, ""
