"""Moments of a plan: when sessions begin in open phases, and how many users there are in closed ones.

The moments of a Poisson process whose rate changes are those at which the integral of the rate reaches the sums of
exponentially distributed numbers; with equal gaps, those at which it reaches whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from .plan import LoadPhase

__all__ = ["beginnings", "phase_at", "user_starts"]


def beginnings(phases: Sequence[LoadPhase], random: Random, *, even: bool = False) -> Iterator[float]:
    """Iterate over the virtual seconds, from the start of the run, at which sessions of open phases begin.

    Parameters
    ----------
    phases
        All phases; closed ones only take time.
    random
        Draws the gaps.
    even
        Equal gaps instead of random ones (default False).
    """
    start, carried = 0.0, 0.0  # carried: what the next gap has used up of the integral already
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
    """Return the seconds in a phase after which its rate has this integral."""
    slope = (phase.end - phase.level) / phase.seconds
    if abs(slope) < 1e-12:
        return integral / phase.level
    root = math.sqrt(max(phase.level**2 + 2 * slope * integral, 0.0))
    return min((root - phase.level) / slope, phase.seconds)


def user_starts(phases: Sequence[LoadPhase]) -> Iterator[tuple[float, float]]:
    """Iterate over the times (begin, end) between which users of closed phases run, phase by phase."""
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
    """Return the index of the phase at a moment; the last one after the end."""
    for index, phase in enumerate(phases):
        moment -= phase.seconds
        if moment < 0:
            return index
    return len(phases) - 1
