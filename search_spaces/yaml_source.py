"""Safe YAML 1.2-style loading that remembers on which line every key and value stands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar

import yaml

from optimizers import InputError

Path = tuple[str | int, ...]
T = TypeVar("T")

# PyYAML follows YAML 1.1, where "1e-5" is text because it has no dot; YAML 1.2 reads it as a number.
_YAML_12_FLOAT = re.compile(
    r"""^[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)|[0-9]+\.[0-9]*|\.[0-9]+(?:[eE][-+]?[0-9]+)?
        |\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$""",
    re.VERBOSE,
)


# Far above any sweep, and read in well under a second.
MOST_CHARACTERS, MOST_VALUES, MOST_BRACKETS = 100_000, 50_000, 100


class _Loader(yaml.SafeLoader):
    """SafeLoader whose only change is the YAML 1.2 float."""


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes what the loader would otherwise read as a number."""


for _cls in (_Loader, _Dumper):
    _cls.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:float"]
        for first, resolvers in _cls.yaml_implicit_resolvers.items()
    }
    _cls.add_implicit_resolver("tag:yaml.org,2002:float", _YAML_12_FLOAT, list("-+0123456789."))


@dataclass(frozen=True)
class Document:
    """Plain data with the place it came from.

    ``places`` maps the path of a key, for example ``("arms", "adam", "optimizer")``, to ``sweep.yaml:7``.
    """

    data: Any
    source: str
    places: dict[Path, str] = field(default_factory=dict)

    def place(self, path: Path) -> str:
        """Where ``path`` stands, or its nearest ancestor that stands anywhere."""
        ancestors = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[ancestor] for ancestor in ancestors if ancestor in self.places), self.source)

    def error(self, path: Path, message: str) -> InputError:
        """An InputError that says where: ``sweep.yaml:7: arms.adam.optimizer: message``."""
        key = ".".join(str(part) for part in path)
        return InputError(f"{self.place(path)}: {key}: {message}" if key else f"{self.place(path)}: {message}")


def read_text(path: FilePath) -> str:
    """The text of a file. Raises InputError when it cannot be read as such."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None


def load_yaml(text: str, source: str) -> Document:
    """Parse ``text``.

    Raises InputError for text that is no YAML or far too long, for a key that stands twice and for anything but plain
    data.
    """

    def read(loader: _Loader) -> Document:
        return _document(loader, loader.get_single_node(), source)

    return _parsed(text, source, read)


def load_documents(text: str, source: str) -> list[Document]:
    """Parse ``text`` that holds several documents with ``---`` between them. Raises InputError as load_yaml."""

    def read(loader: _Loader) -> list[Document]:
        documents = []
        while loader.check_node():
            documents.append(_document(loader, loader.get_node(), source))
        return documents

    return _parsed(text, source, read)


def _parsed(text: str, source: str, read: Callable[[_Loader], T]) -> T:
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{source}: {len(text):,} characters are too many; at most {MOST_CHARACTERS:,} are read")
    if _brackets(text) > MOST_BRACKETS:
        raise InputError(f"{source}: it is nested too deeply: more than {MOST_BRACKETS} brackets are open at once")
    try:
        loader = _Loader(text)
        try:
            return read(loader)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        raise InputError(f"{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{source}: it is nested too deeply, or holds itself by an alias") from None


def _document(loader: _Loader, node: yaml.Node | None, source: str) -> Document:
    places: dict[Path, str] = {}
    if node is None:
        return Document(None, source, places)
    _collect_places(node, (), places, source)
    return Document(loader.construct_document(node), source, places)


def _brackets(text: str) -> int:
    """How many brackets are open at once; PyYAML's time grows with their square."""
    turns = itertools.accumulate((character in "[{") - (character in "]}") for character in text)
    return max(turns, default=0)


def _collect_places(node: yaml.Node, path: Path, places: dict[Path, str], source: str) -> None:
    if len(places) > MOST_VALUES:
        raise InputError(f"{source}: its aliases unfold to more than {MOST_VALUES:,} values")
    places.setdefault(path, f"{source}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, str] = {}
        for key, value in node.value:
            name, place = str(key.value), f"{source}:{key.start_mark.line + 1}"
            if name in seen:
                dotted = ".".join(str(part) for part in (*path, name))
                raise InputError(f"{place}: {dotted}: this key stands already at {seen[name]}")
            seen[name] = places[(*path, name)] = place
            _collect_places(value, (*path, name), places, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_places(item, (*path, index), places, source)


def dump_yaml(data: Any) -> str:
    """YAML text that :func:`load_yaml` reads back to equal data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
