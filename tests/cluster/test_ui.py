"""What a person sees behind the printed links: a real browser on what `adamant ui` serves of a sweep of 114 runs."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cluster.distribution import install_command
from cluster.ports import free_port, listens
from search_spaces.tracking.links import served_at
from tests.conftest import REPOSITORY, FrontDoor, wait_until

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]
# The arms of recorded.yaml in their order, with their colours.
COLOURS = {
    "adam": "rgb(0, 114, 178)",
    "adamw": "rgb(213, 94, 0)",
    "scheduled": "rgb(0, 158, 115)",
    "orders": "rgb(204, 121, 167)",
    "memory": "rgb(230, 159, 0)",
    "sgd": "rgb(86, 180, 233)",
}
BEST_LOSS = "[col-id='metrics.`summary/best_val_loss`']"
PATIENCE_MS = 120_000


@dataclass(frozen=True)
class Served:
    """The recorded sweep behind `adamant ui --studies`: MLflow on ``port``, Optuna's dashboard on the next one.

    ``printed`` is what it has printed.
    """

    door: FrontDoor
    port: int
    process: subprocess.Popen
    printed: Path

    def link(self, title: str) -> str:
        """The link that the UI printed under that title."""
        (link,) = re.findall(rf"^{title}: (http\S+)$", self.printed.read_text(), re.MULTILINE)
        return link


@pytest.fixture(scope="module")
def served(recorded: tuple[FrontDoor, str]) -> Iterator[Served]:
    door, printed = recorded[0], recorded[0].folder / "ui.txt"
    with printed.open("w") as file:
        port, process = serve(door, file)
        wait_until(lambda: "Summary, " in printed.read_text(), 30, "the links")
    yield Served(door, port, process, printed)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not listens(port)
    assert not listens(port + 1)


def serve(door: FrontDoor, output: IO[str] | int = subprocess.DEVNULL) -> tuple[int, subprocess.Popen]:
    port = free_ports()
    process = door.start("ui", "--studies", "--port", str(port), output=output)
    for address in (f"{port}/health", f"{port + 1}/dashboard/"):
        wait_until(lambda address=address: answers(address), 90, f"an answer on {address}")
    return port, process


def free_ports() -> int:
    """The first of two ports, one after the other, on which nothing listens."""
    while True:
        port = free_port()
        if not listens(port + 1):
            return port


def answers(address: str) -> bool:
    """Whether a server is there, if only to ask for a password."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{address}", timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1600, "height": 1200})
    # MLflow opens its assistant once in every new browser.
    page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


def trials(served: Served) -> list[Run]:
    """The trials of the sweep, the best first."""
    client = MlflowClient(served.door.tracking_uri)
    experiment = client.get_experiment_by_name("adamant/recorded")
    assert experiment is not None
    best_first = ["metrics.`summary/best_val_loss` ASC"]
    return client.search_runs([experiment.experiment_id], "tags.`sweep.role` = 'trial'", order_by=best_first)


@pytest.mark.slow
def test_the_link_to_the_trials_opens_curves_of_every_arm(served: Served, page: Page) -> None:
    page.goto(served.link("Search runs"))
    expect(page.get_by_text("96 matching runs")).to_be_visible()
    loss = page.locator(".js-plotly-plot").first
    for colour in COLOURS.values():
        expect(loss.locator(f"path.js-line[style*='{colour}']").first).to_be_attached()
    headers = page.get_by_test_id("experiment-view-compare-runs-section-header").all_inner_texts()
    assert [re.findall(r"\w+", header)[0] for header in headers] == ["val", "train", "summary", "optim"]


def test_the_link_to_the_confirmations_opens_them_by_arm_each_in_its_colour(served: Served, page: Page) -> None:
    page.goto(served.link("Confirmation runs"))
    expect(page.get_by_text("18 matching runs")).to_be_visible()
    loss = page.locator(".js-plotly-plot").first
    for arm in COLOURS:
        expect(page.get_by_text(f"Group: {arm}", exact=True)).to_be_visible()
    # MLflow draws a run twice, also where nothing is smoothed: its smoothed curve, and below it its values, faintly.
    runs = [(f"{arm}/confirm/{number}", colour) for arm, colour in COLOURS.items() for number in range(3)]
    lines = loss.locator("path.js-line")
    expect(lines).to_have_count(2 * len(runs))
    names = loss.evaluate("plot => plot.data.map(trace => trace.name)")
    strokes = lines.evaluate_all("lines => lines.map(({style}) => [style.stroke, Number(style.strokeOpacity)])")
    drawn = [(name, colour, round(opacity, 2)) for name, (colour, opacity) in zip(names, strokes, strict=True)]
    assert sorted(drawn) == sorted((*run, opacity) for run in runs for opacity in (1, 0.15))


def test_links_have_the_port_that_is_served_and_a_sweep_that_ended_before_says_how_to_serve(
    served: Served, recorded: tuple[FrontDoor, str]
) -> None:
    assert "127.0.0.1" not in recorded[1]
    assert recorded[1].count(f"To see the runs: adamant ui --storage {served.door.runs}") == 2
    assert served_at(served.door.tracking_uri) == f"http://127.0.0.1:{served.port}"
    for title in ("Search runs", "Confirmation runs", "Summary, with the best runs side by side"):
        assert served.link(title).startswith(f"http://127.0.0.1:{served.port}/#/experiments/")
    assert "HTTP/1.1" not in served.printed.read_text(), "requests are not listed, so that the links stay in sight"


