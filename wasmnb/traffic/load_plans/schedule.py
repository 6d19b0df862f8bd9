"""Calculate when sessions of open phases begin, and when users of closed phases start and stop.

For a Poisson process with a changing rate, sessions begin when the integral of the rate reaches the sums of exponentially
distributed random numbers. With equal gaps, they begin when the integral reaches whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from .plan import LoadPhase

__all__ = ["beginnings", "phase_at", "user_starts"]


def beginnings(phases: Sequence[LoadPhase], random: Random, *, even: bool = False) -> Iterator[float]:
    """Yield the times at which sessions of open phases begin, in virtual seconds since the start of the run.

    Parameters
    ----------
    phases
        All phases of the plan. In closed phases, no session begins.
    random
        Source of the random gaps.
    even
        Whether the gaps between sessions are equal instead of random (default False).
    """
    start, carried = 0.0, 0.0  # carried: the part of the next gap that earlier phases have covered
    gap = 1.0 if even else random.expovariate(1.0)
    for phase in phases:
        if phase.rate is not None:
            whole = (phase.level + phase.end) / 2 * phase.seconds
            used = 0.0
            while used + gap - carried <= whole:
                used += gap - carried
                carried = 0.0
                yield start + _moment(phase, used)
                gap = 1.0 if even else random.expovariate(1.0)
            carried += whole - used
        start += phase.seconds


def _moment(phase: LoadPhase, integral: float) -> float:
    """Return the number of seconds after which the integral of a phase's rate reaches a value."""
    slope = (phase.end - phase.level) / phase.seconds
    if abs(slope) < 1e-12:
        return integral / phase.level
    root = math.sqrt(max(phase.level**2 + 2 * slope * integral, 0.0))
    return min((root - phase.level) / slope, phase.seconds)


def user_starts(phases: Sequence[LoadPhase]) -> Iterator[tuple[float, float]]:
    """Yield the start and stop time of each user of the closed phases, in virtual seconds since the start of the run."""
    start = 0.0
    for phase in phases:
        if phase.users is not None:
            first, last = round(phase.level), round(phase.end)
            for user in range(max(first, last)):
                share = max(user - min(first, last), 0) / max(abs(last - first), 1)
                begins = start + (phase.seconds * share if last > first else 0.0)
                leaves = phase.seconds * (1 - share) if last < first and user >= last else phase.seconds
                yield begins, start + leaves
        start += phase.seconds


def phase_at(phases: Sequence[LoadPhase], moment: float) -> int:
    """Return the index of the phase at `moment`, in virtual seconds since the start. After the end, return the last index."""
    for index, phase in enumerate(phases):
        moment -= phase.seconds
        if moment < 0:
            return index
    return len(phases) - 1
