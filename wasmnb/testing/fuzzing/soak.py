"""Looks for memory that grows without end: what is known is done again and again, first each thing for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from ..soundness import grows, growth, memory, use_up
from .repetition import COUNTER, groups_of, numbered, times_of, with_counter
from .runner import Session, Settings
from .scenario import Scenario
from .shrink import shrink

__all__ = ["COUNTER", "Grown", "Soak"]

#: Bytes by which a round has to make memory grow to be seen for certain, and requests that it has at least.
_CERTAIN, _FEWEST = 1_500_000, 200

#: Repetitions of each thing for itself, to see which one it is that makes memory grow.
_ALONE = 300

#: Seconds for making a finding small.
_SHRINKING = 10.0


class Grown:
    """What makes memory grow.

    Attributes
    ----------
    unit, times
        The scenario that is repeated, and how often in a round.
    rounds
        Bytes of growth in each round.
    """

    def __init__(self, unit: Scenario, requests: int, rounds: list[int]) -> None:
        self.set(unit, requests, rounds)

    def set(self, unit: Scenario, requests: int, rounds: list[int]) -> None:
        """Another unit makes it grow, too."""
        self.unit = unit
        self.times = times_of(unit, requests)
        self.rounds = rounds

    @property
    def message(self) -> str:
        """In words."""
        return f"memory grows by {sum(self.rounds) / (self.times * len(self.rounds)):,.0f} bytes each time, without end"


class Soak:
    """Repeats scenarios and measures.

    Parameters
    ----------
    settings
        How the proxy is made.
    until
        Moment (`monotonic`) at which there is no time left.
    tell
        Called often, with the number of scenarios that were run since the last time.
    """

    def __init__(self, settings: Settings, until: float, tell: Callable[[int], None]) -> None:
        self.settings = settings
        self.until = until
        self.tell = tell

    def look(self, scenarios: Sequence[Scenario], requests: int) -> Grown | None:
        """Whether any of these, or all of them together, makes memory grow, in rounds of so many requests."""
        groups = list(dict.fromkeys(group for scenario in scenarios for group in groups_of(scenario)))
        for counted in (False, True):
            units = [with_counter(group) for group in groups] if counted else groups
            for suspect in [*self._suspects(units), _all(units)]:
                rounds = self._rounds(suspect, requests, self.until)
                if grows(rounds):
                    return Grown(suspect, requests, rounds)
        return None

    def smallest(self, found: Grown, requests: int) -> None:
        """Find as little as possible that lets memory grow; whatever interrupts leaves the smallest so far in `found`."""
        until = monotonic() + _SHRINKING
        each = sum(found.rounds) / (len(found.rounds) * requests)
        fewer = min(requests, max(_FEWEST, int(_CERTAIN / each)))

        def fails(unit: Scenario) -> bool:
            rounds = self._rounds(unit, fewer, until)
            if grows(rounds):
                found.set(unit, fewer, rounds)
            return grows(rounds)

        whole, before = found.unit, found.rounds
        unit = shrink(whole, fails, _SHRINKING)
        rounds = self._rounds(unit, requests, monotonic() + 2 * _SHRINKING)
        if grows(rounds):
            found.set(unit, requests, rounds)
        else:
            found.set(whole, requests, before)

    def _suspects(self, units: list[Scenario]) -> list[Scenario]:
        """What makes memory grow when it is repeated for itself, the simplest first."""
        found = []
        with Session(self.settings) as session:
            use_up(session.proxy)
            for alone in units:
                before = memory(session.proxy)
                for number in range(_ALONE):
                    if monotonic() > self.until or session.run(numbered(alone, number)) is not None:
                        return []
                session.proxy.trace.clear()
                self.tell(_ALONE)
                if memory(session.proxy) > before:
                    found.append(alone)
        return sorted(found, key=lambda s: s.size)[:3]

    def _rounds(self, unit: Scenario, requests: int, until: float) -> list[int]:
        """Bytes of growth in each round; empty if it could not be measured."""
        with Session(self.settings) as session:
            number = 0

            def repeat() -> None:
                nonlocal number
                number += 1
                if number % 100 == 0:
                    self.tell(100)
                if monotonic() > until or session.run(numbered(unit, number)) is not None:
                    raise TimeoutError  # out of time, or a fault of another kind, which the search finds by itself

            try:
                return growth(session.proxy, repeat, times=times_of(unit, requests))
            except TimeoutError:
                return []


def _all(units: list[Scenario]) -> Scenario:
    """One after the other; single requests need nothing in between."""
    plain = [unit for unit in units if len(unit.steps) == 1]
    whole = Scenario(tuple(step for unit in plain for step in unit.steps))
    for unit in units:
        if len(unit.steps) > 1:
            whole = whole + unit
    return whole
