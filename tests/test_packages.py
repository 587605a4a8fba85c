"""What the packages promise each other; their order is held by import-linter (see ``pyproject.toml``)."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

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


def of_another(path: Path) -> Iterator[str]:
    """Yield what a module imports of modules that are another package's own."""
    own = ".".join(path.relative_to(REPOSITORY).parent.parts)
    for name in imported(path):
        parts = name.split(".")
        private = next((index for index, part in enumerate(parts) if part.startswith("_")), None)
        if parts[0] in ROOMS and private is not None and ".".join(parts[:private]) != own:
            yield name


def test_a_module_that_begins_with_an_underscore_is_its_packages_own() -> None:
    assert not [f"{path} imports {name}" for path in (*MODULES, REPOSITORY / "adamant.py") for name in of_another(path)]


def test_a_package_says_in_a_sentence_what_it_is_for() -> None:
    told = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in PACKAGES}
    assert not [path for path, text in told.items() if not text.partition("\n")[0].endswith(".")]


def test_a_module_has_at_most_three_hundred_lines() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (*MODULES, REPOSITORY / "adamant.py")}
    assert not {path: count for path, count in lines.items() if count > 300}


def test_a_name_of_a_module_is_found_once() -> None:
    counted = Counter(path.name for path in MODULES if not path.name.startswith("__"))
    assert {name for name, times in counted.items() if times > 1} <= NAMED_TWICE
