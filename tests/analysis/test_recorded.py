"""What `analysis` reads of a real sweep: the same numbers whichever way they come, and a report that opens anywhere."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from playwright.sync_api import sync_playwright

import analysis
from tests.cluster.test_ui import CHROMIUM, answers, free_ports
from tests.conftest import FrontDoor, wait_until

pytestmark = pytest.mark.cluster
LARGEST_PAGE = 5e6


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def door(recorded: tuple[FrontDoor, str]) -> FrontDoor:
    return recorded[0]


@pytest.fixture
def server(door: FrontDoor) -> Iterator[str]:
    """An MLflow server over the same database."""
    port = free_ports()
    process = door.start("ui", "--port", str(port), output=subprocess.DEVNULL)
    wait_until(lambda: answers(f"{port}/health"), 90, "the MLflow server")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def test_the_curves_in_the_sweeps_file_are_those_in_mlflows_history(
    door: FrontDoor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        # Whatever asks for a run's history now fails.
        patched.delattr(MlflowClient, "get_metric_history")
        from_file = analysis.load("recorded", door.tracking_uri)
    assert len(from_file.trials) == 96
    assert len(from_file.confirmations) == 18
    diverged = from_file.trials["outcome"] == "diverged"
    assert set(from_file.trials[~diverged]["run_id"]) <= set(from_file.curves["run_id"])
    assert set(from_file.confirmations["run_id"]) <= set(from_file.curves["run_id"])
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "another"))
    monkeypatch.setattr("analysis.data._curves.CURVES_FILE", "no-such-file")
    from_history = analysis.load("recorded", door.tracking_uri)
    assert set(from_history.curves) == set(from_file.curves)
    pd.testing.assert_frame_equal(from_history.curves[list(from_file.curves)], from_file.curves)


def test_a_file_of_curves_that_is_not_as_it_was_written_is_not_used(
    door: FrontDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = analysis.load("recorded", door.tracking_uri).curves
    shutil.copytree(door.runs, tmp_path / "runs")
    [file] = (tmp_path / "runs" / "mlflow-artifacts").glob("**/curves.parquet")
    changed = pd.read_parquet(file)
    changed.assign(**{"val/loss": 2 * changed["val/loss"]}).to_parquet(file, index=False)
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "another"))
    taken = analysis.load("recorded", f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}").curves
    pd.testing.assert_frame_equal(taken[list(whole)], whole)


def test_a_database_and_a_server_give_the_same_report(door: FrontDoor, server: str, tmp_path: Path) -> None:
    said = []
    for number, uri in enumerate((door.tracking_uri, server)):
        out = str(tmp_path / str(number))
        ended = door("report", "recorded", "--tracking-uri", uri, "--out", out, "--json")
        assert ended.returncode == 0, ended.stderr
        said.append(json.loads(ended.stdout))
        data = json.loads((Path(out) / "report.json").read_text())
        assert data["arms"] == said[-1]["arms"]
    assert said[0] == said[1]
    local, remote = (analysis.load("recorded", uri) for uri in (door.tracking_uri, server))
    for name in ("trials", "confirmations", "curves"):
        pd.testing.assert_frame_equal(getattr(local, name), getattr(remote, name))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)")
def test_the_page_opens_without_a_network_and_draws_every_figure(door: FrontDoor, tmp_path: Path) -> None:
    ended = door("report", "recorded", "--out", str(tmp_path / "report"))
    assert ended.returncode == 0, ended.stderr
    page_file = tmp_path / "report" / "report.html"
    assert page_file.stat().st_size < LARGEST_PAGE
    # A copy of the page alone, far from its folder.
    alone = Path(shutil.copy(page_file, tmp_path / "alone.html"))
    told: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: told.append(request.url) if request.url.startswith("http") else None)
        page.goto(alone.as_uri())
        page.wait_for_selector("body[data-drawn=yes]", timeout=120_000)
        figures = page.locator(".plot:has(.main-svg)").count()
        names = page.locator(".plot").count()
        assert page.locator("text=Figures that are not shown").count() == 0, "this sweep has what every figure needs"
        page.get_by_text("All 96 trials").click()
        link = page.get_by_role("link", name="adam/0", exact=True).first.get_attribute("href")
        browser.close()
    assert told == []
    assert names >= 10
    assert figures == names
    adam = analysis.load("recorded", door.tracking_uri).trials.set_index("trial_id").loc["adam/0", "run_id"]
    assert f"/runs/{adam}?" in str(link)


def test_the_report_is_with_the_summary_run(door: FrontDoor) -> None:
    [records] = analysis.read_sweep("recorded", door.tracking_uri)
    names = {file.path for file in MlflowClient(door.tracking_uri).list_artifacts(records.summary_id)}
    assert {"sweep.yaml", "curves.parquet", "report.html", "report.md", "report.json", "figures"} <= names


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)")
def test_the_page_runs_no_program_but_its_own_and_loads_nothing(door: FrontDoor, tmp_path: Path) -> None:
    """As if a text of a sweep's had been written into it unescaped."""
    ended = door("report", "recorded", "--out", str(tmp_path / "report"))
    assert ended.returncode == 0, ended.stderr
    page_file = tmp_path / "report" / "report.html"
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.setblocking(False)
    address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
    planted = (
        '<script>document.body.dataset.planted = "script"</script>'
        f'<img src="{address}x" onerror="document.body.dataset.planted = 1">'
        '<a id="link" href="javascript:document.body.dataset.planted = 2">x</a>'
        f'<form action="{address}"><button id="send">x</button></form>'
    )
    page_file.write_text(page_file.read_text().replace("<noscript>", f"{planted}<noscript>", 1))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(page_file.as_uri())
        page.wait_for_selector("body[data-drawn=yes]", timeout=120_000)
        for element in ("link", "send"):
            page.evaluate(f"document.getElementById('{element}').click()")
        assert page.evaluate("document.body.dataset.planted") is None
        assert page.url == page_file.as_uri()
        browser.close()
    # Chromium opens a connection for a form that it then does not send.
    with elsewhere, suppress(BlockingIOError):
        assert elsewhere.accept()[0].recv(1) == b""
