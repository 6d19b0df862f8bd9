"""Detection of unlimited memory growth, by repeating scenarios many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from ...assertions.soundness import grows, growth
from ..scenarios.loops import insert_number, repeatable_groups, repetitions_for, with_counter
from ..scenarios.scenario import Scenario
from .runner import Session, Settings
from .shrink import shrink

__all__ = ["MemoryGrowth", "MemorySoak"]

#: Growth in bytes that a round should cause when a finding is shrunk, and in the written test.
_SHRINK_GROWTH, _TEST_GROWTH = 1 << 16, 1 << 18

#: Smallest number of repetitions in a round when a finding is shrunk, and in the written test.
_SHRINK_MINIMUM, _TEST_MINIMUM = 40, 200

#: Time limit for shrinking a finding, in seconds.
_SHRINK_SECONDS = 10.0


class MemoryGrowth:
    """A scenario whose repetition makes the filter's memory grow.

    Parameters
    ----------
    unit
        The repeated scenario.
    times
        Number of repetitions in a round.
    rounds
        Growth in each round, in bytes.
    """

    def __init__(self, unit: Scenario, times: int, rounds: list[int]) -> None:
        self.set(unit, times, rounds)

    def set(self, unit: Scenario, times: int, rounds: list[int]) -> None:
        """Replace the scenario by another scenario that makes memory grow."""
        self.unit = unit
        self.times = times
        self.rounds = rounds

    @property
    def bytes_per_repetition(self) -> float:
        """Average growth per repetition, in bytes."""
        return sum(self.rounds) / (self.times * len(self.rounds))

    def repetitions_for_bytes(self, size: int) -> int:
        """Return the number of repetitions after which memory has grown by `size` bytes."""
        return int(size / self.bytes_per_repetition) + 1

    @property
    def message(self) -> str:
        """Description of the growth, for the finding."""
        return f"memory grows by {self.bytes_per_repetition:,.0f} bytes each time, without end"


class MemorySoak:
    """Measurement of the filter's memory while scenarios are repeated.

    Parameters
    ----------
    settings
        Settings of the proxies.
    on_progress
        Function that is called with the number of scenarios run since its last call.
    """

    def __init__(self, settings: Settings, on_progress: Callable[[int], None]) -> None:
        self.settings = settings
        self.on_progress = on_progress
        self._passes: dict[Scenario, bool] = {}

    def measure(self, scenarios: Sequence[Scenario], requests: int, until: float) -> MemoryGrowth | None:
        """Repeat scenarios in rounds and look for memory growth.

        In the first rounds, each repetition contains a different number. In later rounds, all repetitions are the same.

        Parameters
        ----------
        scenarios
            Scenarios to repeat.
        requests
            Number of requests in a round.
        until
            Time of the clock `time.monotonic` at which the measurement stops.

        Returns
        -------
        MemoryGrowth | None
            The growth, or None if memory doesn't grow without limit.
        """
        groups = dict.fromkeys(group for scenario in scenarios for group in repeatable_groups(scenario))
        for change in (with_counter, lambda group: group):
            unit = _joined(self._without_faults([change(group) for group in groups]))
            times = repetitions_for(unit, requests)
            rounds = self._rounds(unit, times, until)
            if grows(rounds):
                return MemoryGrowth(unit, times, rounds)
        return None

    def minimize(self, growing: MemoryGrowth) -> None:
        """Shrink a scenario that makes memory grow. After an interrupt, `growing` contains the smallest scenario so far."""
        until = monotonic() + _SHRINK_SECONDS
        times = max(_SHRINK_MINIMUM, growing.repetitions_for_bytes(_SHRINK_GROWTH))

        def fails(unit: Scenario) -> bool:
            rounds = self._rounds(unit, times, until)
            if grows(rounds):
                growing.set(unit, times, rounds)
            return grows(rounds)

        shrink(growing.unit, fails, _SHRINK_SECONDS)
        times = max(_TEST_MINIMUM, growing.repetitions_for_bytes(_TEST_GROWTH))
        rounds = self._rounds(growing.unit, times, monotonic() + 2 * _SHRINK_SECONDS)
        if grows(rounds):
            growing.set(growing.unit, times, rounds)

    def _without_faults(self, units: list[Scenario]) -> list[Scenario]:
        """Return the scenarios that have no other fault, because the search reports other faults itself."""
        untested = [unit for unit in units if unit not in self._passes]
        while untested:
            with Session(self.settings) as session:
                passes = True
                while untested and passes:
                    unit = untested.pop(0)
                    passes = self._passes[unit] = session.run(insert_number(unit, 1)) is None
                    self.on_progress(1)
        return [unit for unit in units if self._passes[unit]]

    def _rounds(self, unit: Scenario, times: int, until: float) -> list[int]:
        """Return the growth in each round in bytes, or an empty list if it could not be measured."""
        if not unit.steps:
            return []
        with Session(self.settings) as session:
            number = 0

            def repeat() -> None:
                nonlocal number
                number += 1
                self.on_progress(1)
                if monotonic() > until or session.run(insert_number(unit, number)) is not None:
                    raise TimeoutError

            try:
                return growth(session.proxy, repeat, times=times)
            except TimeoutError:
                return []


def _joined(units: list[Scenario]) -> Scenario:
    """Join scenarios into one. Between single requests, no `Settle` is inserted."""
    plain = [unit for unit in units if len(unit.steps) == 1]
    whole = Scenario(tuple(step for unit in plain for step in unit.steps))
    for unit in units:
        if len(unit.steps) > 1:
            whole = whole + unit
    return whole
