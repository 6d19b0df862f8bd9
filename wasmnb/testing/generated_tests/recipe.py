"""The contents of a generated test: its requests and connections, and the responses of its scripted upstreams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import UsageError
from ...host import GrpcReply, Proxy, TcpReply
from ...host.callouts.grpc import outcome
from ...messages import Headers, Request, Response
from ...parsing.header_block import HOP_BY_HOP
from ...traffic.recorded.exchange import RecordedExchange
from ...traffic.recorded.masking import mask
from ..upstreams import upstream

__all__ = ["ConnectionStep", "Recipe", "RequestStep"]

#: Headers that the proxy sets in the client's response, so that the response of a scripted upstream needn't contain them.
_SET_BY_PROXY = HOP_BY_HOP | {b"content-length"}


#: Latency in seconds of a response that arrives after the client or the filter has stopped waiting.
_LATE = 3600.0


@dataclass(frozen=True)
class RequestStep:
    """A step that sends a request to a worker, with certain options of `proxy.request`."""

    request: Request
    worker: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectionStep:
    """A step that opens a TCP connection to a worker and sends bytes."""

    data: bytes
    worker: int


@dataclass
class Recipe:
    """The steps of a generated test, and the responses of its upstreams.

    Attributes
    ----------
    steps
        Requests and connections, in order.
    origin
        Responses of the main upstream, in order. Empty if the test needs no upstream.
    services
        Responses to callouts by cluster, in order.
    masked
        Number of masked secrets by place.
    """

    steps: list[RequestStep | ConnectionStep] = field(default_factory=list)
    origin: list[Any] = field(default_factory=list)
    services: dict[str, list[Any]] = field(default_factory=dict)
    masked: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, proxy: Proxy, exchanges: Iterable[Any], *, masking: bool) -> Recipe:
        """Create the recipe that repeats exchanges of a proxy.

        Parameters
        ----------
        proxy
            A simulated proxy.
        exchanges
            Exchanges of the proxy.
        masking
            Whether to replace secrets by `***`.
        """
        recipe = cls()
        for exchange in exchanges:
            if hasattr(exchange, "sent"):
                recipe._add_connection(proxy, exchange)
            else:
                recipe._add_exchange(proxy, exchange, masking=masking)
        return recipe

    def _add_exchange(self, proxy: Proxy, exchange: Any, *, masking: bool) -> None:
        recorded = RecordedExchange(_request(exchange.request), exchange.upstream_response)
        recorded = mask(recorded, self.masked) if masking else recorded
        self.steps.append(RequestStep(recorded.request, exchange.worker, exchange.options))
        if exchange.upstream_response is not None and proxy.settings.upstream is not None:
            self.origin.append(_scripted(recorded.response))
        elif exchange.upstream_request is not None and exchange.timeout is not None and exchange.response is None:
            self.origin.append(Response(200, latency=_LATE))  # the client disconnected before the response
        for callout in exchange.callouts:
            response = callout.response
            if response is not None and masking:
                response = mask(RecordedExchange(callout.request, response), self.masked).response
            reply = _reply(callout.kind, response, callout.state)
            self.services.setdefault(callout.cluster, []).append(reply)

    def _add_connection(self, proxy: Proxy, exchange: Any) -> None:
        self.steps.append(ConnectionStep(exchange.sent, exchange.worker))
        if exchange.upstream_connected and proxy.settings.upstream is not None:
            self.origin.append(TcpReply(exchange.upstream_sent, close=exchange.upstream_end == "closed"))

    def arguments(self) -> dict[str, Any]:
        """Return the upstreams as keyword arguments of `Proxy`."""
        arguments: dict[str, Any] = {"upstream": upstream(*self.origin)} if self.origin else {}
        if self.services:
            arguments["clusters"] = {name: upstream(*replies) for name, replies in self.services.items()}
        return arguments

    def run(self, plugins: Sequence[Any], settings: dict[str, Any]) -> list[Any]:
        """Run the steps in a new proxy, and return the exchanges.

        Parameters
        ----------
        plugins
            Plugins of the proxy.
        settings
            Other keyword arguments of `Proxy`.
        """
        with Proxy(list(plugins), **settings, **self.arguments()) as proxy:
            return [_do(proxy, step) for step in self.steps]


def _do(proxy: Proxy, step: RequestStep | ConnectionStep) -> Any:
    if isinstance(step, RequestStep):
        return proxy.send(_request(step.request), worker=step.worker, **step.options)
    connection = proxy.connect(worker=step.worker)
    connection.send(step.data)
    return connection.end().exchange


def _request(request: Request) -> Request:
    return Request(
        request.method, request.path, Headers(request.headers), request.body, Headers(request.trailers), request.authority,
        request.scheme, None if request.chunks is None else list(request.chunks),
    )  # fmt: skip


def _scripted(response: Response | None) -> Response:
    if response is None or not response.status:
        return Response(0, reset=True)
    headers = Headers()
    headers.raw = [pair for pair in response.headers.raw if pair[0] not in _SET_BY_PROXY]
    return replace(response, headers=headers, until_close=False)


def _reply(kind: str, response: Response | None, state: str) -> Any:
    """Convert the recorded response of a callout to a response for a scripted upstream.

    Raises
    ------
    UsageError
        The callout is a gRPC stream. A script can't repeat the order of its messages.
    """
    if kind == "grpc stream":
        raise UsageError(
            "An exchange with a gRPC stream can't be written as a test, because its messages arrive at arbitrary times. "
            "Select other exchanges."
        )
    if response is None and state not in ("failed", "reset"):
        return Response(200, latency=_LATE)  # the callout timed out or was cancelled
    if response is None or not response.status:
        return Response(0, reset=True)
    if kind == "grpc call":
        result = outcome(response)
        return GrpcReply(list(result.messages), result.status, result.message)
    return _scripted(response)
