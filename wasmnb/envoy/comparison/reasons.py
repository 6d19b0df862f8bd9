"""Reasons why a field differs although the filter behaves the same: a race, time, random values, or the upstream's response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import is_connection

__all__ = ["RANDOM_CRASH", "TIME", "race", "upstream_reason", "varies"]

TIME = "it also differs between two runs of the simulated proxy: it depends on time, random values or an upstream with state"
_RACE = "a race: the filter answered before Envoy had forwarded the whole request, so the upstream received more or less of it"
_UPSTREAM = "the upstream responded differently, because it depends on state, time or random values"
RANDOM_CRASH = "a race: Envoy reads freed memory here, which doesn't always crash it"


def race(name: str, simulated: Any, real: Any) -> str:
    """Return the reason if a field differs because a filter responded before the whole request was forwarded, otherwise ''.

    In this case, the upstream of Envoy can receive more or less of the request than the upstream of the simulated proxy.

    Parameters
    ----------
    name
        Name of the field.
    simulated, real
        Exchanges of the simulated proxy and of Envoy.
    """
    if is_connection(simulated) or not name.startswith("upstream"):
        return ""
    began = simulated.upstream_request is not None or real.upstream_request is not None
    return _RACE if began and not simulated.upstream_complete and simulated.details != "via_upstream" else ""


def upstream_reason(name: str, simulated: Any, real: Any) -> str:
    """Return the reason if the client's responses differ because the upstream's responses differ, otherwise ''."""
    if is_connection(simulated) or not name.startswith("client"):
        return ""
    ours, theirs = simulated.upstream_response, real.upstream_response
    if ours is None or theirs is None:
        return ""
    same = (ours.status, ours.body, ours.trailers.raw) == (theirs.status, theirs.body, theirs.trailers.raw)
    return "" if same else _UPSTREAM


def varies(first: Any, second: Any, real: Any) -> bool:
    """Return whether every part of `first` that differs from `real` also differs from `second`."""
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
