"""A registry: what a sweep can name, by its name. Ours and a user's are registered in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from optimizers.errors import InputError, Meanings, did_you_mean
from optimizers.plugins import Plugin, plugins


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
Adopt = Callable[[str, str, Any], E]
"""Makes an entry of what an entry point holds, given its name and its "module:attribute"."""


class Registry(Generic[E]):
    """Entries of one kind by their names, in the order in which they were registered, and after them the plugins.

    Registering imports nothing: an entry names its code by "module:Class", which is imported when it is used. A plugin,
    the entry point of an installed package, is known by its name, and loaded when its entry is asked for.

    Args:
        noun: what an entry is, such as "optimizer".
        entries: those to begin with.
        meanings: entries by the names that papers and other tools give them.
        group: of the entry points of plugins, if there are such.
        adopt: makes an entry of what a plugin holds.
    """

    def __init__(
        self,
        noun: str,
        entries: Iterable[E] = (),
        meanings: Meanings | None = None,
        group: str = "",
        adopt: Adopt[E] | None = None,
    ) -> None:
        self.noun = noun
        self._meanings, self._group, self._adopt = meanings, group, adopt
        self._entries: dict[str, E] = {}
        self._loaded: dict[str, E] = {}
        self.begin_with(entries)

    def begin_with(self, entries: Iterable[E]) -> None:
        """Add the first entries, without a look at the plugins, which takes a moment. InputError: two have one name."""
        for entry in entries:
            self._add(entry)

    def register(self, entry: E) -> None:
        """Add an entry. InputError: another has its name; the sentence says where that one is defined."""
        if entry.name in self._plugins():
            self._refuse(entry, self._plugins()[entry.name].origin)
        self._add(entry)

    def _add(self, entry: E) -> None:
        if entry.name in self._entries:
            self._refuse(entry, self._entries[entry.name].origin)
        self._entries[entry.name] = entry

    def _refuse(self, entry: E, first: str) -> None:
        raise InputError(
            f'the {self.noun} "{entry.name}" is registered already, by {first}; register that of {entry.origin} '
            "under another name."
        )

    def unregister(self, name: str) -> None:
        """Remove the entry of that name. InputError: there is none, or it is a plugin's."""
        if not isinstance(name, str) or name not in self._entries:
            raise InputError(self.unknown(name))
        del self._entries[name]

    def names(self) -> tuple[str, ...]:
        """Return all names, in the order in which they were registered, those of plugins last."""
        return (*self._entries, *self._plugins())

    def entries(self) -> tuple[E, ...]:
        """Return all entries in the same order, without those of plugins."""
        return tuple(self._entries.values())

    def get(self, name: str) -> E:
        """Return the entry of that name.

        InputError: there is none, with the nearest name, or it is that of a plugin that cannot be loaded.
        """
        if isinstance(name, str) and name in self._entries:
            return self._entries[name]
        if isinstance(name, str) and name in self._candidates():
            return self._of_plugin(name)
        raise InputError(self.unknown(name))

    def plugins(self) -> tuple[tuple[Plugin, str], ...]:
        """Return all plugins, and beside each what keeps it from being used, "" where nothing is known to."""
        every = [one for candidates in self._candidates().values() for one in candidates]
        return tuple((one, self._problem(one.name) or one.missing()) for one in every)

    def is_claimed(self, name: object) -> bool:
        """Return whether there are entry points of that name, of which perhaps none can be meant."""
        return isinstance(name, str) and name in self._candidates()

    def plugin(self, name: object) -> Plugin | None:
        """Return the plugin that has that name, None where there is none or the name is an entry's."""
        return self._plugins().get(name) if isinstance(name, str) else None

    def _candidates(self) -> Mapping[str, tuple[Plugin, ...]]:
        return plugins(self._group) if self._group else {}

    def _plugins(self) -> dict[str, Plugin]:
        """The plugins that can be meant by their names."""
        return {name: found[0] for name, found in self._candidates().items() if not self._problem(name)}

    def _problem(self, name: str) -> str:
        """Return why a plugin's name does not mean it, "" where it does."""
        if name in self._entries:
            return f'"{name}" is the name of another {self.noun}, {self._entries[name].origin}; rename the entry point'
        found = self._candidates()[name]
        if len(found) > 1:
            return f'"{name}" is an entry point of {" and of ".join(one.origin for one in found)}; uninstall one'
        return ""

    def _of_plugin(self, name: str) -> E:
        problem = self._problem(name)
        if problem or self._adopt is None:
            raise InputError(f'the {self.noun} "{name}" cannot be used: {problem}.')
        if name not in self._loaded:
            [plugin] = self._candidates()[name]
            try:
                self._loaded[name] = self._adopt(name, plugin.target, plugin.load())
            except InputError as error:
                raise InputError(f'the {self.noun} "{name}" is {plugin.origin}: {error}') from error
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return whether an entry has that name; what a file gives may be of any type, and hashable or not."""
        return isinstance(name, str) and (name in self._entries or name in self._plugins())

    def unknown(self, name: object) -> str:
        """Return the sentence that there is no entry of that name, with all names and the nearest."""
        return f'no {self.noun} is called "{name}"; there are {", ".join(self.names())}.{self.nearest(name)}'

    def nearest(self, name: object) -> str:
        """Return ' Did you mean "adam"?' for the entries that `name` means or is nearest to, or ''."""
        return did_you_mean(name, self.names(), self._meanings)
