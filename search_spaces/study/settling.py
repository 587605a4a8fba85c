"""The order in which the trials of a search count: by number, whichever is heard of first.

A trial trains on while it is not known yet whether it is to be stopped, because an earlier one has not come so far.
Until it is known, what is heard of it is kept here, and nobody else is told.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from search_spaces.study.assignment import Outcome
from search_spaces.study.stopping import StoppingRule
from trainables.mlflow_contract import Status


@dataclass(frozen=True)
class Settled:
    """What stands from now on of a trial: its metric at a decision, or, with an ``outcome``, how it ended."""

    number: int
    epoch: int
    value: float
    outcome: Outcome | None = None


@dataclass
class _Heard:
    """A trial, as far as it has been heard of; ``passed`` counts the decisions after which it goes on."""

    decisions: Sequence[int]
    values: dict[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    passed: int = 0
    standing: dict[int, float] = field(default_factory=dict)

    @property
    def next_decision(self) -> int | None:
        return self.decisions[self.passed] if self.passed < len(self.decisions) else None


class Settling:
    """Settles the trials of one search; ``sign`` is 1 for a metric to minimize and -1 for one to maximize."""

    def __init__(self, rule: StoppingRule, sign: int) -> None:
        self._rule, self._sign = rule, sign
        self._open: dict[int, _Heard] = {}
        self._standing: dict[int, dict[int, float]] = defaultdict(dict)

    def add(self, number: int, decisions: Sequence[int], standing: Mapping[int, float], over: bool = False) -> None:
        """Begin to settle a trial, in the order of their numbers.

        ``standing`` are the values that were settled before, and ``over`` whether that was all.
        """
        heard = _Heard(decisions, dict(standing))
        for epoch, value in standing.items():
            self._stands(number, heard, epoch, value)
        if not over:
            self._open[number] = heard

    def hear(self, number: int, values: Mapping[int, float], outcome: Outcome | None = None) -> list[Settled]:
        """Take in the metric at decisions and, at its end, the outcome of a trial; return what stands by that.

        Of a trial that is over already, as it trained on in vain, nothing is taken in.
        """
        heard = self._open.get(number)
        if heard is None:
            return []
        heard.values |= values
        heard.outcome = outcome or heard.outcome
        return list(self._settled())

    def waits(self, number: int) -> bool:
        """Return whether a trial has come to a decision that cannot be made yet."""
        heard = self._open.get(number)
        return heard is not None and heard.next_decision in heard.standing

    def looks_lost(self, number: int) -> bool:
        """Return whether a trial that waits would be stopped by what is known so far."""
        heard = self._open.get(number)
        epoch = heard and heard.next_decision
        return heard is not None and epoch in heard.standing and self._stops(number, heard, epoch)

    def _settled(self) -> Iterator[Settled]:
        reached = math.inf
        for number, heard in list(self._open.items()):
            yield from self._advance(number, heard, reached)
            if number in self._open:
                reached = min(reached, max(heard.standing, default=0))

    def _advance(self, number: int, heard: _Heard, reached: float) -> Iterator[Settled]:
        """Settle what can be; all the earlier trials have come to the epoch ``reached``, or are over."""
        while (epoch := heard.next_decision) is not None:
            value = heard.values.get(epoch)
            if value is None:
                break
            if epoch not in heard.standing:
                self._stands(number, heard, epoch, value)
                yield Settled(number, epoch, value)
            if epoch != heard.decisions[-1] and epoch == max(heard.standing):
                if reached < epoch:
                    return
                if self._stops(number, heard, epoch):
                    del self._open[number]
                    yield Settled(number, epoch, value, Outcome(Status.PRUNED, epoch, value))
                    return
            heard.passed += 1
        if heard.outcome is not None:
            del self._open[number]
            yield Settled(number, heard.outcome.epoch, heard.outcome.value, heard.outcome)

    def _stops(self, number: int, heard: _Heard, epoch: int) -> bool:
        own = {at: self._sign * value for at, value in heard.standing.items()}
        earlier = {other: self._sign * value for other, value in self._standing[epoch].items() if other < number}
        return self._rule.stops(number, epoch, own, earlier)

    def _stands(self, number: int, heard: _Heard, epoch: int, value: float) -> None:
        heard.standing[epoch] = value
        self._standing[epoch][number] = value
