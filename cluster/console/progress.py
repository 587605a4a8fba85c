"""How the arms of a sweep stand, as data and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ArmState:
    """One arm: ``done`` runs count, ``left`` have still to end, and ``ended`` counts those that ended otherwise.

    ``best`` is the best value of the search so far, of ``metric``, which is better the smaller it is if ``minimize``.
    """

    name: str
    metric: str
    done: int
    left: int
    running: int
    ended: Mapping[str, int]
    best: float | None
    minimize: bool = True

    def forms(self) -> list[str]:
        """The line from its longest form, which says everything, to its shortest."""
        done, running = f"{self.done}/{self.done + self.left}", f"{self.running} running"
        ends = [f"{count} {status}" for status, count in self.ended.items()]
        best = [] if self.best is None else [short_number(self.best)]
        named = [f"best {self.metric} {value}" for value in best]
        short = [f"best {value}" for value in best]
        forms = (
            [f"{done} done", running, *ends, *named],
            [f"{done} done", running, *ends, *short],
            [f"{done} done", running, *short],
            [done, *short],
            [done],
        )
        return [", ".join(parts) for parts in forms]


def laid_out(states: Iterable[ArmState], width: int) -> list[str]:
    """Each name with its line in the longest form for which all of them have room beside their names.

    Where not even the second shortest has, names stand above their lines. The forms of all go from the longest to the
    shortest.
    """
    forms = {state.name: state.forms() for state in states}
    longest = max(map(len, forms))
    *beside, _ = zip(*forms.values(), strict=True)
    for lines in beside:
        if longest + 2 + max(map(len, lines)) <= width:
            return [f"{name:<{longest}}  {line}" for name, line in zip(forms, lines, strict=True)]
    return [f"{shortened(name, width)}\n  {fitting(lines, width - 2)}" for name, lines in forms.items()]


def fitting(forms: Sequence[str], width: int) -> str:
    """The first form that has room, or the last."""
    return next((form for form in forms if len(form) <= width), forms[-1])


def shortened(text: str, width: int) -> str:
    """A text that is too long without its middle."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def short_number(value: float) -> str:
    """A number in four digits; a large one whole."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
