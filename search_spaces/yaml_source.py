"""Safe YAML 1.2-style loading that remembers on which line every key and value stands."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from optimizers import InputError

Path = tuple[str | int, ...]

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


def load_yaml(text: str, source: str) -> Document:
    """Parse ``text``.

    Raises InputError for text that is no YAML or far too long, for a key that stands twice and for anything but plain
    data.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{source}: {len(text):,} characters are no sweep; at most {MOST_CHARACTERS:,} are read")
    if _brackets(text) > MOST_BRACKETS:
        raise InputError(f"{source}: it is nested too deeply: more than {MOST_BRACKETS} brackets are open at once")
    places: dict[Path, str] = {}
    try:
        data = _read(_Loader(text), places, source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        raise InputError(f"{place}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise InputError(f"{source}: it is nested too deeply, or holds itself by an alias") from None
    return Document(data, source, places)


def _brackets(text: str) -> int:
    """How many brackets are open at once; PyYAML's time grows with their square."""
    turns = itertools.accumulate((character in "[{") - (character in "]}") for character in text)
    return max(turns, default=0)


def _read(loader: _Loader, places: dict[Path, str], source: str) -> Any:
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _collect_places(node, (), places, source)
        return loader.construct_document(node)
    finally:
        loader.dispose()


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
