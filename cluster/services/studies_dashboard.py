"""Optuna's dashboard, for whoever has its password on this machine, and for no page of somebody else's in a browser.

``python -m cluster.services.studies_dashboard``: which studies it shows, its port and its password are in its
environment, because a command line shows them to everybody on the machine.
"""

from __future__ import annotations

import base64
import hmac
import os
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

USER = "admin"
HOST = "127.0.0.1"
# What a browser on this machine calls it, also at the other end of a tunnel, with any port.
_OWN_HOSTS = ("127.0.0.1", "localhost", "::1")
_STUDIES, _PORT, _PASSWORD = "STUDIES", "STUDIES_PORT", "STUDIES_PASSWORD"
# No other page may show it in a frame, where a click could be led to it.
_HEADERS = [("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")]

command = [sys.executable, "-m", "cluster.services.studies_dashboard"]
"""What serves it."""


def settings(studies: str, port: int, password: str) -> dict[str, str]:
    """Return the variables from which the server takes what it is to serve."""
    return {_STUDIES: studies, _PORT: str(port), _PASSWORD: password}


class Guarded:
    """A WSGI application behind a password, which answers to this machine's own names alone.

    A page from elsewhere reaches a server of this machine through the browser of its user, by a name of its own that
    leads here or by a request of its own origin. Neither is answered, whatever the browser sends with it.
    """

    def __init__(self, application: WSGIApplication, password: str) -> None:
        self._application = application
        self._expected = b"Basic " + base64.b64encode(f"{USER}:{password}".encode())

    def __call__(self, environment: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        host, origin = environment.get("HTTP_HOST", ""), environment.get("HTTP_ORIGIN")
        if not _is_own(f"http://{host}") or (origin is not None and urlsplit(origin).netloc != host):
            return _refused(start_response, HTTPStatus.FORBIDDEN)
        given = environment.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if not hmac.compare_digest(given, self._expected):
            return _refused(start_response, HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", 'Basic realm="studies"'))

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            return start_response(status, [*headers, *_HEADERS], *error)

        return self._application(environment, start)


def _is_own(address: str) -> bool:
    try:
        return urlsplit(address).hostname in _OWN_HOSTS
    except ValueError:  # not the name of a host
        return False


def _refused(start_response: StartResponse, status: HTTPStatus, *headers: tuple[str, str]) -> list[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "text/plain"), *headers])
    return [status.phrase.encode()]


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing; errors are told all the same."""


def _main() -> None:
    from optuna_dashboard import wsgi

    from search_spaces.stores.study_storage import open_storage

    # Taken out, as nothing that it starts needs them.
    studies, port, password = (os.environ.pop(name) for name in (_STUDIES, _PORT, _PASSWORD))
    application = Guarded(wsgi(open_storage(studies)), password)
    with make_server(HOST, int(port), application, handler_class=_Quiet) as server:
        server.serve_forever()


if __name__ == "__main__":
    _main()
