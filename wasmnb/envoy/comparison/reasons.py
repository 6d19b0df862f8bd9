"""Reasons outside the filter why a field differs: a race, time or random values, or different responses of the upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import is_connection

__all__ = ["RANDOM_CRASH", "TIME", "race", "upstream_reason", "varies"]

TIME = "it differs between two runs of the simulated proxy, too: it depends on time, random values or an upstream with state"
_RACE = (
    "a race: the filter answered before the upstream had the whole request, and Envoy may have sent less or more of it"
)
_UPSTREAM = "the upstream itself responded differently: a function with state, time or random values"
RANDOM_CRASH = "a race: Envoy reads memory that it has freed here, and crashes or not"


def race(name: str, simulated: Any, real: Any) -> str:
    """Return the reason if a field depends on how much of a request Envoy had forwarded when a filter answered it.

    Parameters
    ----------
    name
        The field's name.
    simulated, real
        The exchanges of the two proxies.
    """
    if is_connection(simulated) or not name.startswith("upstream"):
        return ""
    began = simulated.upstream_request is not None or real.upstream_request is not None
    return _RACE if began and not simulated.upstream_complete and simulated.details != "via_upstream" else ""


def upstream_reason(name: str, simulated: Any, real: Any) -> str:
    """Return the reason if the client's response differs because the upstream's did, otherwise an empty string."""
    if is_connection(simulated) or not name.startswith("client"):
        return ""
    ours, theirs = simulated.upstream_response, real.upstream_response
    if ours is None or theirs is None:
        return ""
    same = (ours.status, ours.body, ours.trailers.raw) == (theirs.status, theirs.body, theirs.trailers.raw)
    return "" if same else _UPSTREAM


def varies(first: Any, second: Any, real: Any) -> bool:
    """Return whether `first` differs from `real` only in the parts in which it also differs from `second`."""
    if first == second:
        return False
    match first, second, real:
        case Mapping(), Mapping(), Mapping():
            names = {*first, *second, *real}
            return all(first.get(n) == real.get(n) or first.get(n) != second.get(n) for n in names)
        case list(), list(), list() if len(first) == len(real) == len(second):
            parts = zip(first, second, real, strict=True)
            return all(a == c or a != b for a, b, c in parts)
        case list(), list(), list():
            return len(first) != len(second)
    return True
