"""Every text is read and written as UTF-8, whatever the locale: on a bare server it is often ASCII."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, FrontDoor

ROOMS = ("search_spaces", "trainables", "optimizers", "cluster", "analysis", "benchmarks")
TEXT_OF_PROCESSES = ("text", "universal_newlines")


def sources() -> list[Path]:
    return [REPOSITORY / "adamant.py", *(path for room in ROOMS for path in sorted((REPOSITORY / room).rglob("*.py")))]


def calls_without_encoding(program: str) -> Iterator[int]:
    """Lines of calls that read or write text in the locale's encoding."""
    for node in ast.walk(ast.parse(program)):
        if not isinstance(node, ast.Call):
            continue
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        is_text = (
            (name in ("read_text", "write_text") and isinstance(node.func, ast.Attribute))
            or (name == "open" and _opens_text(node, keywords.get("mode")))
            or any(key in keywords for key in TEXT_OF_PROCESSES)
        )
        if is_text and "encoding" not in keywords:
            yield node.lineno


def _opens_text(call: ast.Call, mode: ast.expr | None) -> bool:
    """Whether it is open() or the open() of a path, which is told by its mode, and not in a binary mode."""
    is_builtin = isinstance(call.func, ast.Name)
    modes = call.args[1:2] if is_builtin else call.args[:1]
    given = next((each.value for each in (*modes, mode) if isinstance(each, ast.Constant)), "r" if is_builtin else "b")
    return "b" not in str(given)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("open(path)", [1]),
        ("open(path, 'rb')", []),
        ("open(path, mode='w')", [1]),
        ("path.open('w')", [1]),
        ("path.open('wb')", []),
        ("path.open('w', encoding='utf-8')", []),
        ("path.read_text()", [1]),
        ("subprocess.run(command, text=True)", [1]),
        ("services.open(folder)", []),
    ],
)
def test_calls_that_depend_on_the_locale_are_found(program: str, expected: list[int]) -> None:
    assert list(calls_without_encoding(program)) == expected


def test_every_text_is_opened_with_its_encoding() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in sources()
        for line in calls_without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert found == []


ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


def test_a_locale_without_utf_8_neither_garbles_files_nor_ends_a_command(front_door: FrontDoor) -> None:
    """Arguments, names of files, what is read and written, and a terminal that knows ASCII alone."""
    front_door.environment |= ASCII
    ready = (REPOSITORY / "search_spaces" / "sweeps" / "quickstart.yaml").read_text(encoding="utf-8")
    (front_door.folder / "β ä.yaml").write_text(ready, encoding="utf-8")
    valid = front_door("validate", "β ä.yaml", "--set", "question=Hilft β₁ → β₂? ✓")
    assert valid.returncode == 0, valid.stderr
    refused = front_door("validate", "β ä.yaml", "--set", "baseline=wär")
    assert refused.returncode == 2
    assert "wär" in refused.stderr  # standard error takes any byte
    shown = front_door("data", "--storage", "β")
    assert shown.returncode == 0, shown.stderr
    assert "\\u03b2/data" in shown.stdout


def test_a_python_that_stays_out_of_utf_8_mode_runs_all_the_same(front_door: FrontDoor) -> None:
    """Options of the interpreter win over the environment by which a command changes the mode."""
    command = [sys.executable, "-X", "utf8=0", str(REPOSITORY / "adamant.py"), "list", "schedules"]
    ended = subprocess.run(
        command, env=front_door.environment | ASCII, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "cosine" in ended.stdout


def test_what_a_terminal_cannot_show_is_escaped(front_door: FrontDoor) -> None:
    front_door.environment |= {"PYTHONIOENCODING": "latin-1"}
    refused = front_door("cluster", "check", "β.yaml")
    assert refused.returncode == 2
    assert "\\u03b2.yaml: there is no such launch file" in refused.stderr
