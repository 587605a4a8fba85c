"""The error of bad input, with everything that is wrong, and suggestions for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

Path = tuple[str | int, ...]
Meanings = Mapping[str, tuple[str, ...]]
"""Usual names of a thing, in lower case and with underscores, and what it is called here."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in a sentence that says what would be right.

    `settings` are the names that the sentence is about, the most telling first. In a file, `path` is the key, `source`
    the file (or the option of the command line that put the value in) and `line` its line, counted from 1.
    """

    message: str
    settings: tuple[str, ...] = ()
    path: Path = ()
    source: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """Such as "sweep.yaml:7"."""
        return self.source if self.line is None else f"{self.source}:{self.line}"

    def __str__(self) -> str:
        """Such as "sweep.yaml:7: arms.adam.optimizer: adam: lr must be a number >= 0, got -1."."""
        key = ".".join(map(str, self.path)) if self.source else ""
        return ": ".join(filter(None, (self.place, key, self.message)))


class InputError(ValueError):
    """Bad input: for each problem one sentence that names the thing, what was given and what would be right."""

    def __init__(self, *problems: str | Problem) -> None:
        super().__init__(*problems)
        self.problems = tuple(one if isinstance(one, Problem) else Problem(one) for one in problems)

    def __str__(self) -> str:
        """One line for each problem."""
        return "\n".join(map(str, self.problems))

    def about(self, *settings: str) -> InputError:
        """Return this error with the names of the settings that it is about, where it does not know them."""
        return InputError(*(one if one.settings else replace(one, settings=settings) for one in self.problems))


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise InputError with all problems in the order of their lines, if there are any; equal ones are told once.

    What an option of the command line put in stands in no line, and comes last.
    """
    found = sorted(dict.fromkeys(problems), key=lambda one: (one.line is None, one.line or 0))
    if found:
        raise InputError(*found)


def did_you_mean(name: object, choices: Iterable[str], meanings: Meanings | None = None) -> str:
    """Return ' Did you mean "adam"?' for the choices that `name` means or is nearest to, or '' when none is near.

    The text starts with a space, so that it can follow a sentence as it is.
    """
    quoted = [f'"{choice}"' for choice in nearest(name, choices, meanings)]
    return f" Did you mean {' or '.join(quoted)}?" if quoted else ""


def nearest(name: object, choices: Iterable[str], meanings: Meanings | None = None) -> list[str]:
    """Return the choices that `name` means, else the one that is spelt most like it, if any is near."""
    known = list(choices)
    usual = str(name).lower().replace("-", "_").replace(" ", "_")
    by_lower_case = {choice.lower(): choice for choice in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1, cutoff=0.6)
    return [one for one in (meanings or {}).get(usual, ()) if one in known] or [by_lower_case[one] for one in close]


def one_line(error: BaseException) -> str:
    """Return all that an error says on one line; its type where it says nothing."""
    return " ".join(str(error).split()) or repr(error)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says; its type where it says nothing."""
    return (str(error).strip() or repr(error)).splitlines()[0]
