"""An assertion about cost in WebAssembly instructions, which are the same on every machine."""

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
    """Assert that callbacks didn't use more instructions than a limit.

    Parameters
    ----------
    source
        An exchange of a proxy made with `fuel=True`, or the report of a profile.
    limits
        Largest numbers of instructions by callback, named as in the ABI or as the method (`on_http_request_headers`); or one
        limit for all callbacks together. Callbacks that didn't run used 0 instructions.

    Raises
    ------
    AssertionError
        A callback used more instructions.
    UsageError
        A callback doesn't exist, or the source has no counts: the real Envoy and native filters don't count.

    Notes
    -----
    The first requests of a VM use more instructions, because Python specialises code that runs often.
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
