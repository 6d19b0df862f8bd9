"""Looks for memory that grows without end: what is known is done again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from ...assertions.soundness import grows, growth
from ..scenarios.loops import groups_of, numbered, times_of, with_counter
from ..scenarios.scenario import Scenario
from .runner import Session, Settings
from .shrink import shrink

__all__ = ["Grown", "Soak"]

#: Bytes by which a round makes memory grow when a finding is made small, and in the test that is written.
_CLEAR, _CERTAIN = 1 << 16, 1 << 18

#: Repetitions that a round has at least, then.
_FEWEST, _FEWEST_IN_TEST = 40, 200

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

    def __init__(self, unit: Scenario, times: int, rounds: list[int]) -> None:
        self.set(unit, times, rounds)

    def set(self, unit: Scenario, times: int, rounds: list[int]) -> None:
        """Another unit makes it grow, too."""
        self.unit = unit
        self.times = times
        self.rounds = rounds

    @property
    def each(self) -> float:
        """Bytes of growth for each repetition."""
        return sum(self.rounds) / (self.times * len(self.rounds))

    def times_for(self, size: int) -> int:
        """Repetitions that make memory grow by so many bytes."""
        return int(size / self.each) + 1

    @property
    def message(self) -> str:
        """In words."""
        return f"memory grows by {self.each:,.0f} bytes each time, without end"


class Soak:
    """Repeats scenarios and measures.

    Parameters
    ----------
    settings
        How the proxy is made.
    tell
        Called often, with the number of scenarios that were run since the last time.
    """

    def __init__(self, settings: Settings, tell: Callable[[int], None]) -> None:
        self.settings = settings
        self.tell = tell
        self._sound: dict[Scenario, bool] = {}

    def look(self, scenarios: Sequence[Scenario], requests: int, until: float) -> Grown | None:
        """Whether these make memory grow, in rounds of so many requests: with numbers that are others each time, or as they are.

        Parameters
        ----------
        until
            Moment (`monotonic`) at which there is no time left.
        """
        groups = dict.fromkeys(group for scenario in scenarios for group in groups_of(scenario))
        for change in (with_counter, lambda group: group):
            unit = _all(self._without_faults([change(group) for group in groups]))
            times = times_of(unit, requests)
            rounds = self._rounds(unit, times, until)
            if grows(rounds):
                return Grown(unit, times, rounds)
        return None

    def smallest(self, found: Grown) -> None:
        """Find as little as possible that lets memory grow; whatever interrupts leaves the smallest so far in `found`."""
        until = monotonic() + _SHRINKING
        times = max(_FEWEST, found.times_for(_CLEAR))

        def fails(unit: Scenario) -> bool:
            rounds = self._rounds(unit, times, until)
            if grows(rounds):
                found.set(unit, times, rounds)
            return grows(rounds)

        shrink(found.unit, fails, _SHRINKING)
        times = max(_FEWEST_IN_TEST, found.times_for(_CERTAIN))
        rounds = self._rounds(found.unit, times, monotonic() + 2 * _SHRINKING)
        if grows(rounds):
            found.set(found.unit, times, rounds)

    def _without_faults(self, units: list[Scenario]) -> list[Scenario]:
        """Those that have no fault of another kind, which the search finds by itself."""
        left = [unit for unit in units if unit not in self._sound]
        while left:
            with Session(self.settings) as session:
                sound = True
                while left and sound:
                    unit = left.pop(0)
                    sound = self._sound[unit] = session.run(numbered(unit, 1)) is None
                    self.tell(1)
        return [unit for unit in units if self._sound[unit]]

    def _rounds(self, unit: Scenario, times: int, until: float) -> list[int]:
        """Bytes of growth in each round; empty if it could not be measured."""
        if not unit.steps:
            return []
        with Session(self.settings) as session:
            number = 0

            def repeat() -> None:
                nonlocal number
                number += 1
                self.tell(1)
                if monotonic() > until or session.run(numbered(unit, number)) is not None:
                    raise TimeoutError

            try:
                return growth(session.proxy, repeat, times=times)
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
