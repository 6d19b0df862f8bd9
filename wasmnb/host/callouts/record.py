"""What is kept of a callout: the request that a filter sent to a cluster, and what came back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ..._display import visible
from ...messages import Request, Response

__all__ = ["Callout", "CalloutLog"]

#: Callouts that a proxy remembers.
_KEPT = 10_000


@dataclass
class Callout:
    """One callout.

    Attributes
    ----------
    kind
        `http`, `grpc call` or `grpc stream`.
    cluster, token, vm, exchange
        Where it went, its number in the VM, the VM's number, and the exchange that it was made for (None for a root's own).
    root
        Id of the root context, the plugin's, that gets the answer.
    request, response
        What was sent and what came back; a gRPC stream has its messages in `messages` instead of a body.
    state
        `pending`, `answered`, `failed` (no answer from the upstream), `timeout`, `reset` or `cancelled`.
    sent
        It got to the upstream, as far as it was sent.
    complete
        The upstream has all of it.
    started, finished
        Virtual seconds.
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
        where = visible(f"{self.cluster}{self.request.path}")
        return f"<Callout {self.kind} {self.token} of VM{self.vm} to {where}: {self.state}>"


class CalloutLog:
    """The last callouts of a proxy, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Callout] = deque(maxlen=_KEPT)

    def add(self, callout: Callout) -> Callout:
        """One more."""
        self._kept.append(callout)
        return callout

    def all(self) -> list[Callout]:
        """Everything that is kept."""
        return list(self._kept)

    def of_exchange(self, number: int) -> list[Callout]:
        """Those made for one exchange."""
        return [c for c in self._kept if c.exchange == number]
