"""Compare the fields that ``adamant cluster check`` knows, and what is rendered, with KubeRay's own definitions.

Give it the definitions of a KubeRay that is installed somewhere (``kubectl get crd rayclusters.ray.io -o yaml``, and of
``rayjobs.ray.io``), from the repository: ``python -m tests.by_hand.kuberay_fields rayclusters.yaml rayjobs.yaml``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel

from cluster.launch._manifest_rules import ClusterSpec, JobSpec

RENDERED = Path(__file__).resolve().parent.parent.parent / "cluster" / "launch" / "rendered" / "kuberay"
Schema = dict[str, Any]


def read(path: Path) -> tuple[str, Schema]:
    """Return the kind that a definition is of, and the schema of its version v1."""
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
    [version] = [version for version in spec["versions"] if version["name"] == "v1"]
    return spec["names"]["kind"], version["schema"]["openAPIV3Schema"]


def closed(schema: Any) -> Any:
    """Return a schema as Kubernetes takes it: a key that is not named in it is an error."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: closed(part) for key, part in schema.items()}
    if isinstance(changed.get("properties"), dict) and not changed.get("x-kubernetes-preserve-unknown-fields"):
        changed.setdefault("additionalProperties", False)
    if changed.get("x-kubernetes-int-or-string"):
        changed.pop("type", None)
    return changed


def differences(model: type[BaseModel], schema: Schema, path: str) -> Iterator[str]:
    """Yield the fields of a resource that either side lacks; parts of Kubernetes' own are not gone into."""
    if model.model_config.get("extra") == "allow" or "properties" not in schema:
        return
    ours, theirs = model.model_fields, schema["properties"]
    for name in sorted(ours.keys() ^ theirs.keys()):
        yield f"{path}.{name}: {'unknown here' if name in theirs else 'unknown to KubeRay'}"
    for name in ours.keys() & theirs.keys():
        annotation = ours[name].annotation
        for part in (annotation, *get_args(annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from differences(part, theirs[name].get("items", theirs[name]), f"{path}.{name}")


def main(paths: list[str]) -> int:
    """Print every difference and every error; return how many there are."""
    found = []
    for kind, schema in map(read, map(Path, paths)):
        spec = JobSpec if kind == "RayJob" else ClusterSpec
        found += differences(spec, schema["properties"]["spec"], f"{kind}.spec")
        validator = Draft7Validator(closed(schema))
        for file in sorted(RENDERED.iterdir()):
            for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
                if document["kind"] == kind:
                    errors = validator.iter_errors(document)
                    found += [f"{file.name}: {error.json_path}: {error.message}" for error in errors]
    print(*found, f"{len(found)} differences", sep="\n")
    return len(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
