"""A server that refuses, against one that is busy or away; and the credentials that it is asked with."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from cluster.planning.preflight import check_tracking
from cluster.tracking.run_description import DataDescription, RunDescription
from cluster.tracking.tracker import Tracker
from optimizers import InputError
from tests.cluster.mlflow_server import Proxy, Server
from tests.conftest import wait_until
from trainables.mlflow_contract import Status

pytestmark = pytest.mark.cluster

POINT = {"step": 1, "epoch": 1, "timestamp": 1_700_000_000_000, "val/loss": 0.5}
RUN = RunDescription("adam/0", {"sweep.role": "trial"}, {"lr": 1}, DataDescription("digits", {"data": "made up"}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("server"))
    one.start()
    yield one
    one.kill()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    one = Proxy(server.uri)
    yield one
    one.close()


def send(tracker: Tracker) -> None:
    tracker.log(RUN, [POINT])
    tracker.dataset(RUN, "f" * 64)
    tracker.end(RUN, Status.FINISHED)


def assert_whole(server: Server, name: str) -> None:
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(f"adamant/{name}")
    assert experiment is not None
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"val/loss": 0.5}
    assert run.data.params == {"lr": "1"}


def test_the_address_is_asked_with_its_own_user_and_password(proxy: Proxy) -> None:
    check_tracking(f"http://user:p@ss@{proxy.address}")
    assert proxy.authorizations == {f"Basic {base64.b64encode(b'user:p@ss').decode()}"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_refuses_the_user_is_told_without_the_password(proxy: Proxy, status: int) -> None:
    proxy.refused[""] = status
    with pytest.raises(InputError, match=rf"http://user:\*\*\*@.*refuses access \(status {status}.*USERNAME"):
        check_tracking(f"http://user:p@ss@{proxy.address}")


@pytest.mark.parametrize("status", [401, 429, 503])
def test_nothing_is_lost_while_a_server_refuses_everything_or_is_busy(
    server: Server, proxy: Proxy, tmp_path: Path, status: int
) -> None:
    name = f"all-{status}"
    tracker = Tracker(f"http://user:p@ss@{proxy.address}", name, "1", tmp_path)
    assert tracker.experiment_id()
    proxy.refused[""] = status
    send(tracker)
    wait_until(lambda: tracker.trouble, 60, "the refusal")
    assert tracker.trouble is not None
    assert tracker.trouble.lasting is (status == 401)
    assert "p@ss" not in str(tracker.trouble)
    proxy.refused.clear()
    assert tracker.close(60)
    assert not tracker.refused
    assert_whole(server, name)


def test_what_alone_is_refused_holds_up_nothing_else(
    server: Server, proxy: Proxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.refused["runs/log-inputs"] = 403
    tracker = Tracker(f"http://{proxy.address}", "one", "1", tmp_path)
    with caplog.at_level(logging.WARNING):
        send(tracker)
        assert tracker.close(60)
    assert list(tracker.refused) == ["adam/0"]
    assert "MLflow refuses a part of adam/0" in caplog.text
    assert_whole(server, "one")
    proxy.refused.clear()
    again = Tracker(f"http://{proxy.address}", "one", "1", tmp_path)
    assert again.closed_runs() == set()
    again.send_again(RUN)
    send(again)
    assert again.close(60)
    assert not again.refused
