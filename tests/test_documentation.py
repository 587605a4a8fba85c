"""What the documentation shows works: its Python runs, its sweeps are valid, and its commands are ones that there are.

Commands that are quick and change nothing are run; of those in `NOT_RUN` the names, options and arguments are held
against the real command line, and a sweep with its overrides is validated.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token
from optuna.storages.journal import JournalFileBackend

import adamant
from optimizers.factory import OPTIMIZERS
from optimizers.schedules import KINDS
from search_spaces.schema.yaml_source import dump_yaml, load_yaml
from tests.analysis.conftest import Make, Store
from tests.conftest import REPOSITORY, CommandLine, FrontDoor
from trainables.workloads.catalogue import WORKLOADS

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
NOT_RUN = {
    "faults": "it runs sweeps for minutes",
    "run": "it trains for minutes to hours",
    "plan": "with --probe it trains, and steps are counted on data that is not here",
    "resume": "it needs a sweep that has begun",
    "report": "it needs a sweep that has ended",
    "replay": "it needs a run",
    "ui": "it serves until it is ended",
    "data": "fetch downloads",
    "trajectories": "all functions and optimizers take minutes",
    "cluster": "it needs machines, or a file with one's own values",
    "check": "it trains for some seconds",
    "sweeps": "it lists what is there",
    "status": "it needs a sweep that has begun",
    "stop": "it needs a sweep that runs",
}
"""Commands that tests elsewhere run for real, with why not here."""
PLACEHOLDER = re.compile(r"[A-Z_]+|\.\.\.|my-[a-z]+")
"""What a reader puts something of their own for."""


@dataclass(frozen=True)
class Shown:
    """A block or a piece of code in a page."""

    page: Path
    line: int
    language: str
    text: str
    file: str = ""
    """The name under which a reader saves it: what follows the language."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def tokens(page: Path) -> Iterator[tuple[int, Token]]:
    """Every token of a page with its line, those of inline text too."""
    line = 1
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map is not None else line
        yield line, token
        yield from ((line, child) for child in token.children or ())


def shown() -> Iterator[Shown]:
    for page in PAGES:
        for line, token in tokens(page):
            if token.type in ("fence", "code_inline"):
                language, _, file = token.info.partition(" ") if token.type == "fence" else ("inline", "", "")
                yield Shown(page, line, language, token.content, file)


SHOWN = list(shown())
PYTHON = [one for one in SHOWN if one.language == "python"]
WITH_SWEEPS = [one for one in PYTHON if "adamant.run(" in one.text]
"""Programs that run a whole sweep."""


def save_files(page: Path, folder: Path) -> None:
    """What a reader has saved who has read the page."""
    for one in SHOWN:
        if one.page == page and one.file:
            (folder / one.file).write_text(one.text, encoding="utf-8")


def blocks(language: str) -> list[Any]:
    return [pytest.param(one, id=str(one)) for one in SHOWN if one.language == language]


