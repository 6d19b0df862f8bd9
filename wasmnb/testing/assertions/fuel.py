"""An assertion about cost that is the same on every machine: instructions of WebAssembly by callback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...abi import CALLBACKS
from ...errors import UsageError
from ...sdk.loading.callbacks import HANDLERS
from .expectations import meant
from .matchers import fail, title

__all__ = ["assert_fuel"]

_KNOWN = {c.short for c in CALLBACKS.values()} | {h.method for h in HANDLERS.values()}


def assert_fuel(source: Any, limits: Mapping[str, int] | int) -> None:
    """No callback used more instructions than this.

    Parameters
    ----------
    source
        An exchange of a proxy made with `fuel=True`, or the report of a profile.
    limits
        Callback, by the ABI's name or the method's (`on_http_request_headers`), and its most; or a number for all of them
        together. What did not run used nothing.

    Raises
    ------
    UsageError
        There is no such callback; or nothing was counted: the real Envoy counts nothing, and natively there is nothing to
        count.

    Notes
    -----
    The first requests of a VM use more than later ones, since Python adapts itself to code that runs often.
    """
    __tracebackhide__ = True
    fuel = getattr(source, "fuel", None)
    if fuel is None:
        raise UsageError(f"A {type(source).__name__} has no fuel: instructions are counted by Proxy(..., fuel=True).")
    if isinstance(limits, int):
        limits, used = {"all callbacks": limits}, {"all callbacks": fuel.total}
    else:
        used = {name: _of(fuel, name) for name in limits}
    over = [
        f"{name} used {used[name]:,} instructions, at most {most:,}"
        for name, most in limits.items()
        if used[name] > most
    ]
    if over:
        shown = "\n".join(f"    {name}: {number:,}" for name, number in fuel.items())
        fail(f"{'; '.join(over)}{f' ({title(source)})' if hasattr(source, 'request') else ''}", "  all of them:", shown)


def _of(fuel: Any, name: str) -> int:
    if name not in _KNOWN:
        raise UsageError(f"There is no callback {name!r}; {meant(name, sorted(_KNOWN))}")
    try:
        return int(fuel[name])
    except KeyError:
        return 0
