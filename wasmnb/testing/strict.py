"""Strict mode: whatever a test did not allow fails it.

Without it a filter may call out, or call a hostcall that is refused, and nobody notices as long as the answer is right.
A strict proxy looks at the trace after every request:

    with strict(Proxy(filter, clusters={"auth": auth}), callouts=["auth"]) as proxy:
        proxy.get("/")          # AssertionError if the filter calls another cluster, or a hostcall goes wrong
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import wraps
from types import TracebackType
from typing import Any, Self

from ..abi import HOSTCALLS, Status
from ..errors import UsageError
from .assertions.callouts import callouts
from .assertions.expectations import meant
from .assertions.matchers import fail, title

__all__ = ["StrictProxy", "strict"]

#: Statuses that are an answer rather than a mistake: not there, nothing in the queue, somebody else was faster.
_ANSWERS = frozenset({Status.OK, Status.NOT_FOUND, Status.EMPTY, Status.CAS_MISMATCH})


class StrictProxy:
    """A simulated proxy whose every method, such as `get` and `advance`, fails if what it led to was not allowed.

    What happens on a stream or connection that is open is looked at with the next call, or when the proxy closes.

    Attributes
    ----------
    proxy
        The proxy that it watches.
    """

    def __init__(
        self, proxy: Any, callouts: Collection[str], hostcalls: Collection[str] | None, statuses: Collection[Status]
    ) -> None:
        self.proxy = proxy
        self._callouts = frozenset(callouts)
        self._hostcalls = None if hostcalls is None else frozenset(hostcalls)
        self._statuses = _ANSWERS | frozenset(statuses)
        self._checked = 0

    def check(self) -> None:
        """Fail if anything happened since the last check that was not allowed."""
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
        """In which callback, and for which exchange."""
        callback = (
            next((e.name for e in self.proxy.trace.find(event.parent)), None) if event.parent is not None else None
        )
        exchange = next((x for x in self.proxy.exchanges if x.number == event.exchange), None)
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
            fail(f"hostcall proxy_{event.name} was refused with {name}{self._where(event)}", f"  {event}")

    def close(self) -> None:
        """Check a last time, and close the proxy."""
        __tracebackhide__ = True
        try:
            self.check()
        finally:
            self.proxy.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.proxy, name)
        return self._checking(found) if callable(found) else found

    def _checking(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of the proxy that checks what it has made the filter do."""

        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            given = method(*args, **kwargs)
            self.check()
            return given

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
    """A proxy whose requests fail the test when the filter does what was not allowed.

    Parameters
    ----------
    proxy
        A simulated proxy; the real Envoy does not tell which hostcalls there were.
    callouts
        Clusters that the filter may call; by default none.
    hostcalls
        The only hostcalls that it may use, with or without `proxy_`; by default any.
    statuses
        Hostcall statuses that are all right beside OK, NOT_FOUND, EMPTY and CAS_MISMATCH.
    """
    __tracebackhide__ = True
    if not hasattr(proxy, "trace"):
        raise UsageError("Strict mode needs the simulated proxy: a real Envoy does not show its hostcalls.")
    allowed = None if hostcalls is None else [name.removeprefix("proxy_") for name in hostcalls]
    known = {hostcall.short for hostcall in HOSTCALLS.values()}
    for name in allowed or ():
        if name not in known:
            raise UsageError(f"There is no hostcall {name!r}; {meant(name, sorted(known))}")
    return StrictProxy(proxy, callouts, allowed, statuses)
