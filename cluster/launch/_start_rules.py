"""Whether the nodes of a cluster find each other: rules about its `ray start` commands, in any launch file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

START = re.compile(r"\bray\s+start\b")
HEAD = re.compile(r"--head\b")
ADDRESS = re.compile(r"--address[=\s]+['\"]?([^\s'\";]+)")
PORT = re.compile(r"--port[=\s]+['\"]?([^\s'\";]+)")
AUTOSCALING = re.compile(r"--autoscaling-config\b")
DEFAULT_PORT = "6379"

Place = TypeVar("Place")


def joining(heads: Mapping[Place, str], workers: Mapping[Place, str]) -> Iterator[tuple[Place, str]]:
    """What keeps workers from joining the head; commands by the places where they stand, others are left out."""
    heads, workers = ({place: one for place, one in each.items() if START.search(one)} for each in (heads, workers))
    for place, command in heads.items():
        if not HEAD.search(command):
            yield place, "this starts no head: add --head"
    listening = {match[1] if (match := PORT.search(command)) else DEFAULT_PORT for command in heads.values()}
    ports = listening if all(map(str.isdecimal, listening)) else set()  # a variable may be any
    for place, command in workers.items():
        address = ADDRESS.search(command)
        if HEAD.search(command):
            yield place, "this starts a head of its own: write --address=$RAY_HEAD_IP:PORT in place of --head"
        elif address is None:
            yield place, "this joins no head: add --address=$RAY_HEAD_IP:PORT"
        elif ports and (asked := _port_of(address[1])).isdecimal() and asked not in ports:
            yield place, f"the workers ask port {asked}, and the head listens on {' and '.join(sorted(ports))}"


def _port_of(address: str) -> str:
    _, colon, port = address.partition(":")
    return port if colon else DEFAULT_PORT


def scaling(heads: Mapping[Place, str]) -> Iterator[tuple[Place, str]]:
    """Heads that start no workers."""
    for place, command in heads.items():
        if START.search(command) and not AUTOSCALING.search(command):
            yield place, "the head starts no workers: add --autoscaling-config=~/ray_bootstrap_config.yaml"