def commands(program: str) -> list[Any]:
    """The page and the arguments of each call of a program, in blocks for a shell and within sentences."""
    found = {}
    for one in SHOWN:
        lines = one.text.splitlines() if one.language in ("", "sh", "bash", "shell", "console") else [one.text]
        for line in lines if one.language != "python" else ():
            for call in re.split(r"&&|;", line):
                if call.strip().startswith(f"{program} "):
                    arguments = shlex.split(call, comments=True)[1:]
                    shown_here = pytest.param(one.page, arguments, id=f"{one} {call.strip()}")
                    found.setdefault((one.page, shlex.join(arguments)), shown_here)
    return list(found.values())


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage folder with a study and runs of a sweep called quickstart."""
    folder = tmp_path_factory.mktemp("adamant-runs")
    backend = JournalFileBackend(str(folder / "study.journal"))
    optuna.create_study(storage=optuna.storages.JournalStorage(backend), study_name="quickstart/adam")
    trials = [
        Make.trial(arm, number, 0.1 + 0.01 * number, lr=f"{0.001 * (number + 1)}")
        for arm in ("adam", "scheduled")
        for number in range(8)
    ]
    confirmations = [
        Make.confirmation(arm, seed, 0.9 + 0.01 * seed) for arm in ("adam", "scheduled") for seed in range(1, 6)
    ]
    Store(f"sqlite:///{folder / 'mlflow.db'}", folder).write(Make.sweep(trials, confirmations, name="quickstart"))
    return folder


@pytest.mark.parametrize("block", [one for one in PYTHON if one not in WITH_SWEEPS], ids=str)
def test_python_runs(block: Shown, storage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_files(block.page, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADAMANT_TRACKING_URI", f"sqlite:///{storage / 'mlflow.db'}")
    monkeypatch.setenv("ADAMANT_CACHE", str(tmp_path / "cache"))
    for file in tmp_path.glob("*.py"):
        monkeypatch.delitem(sys.modules, file.stem, raising=False)
    program = block.text.replace("/absolute/path/of/adamant-runs", str(storage))
    before = {registry: {*registry.names()} for registry in (OPTIMIZERS, KINDS, WORKLOADS)}
    try:
        exec(compile(program, str(block), "exec"), {"model": torch.nn.Linear(3, 2)})
    finally:
        for registry, names in before.items():
            for added in {*registry.names()} - names:
                registry.unregister(added)


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("block", WITH_SWEEPS, ids=str)
def test_sweeps_from_python_run(block: Shown, front_door: FrontDoor) -> None:
    environment = {**front_door.environment, "PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(
        [sys.executable, "-c", f"{block.text}\nprint(judged)"],
        check=False, cwd=front_door.folder, env=environment, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "baseline" in ended.stdout


def sweeps(block: Shown) -> Iterator[dict[str, Any]]:
    """The whole sweep that a block stands for: its own, or the page's first one with the block's keys in place."""
    keys = Counter(re.findall(r"^(\w+):", block.text, re.MULTILINE))
    # Lines that begin with the same key are ways to write it.
    for text in block.text.splitlines() if max(keys.values()) > 1 else [block.text]:
        part = load_yaml(text, str(block)).data
        if "arms" in part and "name" in part:
            yield part
            continue
        first = next(one for one in SHOWN if one.page == block.page and one.language == "yaml")
        whole = load_yaml(first.text, str(first)).data
        replaced = {"workload", "workloads", "metric"} if {"workload", "workloads"} & part.keys() else set()
        yield {key: value for key, value in whole.items() if key not in replaced} | part


@pytest.mark.parametrize("block", blocks("yaml"))
def test_sweeps_are_valid(block: Shown, command_line: CommandLine) -> None:
    save_files(block.page, command_line.folder)
    for sweep in sweeps(block):
        (command_line.folder / "shown.yaml").write_text(dump_yaml(sweep))
        ended = command_line("validate", "shown.yaml")
        assert ended.returncode == 0, ended.stderr


def parsed(arguments: list[str]) -> dict[str, Any] | None:
    """What the real command line makes of the arguments, or its error; None where they only name a command."""
    found: dict[str, Any] = {}
    group: Any = typer.main.get_command(adamant.app)
    named = group
    for word in arguments:
        named = getattr(named, "commands", {}).get(word)
    if named is not None:
        return None
    for command in [*group.commands.values(), *group.commands["cluster"].commands.values()]:
        if not hasattr(command, "commands"):
            command.callback = lambda **values: found.update(values)
    group.main(arguments, standalone_mode=False)
    return found


@pytest.mark.parametrize(("page", "arguments"), commands("adamant"))
def test_commands_are_ones_that_there_are(page: Path, arguments: list[str], command_line: CommandLine) -> None:
    values = parsed(arguments)
    if values is None:
        return
    first = next(one for one in SHOWN if one.language == "yaml")
    (command_line.folder / "my.yaml").write_text(first.text)
    save_files(page, command_line.folder)
    if arguments[0] not in NOT_RUN and not any(map(PLACEHOLDER.fullmatch, arguments)):
        ended = command_line(*arguments)
        assert ended.returncode == 0, ended.stderr
    sweep = values.get("sweep")
    if sweep and not PLACEHOLDER.fullmatch(sweep) and "set_" in values:
        overrides = [part for override in values["set_"] or () for part in ("--set", override)]
        size = ["--size", values["size"]] if values["size"] else []
        ended = command_line("validate", sweep, *overrides, *size)
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("page", "arguments"), commands("make"))
def test_targets_of_make_are_there(page: Path, arguments: list[str]) -> None:
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(arguments) <= set(targets)


@pytest.mark.parametrize(("page", "arguments"), commands("python"))
def test_programs_are_there(page: Path, arguments: list[str]) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]) is not None
    else:
        assert (REPOSITORY / arguments[0]).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for line, token in tokens(page):
        target = str(token.attrGet("href") or token.attrGet("src") or "")
        if target and "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}:{line}: {target}"