@pytest.mark.slow
def test_the_table_is_in_the_order_of_the_best_losses_either_way(served: Served, page: Page) -> None:
    page.goto(served.link("Search runs"))
    expect(page.get_by_text("96 matching runs")).to_be_visible()
    page.locator("label:has(input[type=radio][value=TABLE])").click()
    # A trial that diverged before its first evaluation has none, and stands at the end.
    losses = [run.data.metrics.get("summary/best_val_loss") for run in trials(served)]
    best = sorted(loss for loss in losses if loss is not None)
    for order in (best, best[::-1]):
        first = page.locator(f".ag-row[row-index='0'] {BEST_LOSS}")
        expect(first).to_have_text(str(order[0]))
        shown = [float(page.locator(f".ag-row[row-index='{row}'] {BEST_LOSS}").inner_text()) for row in range(15)]
        assert shown == order[:15]
        page.get_by_test_id("sort-header-summary/best_val_loss").click()


@pytest.mark.slow
def test_the_summary_leads_to_the_best_thirty_side_by_side(served: Served, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})  # in which the description is too long, and folded up
    page.goto(served.link("Summary, with the best runs side by side"))
    expect(page.get_by_text("Do schedules, other moments or a long memory help a small net?")).to_be_visible()
    report = page.locator("code").filter(has_text=f"adamant report recorded --storage {served.door.runs}")
    expect(report.first).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="the best 30 trials").click()
    page = opened.value
    expect(page.get_by_role("heading", name="Comparing 30 Runs from 1 Experiment")).to_be_visible()
    expect(page.locator(".parcoords")).to_be_visible()
    best = trials(served)
    for run, there in ((best[0], 1), (best[29], 1), (best[30], 0)):
        expect(page.get_by_role("link", name=run.info.run_id)).to_have_count(there)


@pytest.mark.slow
def test_the_page_of_a_run_says_what_it_was_and_how_to_repeat_it(served: Served, page: Page) -> None:
    best = trials(served)[0]
    page.goto(served.link("Search runs"))
    page.get_by_role("link", name=best.info.run_name, exact=True).click()
    expect(page.get_by_text(f"digits ({best.data.tags['data.fingerprint'][:32]})")).to_be_visible()
    expect(page.get_by_role("row", name=f"optimizer.lr {best.data.params['optimizer.lr']}")).to_be_visible()
    expect(page.locator("code").filter(has_text="hyperparameters:").first).to_be_visible()
    command = page.locator("code").filter(has_text="adamant replay").first.inner_text()
    page.get_by_role("tab", name="Artifacts").click()
    expect(page.get_by_text("trial.yaml").first).to_be_visible()

    repeated = served.door(*shlex.split(command)[1:])
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert f"{best.info.run_name}: equal." in repeated.stdout


def test_every_run_has_its_data_set_once(served: Served) -> None:
    for run in trials(served):
        assert run.inputs is not None
        (used,) = run.inputs.dataset_inputs
        assert used.dataset.name == "digits"
        assert run.data.tags["data.fingerprint"].startswith(used.dataset.digest)


@pytest.mark.slow
def test_optunas_dashboard_shows_the_studies(served: Served, browser: Browser) -> None:
    told = re.search(r"^Optuna: (http\S+)   \(user (\w+), password (\S+)\)$", served.printed.read_text(), re.MULTILINE)
    assert told is not None
    address, user, password = told.groups()
    page = browser.new_page(http_credentials={"username": user, "password": password})
    page.goto(f"{address}/dashboard/")
    for arm in COLOURS:
        expect(page.get_by_text(re.compile(rf"recorded/{arm}$"))).to_be_visible()
    expect(page.get_by_text("recorded/")).to_have_count(len(COLOURS))
    page.get_by_text(re.compile(r"recorded/adam$")).click()
    expect(page.get_by_text("confirm/0")).to_be_visible()
    page.close()


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0, -1])
def test_a_used_port_is_refused(served: Served, offset: int) -> None:
    refused = served.door("ui", "--studies", "--port", str(served.port + 1 + offset))
    assert refused.returncode == 2
    assert "something listens there already" in refused.stderr
    assert answers(f"{served.port}/health")


@pytest.mark.slow
def test_nothing_stays_behind_when_the_ui_is_killed(recorded: tuple[FrontDoor, str]) -> None:
    port, process = serve(recorded[0])
    process.kill()
    wait_until(lambda: not listens(port) and not listens(port + 1), 30, "both servers to end")


@pytest.mark.slow
def test_the_dashboard_that_is_not_installed_is_named(recorded: tuple[FrontDoor, str]) -> None:
    program = """
import sys
sys.modules["optuna_dashboard"] = None
sys.argv = ["adamant", "ui", "--studies"]
import adamant
from cluster.ports import free_port, free_port, listens, listens
adamant.app()
"""
    door = recorded[0]
    environment = {**door.environment, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", program]
    refused = subprocess.run(
        command, cwd=door.folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.endswith(f"is not installed; {install_command('services')}\n")
