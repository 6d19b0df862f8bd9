"""Strict mode, in which a test fails after a callout or hostcall that it didn't allow.

In an ordinary test, a filter can make unexpected callouts and failing hostcalls, and the test passes as long as the response is
correct. A strict proxy checks the trace after every request::

    with strict(Proxy(filter, clusters={"auth": auth}), callouts=["auth"]) as proxy:
        proxy.get("/")          # AssertionError if the filter calls another cluster, or a hostcall fails
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import wraps
from types import TracebackType
from typing import Any, Self

from ..abi import HOSTCALLS, Status
from ..errors import UsageError
from .assertions.callouts import callouts
from .assertions.expectations import suggestion
from .assertions.matchers import fail, title

__all__ = ["StrictProxy", "strict"]

#: Statuses that are allowed by default: OK, missing value, empty queue, and failed compare-and-swap.
_RESULTS = frozenset({Status.OK, Status.NOT_FOUND, Status.EMPTY, Status.CAS_MISMATCH})


class StrictProxy:
    """A simulated proxy that checks callouts and hostcalls after each call of its methods, such as `get` and `advance`.

    Events of open streams and connections are checked after the next call, or when the proxy is closed.

    Attributes
    ----------
    proxy
        The wrapped proxy.
    """

    def __init__(
        self, proxy: Any, callouts: Collection[str], hostcalls: Collection[str] | None, statuses: Collection[Status]
    ) -> None:
        self.proxy = proxy
        self._callouts = frozenset(callouts)
        self._hostcalls = None if hostcalls is None else frozenset(hostcalls)
        self._statuses = _RESULTS | frozenset(statuses)
        self._checked = 0

    def check(self) -> None:
        """Raise AssertionError if the filter has made a forbidden callout or hostcall since the last check."""
        __tracebackhide__ = True
        trace = self.proxy.trace
        first, self._checked = max(0, self._checked - trace.dropped), trace.total
        for event in trace[first:]:
            if event.kind == "hostcall":
                self._check_callout(event)
                self._check_hostcall(event)

    def _check_callout(self, event: Any) -> None:
        __tracebackhide__ = True
        for call in callouts([event]):
            if call.cluster not in self._callouts:
                allowed = ", ".join(sorted(self._callouts)) or "none"
                fail(
                    f"unexpected callout to {call}{self._where(event)}",
                    f"  allowed clusters: {allowed}; allow it with strict(proxy, callouts=[{call.cluster!r}])",
                )

    def _where(self, event: Any) -> str:
        """Describe the callback and the exchange of an event, for error messages."""
        callback = (
            next((e.name for e in self.proxy.trace.find(event.parent)), None) if event.parent is not None else None
        )
        exchange = next((each for each in self.proxy.exchanges if each.number == event.exchange), None)
        inside = f", in {callback}" if callback else ""
        return inside + (f" of {title(exchange)}" if exchange is not None else f" on {event.thread}")

    def _check_hostcall(self, event: Any) -> None:
        __tracebackhide__ = True
        if self._hostcalls is not None and event.name not in self._hostcalls:
            fail(
                f"unexpected hostcall proxy_{event.name}{self._where(event)}",
                f"  {event}",
                f"  allowed: {', '.join(sorted(self._hostcalls))}",
            )
        if event.status is not None and event.status not in self._statuses:
            name = getattr(event.status, "name", event.status)
            fail(f"hostcall proxy_{event.name} returned {name}{self._where(event)}", f"  {event}")

    def close(self) -> None:
        """Check the last events, then close the proxy."""
        __tracebackhide__ = True
        try:
            self.check()
        finally:
            self.proxy.close()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.proxy, name)
        return self._checking(attribute) if callable(attribute) else attribute

    def _checking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a method of the proxy so that each call is followed by a check."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            result = method(*args, **kwargs)
            self.check()
            return result

        return call

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.proxy.close()

    def __repr__(self) -> str:
        return f"<strict {self.proxy!r}>"


def strict(
    proxy: Any,
    *,
    callouts: Collection[str] = (),
    hostcalls: Iterable[str] | None = None,
    statuses: Collection[Status] = (),
) -> StrictProxy:
    """Wrap a proxy so that a test fails after a callout or hostcall that it doesn't allow.

    Parameters
    ----------
    proxy
        A simulated proxy. (The real Envoy doesn't report hostcalls.)
    callouts
        Clusters that the filter may call (default none).
    hostcalls
        Names of the hostcalls that the filter may make, with or without `proxy_` (default None: all).
    statuses
        Statuses that hostcalls may return in addition to OK, NOT_FOUND, EMPTY and CAS_MISMATCH (default none).

    Returns
    -------
    StrictProxy
        The wrapped proxy.

    Raises
    ------
    UsageError
        The proxy is a real Envoy, or there is no hostcall with one of the names.
    """
    __tracebackhide__ = True
    if not hasattr(proxy, "trace"):
        raise UsageError(
            "strict() was called with a real Envoy, which doesn't report its hostcalls. Pass a simulated Proxy."
        )
    allowed = None if hostcalls is None else [name.removeprefix("proxy_") for name in hostcalls]
    known = {hostcall.short for hostcall in HOSTCALLS.values()}
    for name in allowed or ():
        if name not in known:
            raise UsageError(f"Unknown hostcall {name!r}: {suggestion(name, sorted(known))}")
    return StrictProxy(proxy, callouts, allowed, statuses)
