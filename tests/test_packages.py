"""What the packages promise each other; their order is held by import-linter (see ``pyproject.toml``)."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

ROOMS = ("search_spaces", "trainables", "optimizers", "cluster", "analysis")
MODULES = sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
PACKAGES = sorted(path for path in MODULES if path.name == "__init__.py")
# NAdamP's entry is named as its class's module, which has no other name.
NAMED_TWICE = {"nadamp.py"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", [*MODULES, REPOSITORY / "adamant.py"], ids=lambda path: path.stem)
def test_a_module_that_begins_with_an_underscore_is_its_packages_own(path: Path) -> None:
    own = ".".join(path.relative_to(REPOSITORY).parent.parts)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] not in ROOMS:
            continue
        private = next((index for index, part in enumerate(parts) if part.startswith("_")), None)
        assert private is None or ".".join(parts[:private]) == own, f"{path} imports {name}"


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: str(path.parent.relative_to(REPOSITORY)))
def test_a_package_says_in_a_sentence_what_it_is_for(path: Path) -> None:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert told is not None
    assert told.splitlines()[0].endswith(".")


@pytest.mark.parametrize("path", [*MODULES, REPOSITORY / "adamant.py"], ids=lambda path: path.stem)
def test_a_module_has_at_most_three_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_a_name_of_a_module_is_found_once() -> None:
    counted = Counter(path.name for path in MODULES if not path.name.startswith("__"))
    assert {name for name, times in counted.items() if times > 1} <= NAMED_TWICE
