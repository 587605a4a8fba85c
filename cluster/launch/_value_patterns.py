"""What may stand in a cluster file: each text ends up in commands and in other files, so each has a pattern."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

# Nobody's own network is larger.
WIDEST_RANGE = {4: 8, 6: 16}


def _ssh_range(given: str) -> str:
    """Raises ValueError for anything but the range of some, not all, addresses."""
    try:
        network = ipaddress.ip_network(given)
        if "%" in given:  # a scope, which may hold any text
            raise ValueError
    except ValueError:
        raise ValueError(f"{given!r} is no range of addresses; write yours, such as 203.0.113.7/32") from None
    if network.prefixlen < WIDEST_RANGE[network.version]:
        raise ValueError(
            f"{given} opens SSH to much of the world; write the range you come from, such as 203.0.113.7/32"
        )
    return str(network)


def _pinned(given: str) -> str:
    if not is_pinned(given):
        raise ValueError(
            f"{given!r} changes under your feet; name a version or a digest, such as {given.partition(':')[0]}:1.0"
        )
    return given


def is_pinned(image: str) -> bool:
    """Whether a container image names a digest, or a tag that is meant to stay what it is."""
    if "@sha256:" in image:
        return True
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return bool(colon and tag) and not tag.startswith(("latest", "nightly"))


def _plain_path(given: Path) -> Path:
    if not re.fullmatch(r"(~/)?[\w./][\w./-]*", str(given)) or not given.name:
        raise ValueError(f"{str(given)!r} is no plain path; use letters, digits and _ . - / alone, as in ~/.ssh/lab")
    return given


# None begins as an option of a command does. Names of cloud machines and of Kubernetes' objects allow less than those
# of sweeps.
ClusterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
Range = Annotated[str, AfterValidator(_ssh_range)]
ContainerImage = Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9_./:@-]*$"), AfterValidator(_pinned)]
KeyFile = Annotated[Path, AfterValidator(_plain_path)]
Folder = Annotated[str, Field(pattern=r"^/[\w./-]*[\w-]$")]
Artifacts = Annotated[str, Field(pattern=r"^((s3|gs)://[A-Za-z0-9_.-]+(/[A-Za-z0-9_./-]+)?|/[\w./-]*[\w-])$")]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]*$")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9:][A-Za-z0-9_.:-]*$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
LabelKey = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.-]{0,252}/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
# Larger than any cluster; what is greater is a slip that would cost money.
MOST_MACHINES, MOST_CORES, MOST_GPUS, MOST_MINUTES = 10_000, 10_000, 1_000, 100_000
