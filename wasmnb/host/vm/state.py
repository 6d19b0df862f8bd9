"""Parts of a VM: its contexts, the running call into the guest, and buffers for callbacks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ...engine import Trap
from ..trace.records import BEGAN
from .failure import RestrictedCallback

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = [
    "IN_ALLOCATOR",
    "CalloutTokens",
    "ContextTable",
    "EntryState",
    "GuestBuffers",
    "ZeroExtended",
]

#: Maximum size in bytes of a slice with the real bytes before its zeros. Larger slices contain only zeros, which saves a copy.
_LARGE = 1 << 24

#: Imports that the guest's allocator can call.
IN_ALLOCATOR = frozenset({"proxy_log", "fd_write", "clock_time_get", "poll_oneoff"})


class ContextTable(dict[int, "Context"]):
    """Contexts of a VM by id. Id 0 is the VM itself."""

    _last_id = 0

    def new_id(self) -> int:
        """Return an unused context id."""
        self._last_id += 1
        return self._last_id


class CalloutTokens:
    """Generator of tokens for a VM's callouts. The two low bits of a token are the kind of callout.

    Tokens are 4, 8, ... for HTTP calls, 5, 9, ... for gRPC calls, and 6, 10, ... for gRPC streams.
    """

    def __init__(self) -> None:
        self._last = {0: 0, 1: 1, 2: 2}

    def new(self, kind: int) -> int:
        """Return the next token for a kind of callout: 0 for HTTP calls, 1 for gRPC calls, 2 for gRPC streams."""
        self._last[kind] += 4
        return self._last[kind]


@dataclass
class GuestBuffers:
    """Buffers that the guest can read only in certain callbacks.

    Attributes
    ----------
    plugin_configuration
        The plugin's configuration while `on_configure` runs, otherwise None.
    call_data
        Data for the callback of foreign functions or for `on_stats_update` while it runs, otherwise empty.
    redis_response
        Reply for the callback of Redis while it runs, otherwise None.
    """

    plugin_configuration: bytes | None = None
    call_data: bytes = b""
    redis_response: bytes | None = None


class ZeroExtended(bytes):
    """Bytes of a buffer whose reported size is larger than its real size. All bytes beyond the real ones are zero.

    Parameters
    ----------
    data
        The real bytes.
    size
        The reported size in bytes.
    """

    size: int

    def __new__(cls, data: bytes, size: int) -> Self:
        """Create a buffer with its real bytes and its reported size."""
        extended = super().__new__(cls, data)
        extended.size = size
        return extended

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        start, end, _ = index.indices(self.size)
        held = super().__getitem__(slice(start, end))
        length = max(0, end - start)
        return held + bytes(length - len(held)) if length <= _LARGE else bytes(length)


class EntryState:
    """The running call into the guest: its trace record, its contexts, and deferred work.

    Attributes
    ----------
    current, effective
        Context of the running callback, and the context on which its hostcalls act.
    deadline_ns
        Nanoseconds after which a call into the guest traps.
    record
        Trace record of the running call, or None if no call is running.
    exchange
        Number of the exchange to which the next calls of a root context belong, such as callout responses, or None.
    deferred
        Work to do after the running callback has returned.
    local_reply_sent
        Whether the running callback has sent a local response.
    restricted, phase
        Imports that can be called now (None for all), and the name of the entry point that restricts them.
    last_critical
        Trace record of the call that wrote the filter's last critical log line, and the line.
    last_warning
        The filter's last log line at level WARN or above, as UTF-8. It is cleared when a plugin starts.
    cause
        Trace record of the last call in which a hostcall failed for a reason that only the host knows, and the reason.
    """

    __slots__ = (
        "cause", "current", "deadline_ns", "deferred", "effective", "exchange", "last_critical", "last_warning", "local_reply_sent", "phase",
        "record", "restricted",
    )  # fmt: skip

    def __init__(self, context: Context, deadline: float) -> None:
        self.deadline_ns = deadline * 1e9
        self.current = self.effective = context
        self.record: Any = None
        self.exchange: int | None = None
        self.deferred: deque[Callable[[], None]] = deque()
        self.local_reply_sent = False
        self.restricted: frozenset[str] | None = None
        self.phase = ""
        self.last_critical: tuple[Any, str] = (None, "")
        self.last_warning = b""
        self.cause: tuple[Any, str] = (None, "")

    def no_cluster(self, name: str, known: Iterable[str]) -> None:
        """Store the cause of a failed hostcall: the cluster doesn't exist."""
        self.cause = (self.record, f"The proxy has no cluster {name!r}; it has {', '.join(known)}.")

    def check_deadline(self, now: int) -> None:
        """Check after a long hostcall that the running call hasn't exceeded its deadline.

        Parameters
        ----------
        now
            The current value of `perf_counter_ns`.

        Raises
        ------
        Trap
            The deadline has passed.
        """
        if self.record is not None and now - self.record[BEGAN] > self.deadline_ns:
            raise Trap(f"still running after the deadline of {self.deadline_ns / 1e9:g} s", "deadline")

    def restrict(self, name: str) -> None:
        """Check that an import can be called in the current phase.

        Raises
        ------
        RestrictedCallback
            The import isn't allowed in this phase.
        """
        if self.restricted is not None and name not in self.restricted:
            raise RestrictedCallback(name, "the allocator" if self.restricted is IN_ALLOCATOR else self.phase)

    def after_call(self, action: Callable[[], None]) -> None:
        """Run `action` after the running callback has returned. If no callback is running, run it immediately."""
        self.deferred.append(action)
        if self.record is None:
            self.run_deferred()

    def run_deferred(self) -> None:
        """Run the deferred work in order, including work that is added in the meantime."""
        while self.deferred:
            self.deferred.popleft()()
