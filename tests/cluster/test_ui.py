"""What a person sees behind the printed links: a real browser on the UI that `adamant ui` serves."""

from __future__ import annotations

import re
import shutil
import socket
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import FrontDoor, wait_until

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser.new_page(viewport={"width": 1600, "height": 1200})
        browser.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False


def test_the_printed_links_open_curves_in_which_the_arms_can_be_told_apart(front_door: FrontDoor, page: Page) -> None:
    settings = ["search.trials=3", "confirm.seeds=[1,2]", "workload.epochs=8", "scheduler={type: none}"]
    ended = front_door("run", "quickstart", *[part for setting in settings for part in ("--set", setting)])
    assert ended.returncode == 0, ended.stderr
    port = free_port()
    front_door.start("ui", "--port", str(port))
    wait_until(lambda: answers(port), 90, "the MLflow UI")
    *_, trials, confirmations = re.findall(
        r"^(?:Search runs|Confirmation runs): (http\S+)$", ended.stdout, re.MULTILINE
    )

    page.goto(trials.replace(":5000", f":{port}"))
    for name in ("adam/0", "adam/2", "scheduled/0", "scheduled/2"):
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("val/loss", exact=True).first).to_be_visible()
    expect(page.get_by_text("6 matching runs")).to_be_visible()
    for colour in ("rgb(0, 114, 178)", "rgb(213, 94, 0)"):
        expect(page.locator(f"path[style*='{colour}']").first).to_be_attached(timeout=30_000)

    page.goto(confirmations.replace(":5000", f":{port}"))
    page.reload()
    for arm in ("adam", "scheduled"):
        expect(page.get_by_text(f"Group: {arm}")).to_be_visible(timeout=30_000)
        expect(page.get_by_text(f"{arm} (val/loss)")).to_be_visible(timeout=30_000)
