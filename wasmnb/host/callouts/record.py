"""Records of callouts: the request that a filter sent to a cluster, and the response."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from ..._display import visible
from ...messages import Request, Response

__all__ = ["MESSAGE_SIZE", "REQUEST_SIZE", "Callout", "CalloutLog"]

#: Callouts that a proxy keeps, and bytes of their requests, messages and responses.
_KEPT, _BODIES_KEPT = 10_000, 1 << 28

#: Bytes that a pending callout takes beyond its body, and a message of a stream beyond its content, approximately.
REQUEST_SIZE, MESSAGE_SIZE = 10_000, 500


@dataclass
class Callout:
    """Record of one callout.

    Attributes
    ----------
    kind
        `http`, `grpc call` or `grpc stream`.
    cluster
        Name of the cluster.
    token, vm
        Its number in the VM, and the VM's number.
    exchange
        Number of the exchange that it was made for, or None.
    request, response
        The request and its response, or None. A gRPC stream has its messages in `messages` instead of a body.
    messages
        gRPC messages that were sent.
    state
        `pending`, `answered`, `failed` (no response from the upstream), `timeout`, `reset` or `cancelled`.
    sent
        The request, or a part of it, has reached the upstream.
    complete
        The whole request has reached the upstream.
    started, finished
        Virtual seconds; `finished` is None while it is pending.
    root
        Id of the root context, the plugin's, that gets the response.
    size
        Bytes of the request, of the messages and of the response in memory.
    """

    kind: str
    cluster: str
    token: int
    vm: int
    exchange: int | None
    request: Request
    started: float
    response: Response | None = None
    messages: list[bytes] = field(default_factory=list)
    state: str = "pending"
    sent: bool = False
    complete: bool = False
    finished: float | None = None
    root: int | None = None
    size: int = 0

    def __repr__(self) -> str:
        target = visible(f"{self.cluster}{self.request.path}")
        return f"<Callout {self.kind} {self.token} of VM{self.vm} to {target}: {self.state}>"


class CalloutLog:
    """The last callouts of a proxy, oldest first.

    Attributes
    ----------
    total
        Number of callouts so far, including those no longer kept.
    held
        Bytes that pending callouts take.
    """

    def __init__(self) -> None:
        self._kept: deque[Callout] = deque()
        self._bytes = 0
        self._entry: object = None
        self._entry_bytes = 0
        self.total = self.held = 0

    def add(self, callout: Callout) -> None:
        """Append a callout, and drop the oldest ones beyond a limit."""
        self._kept.append(callout)
        self.total += 1
        callout.size = callout.request.size
        self._bytes += callout.size
        self._drop_oldest()

    def grow(self, callout: Callout, size: int) -> None:
        """Add bytes to a callout, and drop the oldest ones beyond a limit. The callout itself may be dropped already."""
        callout.size += size
        if self._kept and callout.started >= self._kept[0].started:
            self._bytes += size
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._kept) > _KEPT or (self._bytes > _BODIES_KEPT and len(self._kept) > 1):
            self._bytes -= self._kept.popleft().size

    def reserve(self, entry: object, size: int, limit: int) -> bool:
        """Return whether a callback may start a callout with more bytes.

        Parameters
        ----------
        entry
            Trace record of the running callback.
        size
            Bytes of the request.
        limit
            Bytes of all callouts that one callback starts, and of all that are pending.
        """
        if entry is None or entry is not self._entry:
            self._entry, self._entry_bytes = entry, 0
        self._entry_bytes += size + REQUEST_SIZE
        return self._entry_bytes <= limit and self.held + size + REQUEST_SIZE <= limit

    def has_room(self, size: int, limit: int) -> bool:
        """Return whether a stream may send a message of a size."""
        return self.held + size + MESSAGE_SIZE <= limit

    def clear(self) -> None:
        """Drop all callouts."""
        self._kept.clear()
        self._bytes = 0
        self._entry = None

    def all(self) -> list[Callout]:
        """Return all callouts that are kept."""
        return list(self._kept)

    def latest(self, count: int) -> list[Callout]:
        """Return the last `count` callouts, oldest first."""
        return [*islice(reversed(self._kept), count)][::-1]

    def of_exchange(self, number: int) -> list[Callout]:
        """Return the callouts of one exchange."""
        return [c for c in self._kept if c.exchange == number]
