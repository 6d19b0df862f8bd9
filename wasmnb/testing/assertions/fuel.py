"""Assertion about the number of WebAssembly instructions that callbacks execute, which is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...abi import CALLBACKS
from ...errors import UsageError
from ...sdk.loading.callbacks import HANDLERS
from .expectations import suggestion
from .matchers import fail, title

__all__ = ["assert_fuel"]

_CALLBACKS = {c.short for c in CALLBACKS.values()} | {h.method for h in HANDLERS.values()}


def assert_fuel(source: Any, limits: Mapping[str, int] | int) -> None:
    """Assert that callbacks executed at most a certain number of instructions.

    Parameters
    ----------
    source
        An exchange of a proxy with `fuel=True`, or the report of a profile.
    limits
        Maximum number of instructions for each callback, by its ABI name or the name of the method (`on_http_request_headers`),
        or one limit for the sum of all callbacks. Callbacks that didn't run count as 0 instructions.

    Raises
    ------
    AssertionError
        A callback executed more instructions.
    UsageError
        There is no callback with one of the names, or instructions weren't counted. (They can't be counted for native filters
        and in the real Envoy.)

    Notes
    -----
    The first requests of a VM execute more instructions, because Python optimises code after it has run several times.
    """
    __tracebackhide__ = True
    fuel = getattr(source, "fuel", None)
    if fuel is None:
        raise UsageError(
            f"{type(source).__name__} objects have no fuel. Count instructions with Proxy(..., fuel=True)."
        )
    if isinstance(limits, int):
        limits, used = {"all callbacks": limits}, {"all callbacks": fuel.total}
    else:
        used = {name: _used(fuel, name) for name in limits}
    over = [
        f"{name} used {used[name]:,} instructions, limit {limit:,}"
        for name, limit in limits.items()
        if used[name] > limit
    ]
    if over:
        shown = "\n".join(f"    {name}: {number:,}" for name, number in fuel.items())
        fail(
            f"{'; '.join(over)}{f' ({title(source)})' if hasattr(source, 'request') else ''}", "  all callbacks:", shown
        )


def _used(fuel: Any, name: str) -> int:
    if name not in _CALLBACKS:
        raise UsageError(f"Unknown callback {name!r}: {suggestion(name, sorted(_CALLBACKS))}")
    try:
        return int(fuel[name])
    except KeyError:
        return 0
