"""Safe loading of YAML 1.2 that remembers on which line every key and value stands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeVar

import yaml

from optimizers import InputError, Problem, raise_any
from optimizers.errors import Path

T = TypeVar("T")

# The core schema of YAML 1.2 (section 10.3.2). PyYAML follows YAML 1.1, where "off" and "no" are false, "1e-5" is text,
# "010" is 8, "1:30" is 90 and "2026-11-24" a date. Two things of YAML 1.1 stay, as files use them and they mean
# nothing else: "<<" merges a mapping into another, and digits may be grouped, as in 10_000.
_CORE_SCHEMA = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^(?:[-+]?[0-9](?:_?[0-9])*|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    "float": (
        re.compile(
            r"""^[-+]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)|[0-9]+\.[0-9]*|\.[0-9]+(?:[eE][-+]?[0-9]+)?
                |\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$""",
            re.VERBOSE,
        ),
        list("-+0123456789."),
    ),
    "merge": (re.compile(r"^<<$"), ["<"]),
}
_TAG = "tag:yaml.org,2002:"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float")


# Far above any sweep, and read in well under a second.
MOST_CHARACTERS, MOST_VALUES, MOST_BRACKETS = 100_000, 50_000, 100
# Of a number as it is written: more than any float has, and few enough to be calculated and told.
MOST_DIGITS = 400


class _Yaml11Loader(yaml.SafeLoader):
    """SafeLoader in which a key is text as it stands: an arm may be called ``no`` or ``1``."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        return {_key(key): self.construct_object(value, deep=deep) for key, value in node.value}


class _Loader(_Yaml11Loader):
    """The same by the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML declares it

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        """Decimal with leading zeros, ``0o17`` and ``0x1f``."""
        text = node.value.replace("_", "")
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes what YAML 1.2, or YAML 1.1 as well, would read as anything but text.

    Ray and Kubernetes read by the rules of YAML 1.1 what is written here.
    """


_Loader.add_constructor(f"{_TAG}int", _Loader.construct_whole_number)
for _cls in (_Loader, _Dumper):
    for _name, (_pattern, _first) in _CORE_SCHEMA.items():
        _cls.add_implicit_resolver(f"{_TAG}{_name}", _pattern, _first)


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a key must be a name", problem_mark=node.start_mark)
    return node.value


class Place(NamedTuple):
    """A line, counted from 1, of a file; an option of the command line has no lines."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Document:
    """Plain data with the place it came from.

    ``places`` maps the path of a key, for example ``("arms", "adam", "optimizer")``, to where it stands. No two paths
    share a list or a mapping: what an alias repeats is copied. ``duplicates`` are the keys that stand twice, of which
    the last counts.
    """

    data: Any
    source: str
    places: dict[Path, Place] = field(default_factory=dict)
    duplicates: list[Problem] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Where ``path`` stands, or its nearest ancestor that stands anywhere."""
        ancestors = (path[:length] for length in range(len(path), -1, -1))
        return next((self.places[one] for one in ancestors if one in self.places), Place(self.source))

    def problem(self, path: Path, message: str) -> Problem:
        """A problem that says where: ``sweep.yaml:7: arms.adam.optimizer: message``."""
        place = self.place(path)
        return Problem(message, path=path, source=place.source, line=place.line)

    def error(self, path: Path, message: str) -> InputError:
        """An InputError with this one problem."""
        return InputError(self.problem(path, message))


def read_text(path: FilePath) -> str:
    """The text of a file. Raises InputError when it cannot be read as such."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {error}") from None


def load_yaml(text: str, source: str) -> Document:
    """Parse ``text``. Raises InputError as :func:`read_yaml`, and for keys that stand twice."""
    document = read_yaml(text, source)
    raise_any(document.duplicates)
    return document


def read_yaml(text: str, source: str) -> Document:
    """Parse ``text``. Raises InputError for text that is not YAML or far too long, and for anything but plain data."""

    def read(loader: _Yaml11Loader) -> Document:
        return _document(loader, loader.get_single_node(), source)

    return _parsed(text, source, _Loader, read)


def load_documents(text: str, source: str) -> list[Document]:
    """Parse ``text`` that holds several documents with ``---`` between them. Raises InputError as load_yaml.

    By the rules of YAML 1.1, as Ray and Kubernetes read their files.
    """

    def read(loader: _Yaml11Loader) -> list[Document]:
        documents = []
        while loader.check_node():
            documents.append(_document(loader, loader.get_node(), source))
        raise_any(duplicate for document in documents for duplicate in document.duplicates)
        return documents

    return _parsed(text, source, _Yaml11Loader, read)


def _parsed(text: str, source: str, loader_type: type[_Yaml11Loader], read: Callable[[_Yaml11Loader], T]) -> T:
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{source}: {len(text):,} characters are too many; at most {MOST_CHARACTERS:,} are read")
    if _brackets(text) > MOST_BRACKETS:
        raise InputError(f"{source}: it is nested too deeply: more than {MOST_BRACKETS} brackets are open at once")
    try:
        loader = loader_type(text)
        try:
            return read(loader)
        finally:
            loader.dispose()
    except InputError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        raise InputError(
            f"{place}: not valid YAML: {error.problem or error.context} (a text that holds a colon, a # or a bracket "
            "needs quotes)"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{source}: it is nested too deeply, or holds itself by an alias") from None


def _document(loader: _Yaml11Loader, node: yaml.Node | None, source: str) -> Document:
    places: dict[Path, Place] = {}
    if node is None:
        return Document(None, source, places)
    duplicates: list[Problem] = []
    _collect_places(node, (), places, duplicates, source, itertools.count(1))
    return Document(_unshared(loader.construct_document(node)), source, places, duplicates)


def _unshared(data: Any) -> Any:
    """A copy in which what an alias repeats is there twice, so that changing the one leaves the other as it is."""
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [_unshared(value) for value in data] if isinstance(data, list) else data


def _brackets(text: str) -> int:
    """How many brackets are open at once; PyYAML's time grows with their square."""
    turns = itertools.accumulate((character in "[{") - (character in "]}") for character in text)
    return max(turns, default=0)


def _collect_places(
    node: yaml.Node,
    path: Path,
    places: dict[Path, Place],
    duplicates: list[Problem],
    source: str,
    visited: Iterator[int],
) -> None:
    if next(visited) > MOST_VALUES:
        raise InputError(f"{source}: its aliases unfold to more than {MOST_VALUES:,} values")
    if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
        raise yaml.MarkedYAMLError(problem=f"a number of more than {MOST_DIGITS} digits", problem_mark=node.start_mark)
    places.setdefault(path, Place(source, node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        merged = [value for key, value in node.value if key.tag == f"{_TAG}merge"]
        seen: dict[str, Place] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                continue
            name, place = _key(key), Place(source, key.start_mark.line + 1)
            if name in seen:
                duplicates.append(
                    Problem(f"duplicate key; it stands already at {seen[name]}", (), (*path, name), *place)
                )
            seen[name] = place
            places.setdefault((*path, name), place)
            _collect_places(value, (*path, name), places, duplicates, source, visited)
        # What is merged stands where it was written, unless the mapping has a key of that name itself.
        for value in merged:
            for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                _collect_places(one, path, places, duplicates, source, visited)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_places(item, (*path, index), places, duplicates, source, visited)


def dump_yaml(data: Any, width: float = 120) -> str:
    """YAML text that :func:`load_yaml` reads back to equal data; lines are folded at a space behind ``width``."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
