"""Records of callouts: the request that a filter sent to a cluster, and the response."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ..._display import visible
from ...messages import Request, Response

__all__ = ["Callout", "CalloutLog"]

#: Callouts that a proxy keeps.
_KEPT = 10_000


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

    def __repr__(self) -> str:
        target = visible(f"{self.cluster}{self.request.path}")
        return f"<Callout {self.kind} {self.token} of VM{self.vm} to {target}: {self.state}>"


class CalloutLog:
    """The last callouts of a proxy, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Callout] = deque(maxlen=_KEPT)

    def add(self, callout: Callout) -> None:
        """Append a callout."""
        self._kept.append(callout)

    def clear(self) -> None:
        """Drop all callouts."""
        self._kept.clear()

    def all(self) -> list[Callout]:
        """Return all callouts that are kept."""
        return list(self._kept)

    def of_exchange(self, number: int) -> list[Callout]:
        """Return the callouts of one exchange."""
        return [c for c in self._kept if c.exchange == number]
