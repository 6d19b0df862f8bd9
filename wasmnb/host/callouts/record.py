"""Records of callouts, with the requests that filters sent to clusters and their responses."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from ..._display import visible
from ...messages import Request, Response

__all__ = ["MESSAGE_SIZE", "REQUEST_SIZE", "Callout", "CalloutLog"]

#: Maximum number of callouts that a proxy keeps, and maximum size in bytes of their requests, messages and responses.
KEPT, BODIES_KEPT = 10_000, 1 << 28

#: Approximate size in bytes of a pending callout without its body, and of a stream's message without its content.
REQUEST_SIZE, MESSAGE_SIZE = 10_000, 500


@dataclass
class Callout:
    """Record of a callout.

    Attributes
    ----------
    kind
        Kind of callout: `http`, `grpc call`, `grpc stream` or `redis`.
    cluster
        Name of the cluster.
    token, vm
        Number of the callout in its VM, and number of the VM.
    exchange
        Number of the exchange that started the callout, or None.
    request, response
        The request, and the response or None. For a gRPC stream, the messages are in `messages` instead of the bodies.
    messages
        gRPC messages sent by the filter.
    state
        `pending`, `answered`, `failed` (no response from the upstream), `timeout`, `reset` or `cancelled`.
    sent
        Whether at least a part of the request has reached the upstream.
    complete
        Whether the whole request has reached the upstream.
    started, finished
        Virtual times of the start and the end in seconds. `finished` is None while the callout is pending.
    root
        Id of the root context that receives the response, which is the context of the plugin.
    size
        Size in bytes of the request, the messages and the response in memory.
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
        Number of callouts since the start of the proxy, including dropped ones.
    held
        Memory of pending callouts in bytes.
    size
        Size in bytes of the callouts that are kept.
    """

    def __init__(self) -> None:
        self._kept: deque[Callout] = deque()
        self.size = 0
        self._entry: object = None
        self._entry_bytes = 0
        self.total = self.held = 0

    def add(self, callout: Callout) -> None:
        """Append a callout. If a limit is exceeded, drop the oldest callouts."""
        self._kept.append(callout)
        self.total += 1
        callout.size = callout.request.size
        self.size += callout.size
        self._drop_oldest()

    def grow(self, callout: Callout, size: int) -> None:
        """Add bytes to the size of a callout, even if it has been dropped. If a limit is exceeded, drop the oldest callouts."""
        callout.size += size
        if self._kept and callout.started >= self._kept[0].started:
            self.size += size
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._kept) > KEPT or (self.size > BODIES_KEPT and len(self._kept) > 1):
            self.size -= self._kept.popleft().size

    def reserve(self, entry: object, size: int, limit: int) -> bool:
        """Count the bytes of a new callout, and return whether the running callback can start it.

        Parameters
        ----------
        entry
            Trace record of the running callback.
        size
            Size of the request in bytes.
        limit
            Maximum size in bytes of all callouts started by one callback, and of all pending callouts.
        """
        if entry is None or entry is not self._entry:
            self._entry, self._entry_bytes = entry, 0
        self._entry_bytes += size + REQUEST_SIZE
        return self._entry_bytes <= limit and self.held + size + REQUEST_SIZE <= limit

    def has_room(self, size: int, limit: int) -> bool:
        """Return whether a stream can send a message of `size` bytes within the memory limit."""
        return self.held + size + MESSAGE_SIZE <= limit

    def clear(self) -> None:
        """Drop all callouts."""
        self._kept.clear()
        self.size = 0
        self._entry = None

    def all(self) -> list[Callout]:
        """Return all callouts that haven't been dropped."""
        return list(self._kept)

    def latest(self, count: int) -> list[Callout]:
        """Return the last `count` callouts, oldest first."""
        return [*islice(reversed(self._kept), count)][::-1]

    def of_exchange(self, number: int) -> list[Callout]:
        """Return the callouts started by one exchange."""
        return [c for c in self._kept if c.exchange == number]
