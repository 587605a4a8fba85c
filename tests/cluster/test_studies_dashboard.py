"""Optuna's dashboard answers who has its password, by this machine's names, and no page of somebody else's."""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest

from cluster.cli.ui import Server, studies_server
from cluster.ports import free_port, listens
from search_spaces.stores.study_storage import open_storage
from tests.conftest import REPOSITORY, wait_until

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Dashboard:
    server: Server
    journal: Path
    process: subprocess.Popen[bytes]

    def ask(self, method: str, path: str, *, password: str | None = None, **headers: str) -> int:
        """The status that a request gets; the host's own name and the right password unless others are given."""
        given = self.server.password if password is None else password
        login = base64.b64encode(f"admin:{given}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True)
            told = {"Host": f"127.0.0.1:{self.server.port}", "Authorization": f"Basic {login}", **headers}
            for name, value in told.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    @property
    def studies(self) -> list[str]:
        return [study.study_name for study in open_storage(str(self.journal)).get_all_studies()]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    journal = tmp_path_factory.mktemp("studies") / "study.journal"
    for name in ("kept", "to be deleted"):
        optuna.create_study(storage=open_storage(str(journal)), study_name=name)
    server = studies_server(str(journal), free_port())
    with subprocess.Popen(server.command, cwd=REPOSITORY, env={**os.environ, **server.environment}) as process:
        wait_until(lambda: listens(server.port), 60, "the dashboard")
        yield Dashboard(server, journal, process)
        process.terminate()


def test_who_has_the_password_sees_and_deletes(dashboard: Dashboard) -> None:
    port = dashboard.server.port
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert dashboard.ask("GET", "/api/studies", Host=f"{host}:{port}") == 200
    # Through a tunnel the port is another one.
    assert dashboard.ask("GET", "/dashboard/", Host="localhost:8080") == 200
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert dashboard.ask("DELETE", "/api/studies/1", **own) == 204
    assert dashboard.studies == ["kept"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Host": "evil.example"}),
        (403, {"Host": "127.0.0.1.evil.example"}),
        (403, {"Host": "evil.example", "Origin": "http://evil.example"}),
        (403, {"Host": "[::1"}),
        (403, {"Host": ""}),
        (403, {"Origin": "http://evil.example"}),
        (403, {"Origin": "null"}),
        (403, {"Origin": "http://127.0.0.1:1"}),
        (401, {"Authorization": ""}),
        (401, {"Authorization": "Basic " + base64.b64encode(b"admin:").decode()}),
        (401, {"Authorization": "Bearer x"}),
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_nobody_else_sees_or_deletes_anything(
    dashboard: Dashboard, method: str, status: int, headers: dict[str, str]
) -> None:
    assert dashboard.ask(method, "/api/studies/0", **headers) == status
    assert "kept" in dashboard.studies


def test_the_password_is_on_no_command_line_and_is_told_once(dashboard: Dashboard) -> None:
    password = dashboard.server.password
    assert password
    assert password not in " ".join(dashboard.server.command)
    assert dashboard.server.told == f"Optuna: {dashboard.server.address}   (user admin, password {password})"
    assert studies_server(str(dashboard.journal), 5001).password != password
