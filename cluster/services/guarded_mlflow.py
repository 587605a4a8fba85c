"""MLflow's pages for their own origin alone: MLflow by itself answers any page that a server of this machine has sent.

``mlflow server --app-name adamant-ui`` takes it by the entry point of that name in ``pyproject.toml``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

NAME = "adamant-ui"
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class OwnOrigin:
    """An ASGI application that refuses requests of pages of another host, scheme or port."""

    def __init__(self, application: Callable[[], Application]) -> None:
        """``application`` is made at the first request: the process that starts the servers needs none."""
        self._made: Application | None = None
        self._make = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not _is_own(dict(scope["headers"])):
            if scope["type"] == "http":
                kind = (b"content-type", b"text/plain")
                await send({"type": "http.response.start", "status": 403, "headers": [kind]})
                await send({"type": "http.response.body", "body": b"Forbidden"})
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        if self._made is None:
            self._made = self._make()
        await self._made(scope, receive, send)


def _is_own(headers: dict[bytes, bytes]) -> bool:
    origin, host = (headers.get(name, b"").decode("latin-1") for name in (b"origin", b"host"))
    try:
        return b"origin" not in headers or urlsplit(origin).netloc == host
    except ValueError:  # no address
        return False


def _mlflow() -> Application:
    from mlflow.server.fastapi_app import app as pages

    return pages


app = OwnOrigin(_mlflow)
