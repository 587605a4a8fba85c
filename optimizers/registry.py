"""A registry: what a sweep can name, by its name. Ours and a user's are registered in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from optimizers.errors import InputError, Meanings, did_you_mean


class Entry(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """The name that a sweep gives."""
        ...

    @property
    def origin(self) -> str:
        """Where it is defined, such as "module:Class" or the path of a file."""
        ...


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """Entries of one kind by their names, in the order in which they were registered.

    Registering imports nothing: an entry names its code by "module:Class", which is imported when it is used.

    Args:
        noun: what an entry is, such as "optimizer".
        entries: those to begin with.
        meanings: entries by the names that papers and other tools give them.
    """

    def __init__(self, noun: str, entries: Iterable[E] = (), meanings: Meanings | None = None) -> None:
        self.noun = noun
        self._meanings = meanings
        self._entries: dict[str, E] = {}
        for entry in entries:
            self.register(entry)

    def register(self, entry: E) -> None:
        """Add an entry. InputError: another has its name; the sentence says where that one is defined."""
        if entry.name in self:
            first = self._entries[entry.name].origin
            raise InputError(
                f'the {self.noun} "{entry.name}" is registered already, by {first}; register that of {entry.origin} '
                "under another name."
            )
        self._entries[entry.name] = entry

    def unregister(self, name: str) -> None:
        """Remove the entry of that name. InputError: as `get`."""
        del self._entries[self.get(name).name]

    def names(self) -> tuple[str, ...]:
        """Return all names, in the order in which they were registered."""
        return tuple(self._entries)

    def entries(self) -> tuple[E, ...]:
        """Return all entries, in the same order."""
        return tuple(self._entries.values())

    def get(self, name: str) -> E:
        """Return the entry of that name. InputError, with the nearest name: there is none."""
        if name not in self:
            raise InputError(self.unknown(name))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        """Return whether an entry has that name; what a file gives may be of any type, and hashable or not."""
        return isinstance(name, str) and name in self._entries

    def unknown(self, name: object) -> str:
        """Return the sentence that there is no entry of that name, with all names and the nearest."""
        return f'no {self.noun} is called "{name}"; there are {", ".join(self._entries)}.{self.nearest(name)}'

    def nearest(self, name: object) -> str:
        """Return ' Did you mean "adam"?' for the entries that `name` means or is nearest to, or ''."""
        return did_you_mean(name, self._entries, self._meanings)
