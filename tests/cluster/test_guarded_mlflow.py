"""MLflow's pages answer who asks for them, and no page of another origin, which a browser would let read the answer."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from importlib.metadata import entry_points
from typing import Any

import pytest

from cluster.services import guarded_mlflow
from cluster.services.guarded_mlflow import OwnOrigin

HOST = b"127.0.0.1:5000"


def answer(kind: str, **headers: bytes) -> list[MutableMapping[str, Any]]:
    """What is sent to a request with these headers; "served" stands for the application's own answer."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "served"})

    scope = {"type": kind, "headers": [(name.encode(), value) for name, value in headers.items()]}
    asyncio.run(OwnOrigin(lambda: application)(scope, receive, send))
    return sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "served"),
    [
        (None, True),
        (b"http://127.0.0.1:5000", True),
        (b"http://localhost:5000", False),
        (b"http://127.0.0.1:5001", False),
        (b"http://127.0.0.1", False),
        (b"http://evil.example", False),
        (b"http://evil.example:5000", False),
        (b"http://127.0.0.1:5000.evil.example", False),
        (b"null", False),
        (b"", False),
        (b"http://[::1", False),
        (b"\xff", False),
    ],
)
def test_another_origin_is_refused(kind: str, origin: bytes | None, served: bool) -> None:
    [first, *_] = answer(kind, host=HOST, **({} if origin is None else {"origin": origin}))
    if served:
        assert first == {"type": "served"}
    else:
        assert first.get("status", first.get("code")) in (403, 1008)


def test_it_is_what_mlflow_serves_under_that_name() -> None:
    [found] = entry_points(group="mlflow.app", name=guarded_mlflow.NAME)
    assert found.load() is guarded_mlflow.app
    assert answer("lifespan") == [{"type": "served"}]
