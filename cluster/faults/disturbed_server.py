"""An MLflow server, and a proxy before it that can be told to answer badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster.polling import holds_within
from cluster.ports import THIS_MACHINE, free_port
from cluster.run.served import answers, direct

STARTING_S = 120.0
SLOW_S = 5.0
ANSWER_S = 60.0


class Answers(StrEnum):
    """How the proxy answers."""

    WELL = "well"
    NOTHING = "nothing"
    HALF = "half an answer"
    GARBAGE = "garbage"
    SLOWLY = "slowly"
    ERROR = "500"
    REFUSAL = "401"


_STATUS = {Answers.ERROR: 500, Answers.REFUSAL: 401}


class DisturbedServer:
    """Used as a context manager: an MLflow server in ``folder``, with its database there."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.answers = Answers.WELL
        self._proxy = ThreadingHTTPServer((THIS_MACHINE, 0), self._handler())

    @property
    def uri(self) -> str:
        """That of the proxy."""
        return f"http://{THIS_MACHINE}:{self._proxy.server_port}"

    def __enter__(self) -> DisturbedServer:
        threading.Thread(target=self._proxy.serve_forever, daemon=True).start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self.kill()

    def start(self) -> None:
        """Start the server. Raises OSError when it does not answer in time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        where = ["--host", THIS_MACHINE, "--port", str(self._port), "--workers", "1"]
        where += ["--backend-store-uri", f"sqlite:///{self._folder / 'server.db'}"]
        where += ["--default-artifact-root", str(self._folder / "artifacts")]
        settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "1"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *where], env={**os.environ, **settings},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        if not holds_within(STARTING_S, lambda: answers(self._target)):
            raise OSError(f"the MLflow server has not started; see {self._folder / 'server.log'}")

    def kill(self) -> None:
        """End the server at once, with its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @property
    def _target(self) -> str:
        return f"http://{THIS_MACHINE}:{self._port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                how = server.answers
                if how == Answers.NOTHING:
                    self.close_connection = True
                    return
                if how == Answers.SLOWLY:
                    time.sleep(SLOW_S)
                status, content = (_STATUS[how], b"") if how in _STATUS else server._pass_on(self, body)
                sent = {Answers.HALF: content[: len(content) // 2], Answers.GARBAGE: os.urandom(64)}.get(how, content)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content) if how == Answers.HALF else len(sent)))
                self.end_headers()
                self.wfile.write(sent)
                self.close_connection |= how == Answers.HALF

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - the names are http.server's

            def log_message(self, format: str, *_: object) -> None:
                """Print nothing."""

        return Handler

    def _pass_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        kind = {"Content-Type": handler.headers.get("Content-Type", "application/json")}
        request = urllib.request.Request(self._target + handler.path, body or None, kind, method=handler.command)
        try:
            with direct.open(request, timeout=ANSWER_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 503, b""
