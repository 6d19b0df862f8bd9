"""A stream in the hands of its client: send piece by piece, look, go away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import Headers, Text, to_bytes

if TYPE_CHECKING:
    from .exchange import Exchange
    from .http_stream import HttpStream
    from .proxy import Proxy

__all__ = ["Stream"]


class Stream:
    """A request being sent.

    Every method lets the proxy work until nothing is left to do at this moment; virtual time passes only in
    `Proxy.advance` and `wait`.

    Attributes
    ----------
    exchange
        What has happened so far.
    """

    def __init__(self, proxy: Proxy, stream: HttpStream) -> None:
        self._proxy = proxy
        self._stream = stream
        self.exchange: Exchange = stream.exchange
        self._ended = False

    def send_body(self, chunk: Text, *, end: bool = False) -> Stream:
        """Send a piece of the body; with `end` the last."""
        self._check()
        data = to_bytes(chunk)
        request = self.exchange.request
        request.chunks = [*(request.chunks or []), data]
        request.body += data
        self._ended = end
        self._do(lambda: self._stream.data(data, end=end))
        return self

    def send_trailers(self, trailers: Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] = ()) -> Stream:
        """Send trailers, the end of the request."""
        self._check()
        items = Headers(trailers)
        self.exchange.request.trailers = items
        self._ended = True
        self._do(lambda: self._stream.trailers(items.raw))
        return self

    def reset(self) -> Exchange:
        """Go away."""
        self._ended = True
        self._do(self._stream.client_gone)
        return self.exchange

    def wait(self, seconds: float | None = None) -> Exchange:
        """Wait for the end, at most so many virtual seconds."""
        self._proxy._run_until(self.exchange, seconds)
        return self.exchange

    def _check(self) -> None:
        if self._ended:
            raise UsageError("The request has been sent completely; nothing can follow.")

    def _do(self, action: Callable[[], None]) -> None:
        self._proxy._on_worker(self._stream.worker, action)

    def __repr__(self) -> str:
        return f"<Stream of {self.exchange!r}>"
