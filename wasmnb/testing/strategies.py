"""Hypothesis strategies for requests, responses, bodies in chunks, and the order of several streams' steps::

    @given(strategies.requests(), strategies.responses())
    def test_filter_never_traps(sent, received): ...

Envoy's HTTP codec accepts all generated messages: names are in lower case, and values contain no control characters. Values and
bodies can contain bytes that are not ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import UsageError
from ..messages import Headers, Request, Response, to_text
from ..parsing.header_block import HOP_BY_HOP

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise UsageError(
        "Strategies need the package hypothesis, which is not installed. Run: pip install hypothesis"
    ) from error

__all__ = [
    "bodies", "chunkings", "header_names", "header_values", "headers", "interleavings", "paths", "requests", "responses",
]  # fmt: skip

_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
_TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789-"  # noqa: S105 -- token characters of HTTP, not a secret
_PATH = "abcXYZ019-._~!$&'()*+,;=:@%"
_COMMON = ("accept", "authorization", "content-type", "cookie", "user-agent", "x-forwarded-for", "x-user")

#: Headers for message framing and connections. The proxy sets them itself.
_SET_BY_PROXY = {*map(to_text, HOP_BY_HOP), "content-length", "host", "upgrade", "te", "expect"}


def header_names() -> st.SearchStrategy[str]:
    """Return a strategy for names of headers. Many of them are common names, and none is a framing header."""
    free = st.text(_TOKEN, min_size=1, max_size=20).filter(lambda n: n not in _SET_BY_PROXY and n.strip("-") == n)
    return st.sampled_from(_COMMON) | free


def header_values() -> st.SearchStrategy[bytes]:
    """Return a strategy for values of headers. Most are printable ASCII, and some contain other bytes accepted by the codec."""
    text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60).map(str.encode)
    wild = st.binary(max_size=40).map(lambda data: bytes(c for c in data if c >= 0x20 and c != 0x7F))
    return (text | wild).map(bytes.strip)


def headers(*, max_size: int = 8, names: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Headers]:
    """Return a strategy for header maps, in which names can repeat.

    Parameters
    ----------
    max_size
        Maximum number of headers (default 8).
    names
        Strategy for the names, for example to prefer headers that the filter reads (default `header_names()`).
    """
    pairs = st.tuples(header_names() if names is None else names, header_values())
    return st.lists(pairs, max_size=max_size).map(Headers)


def paths() -> st.SearchStrategy[str]:
    """Return a strategy for request paths with several segments and an optional query."""
    segment = st.text(_PATH, max_size=10)
    query = st.lists(st.tuples(st.text("abcxyz", min_size=1, max_size=5), segment), max_size=4)
    joined = query.map(lambda items: "&".join(f"{k}={v}" for k, v in items))
    return st.builds(
        lambda parts, q: "/" + "/".join(parts) + (f"?{q}" if q else ""), st.lists(segment, max_size=4), joined
    )


def bodies(*, max_size: int = 2000) -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies: empty, text, JSON, or arbitrary bytes, with at most `max_size` bytes (default 2000)."""
    leaf = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20)
    )
    tree = st.recursive(
        leaf, lambda c: st.lists(c, max_size=4) | st.dictionaries(st.text(max_size=8), c, max_size=4), max_leaves=8
    )
    return st.just(b"") | st.text(max_size=200).map(str.encode) | tree.map(_json) | st.binary(max_size=max_size)


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()


@st.composite
def chunkings(draw: st.DrawFn, body: bytes | None = None, *, max_chunks: int = 6) -> list[bytes]:
    """Return a strategy for bodies split into chunks, some of which can be empty.

    Parameters
    ----------
    body
        The body to split (default None: a body from `bodies()`).
    max_chunks
        Maximum number of chunks (default 6).
    """
    whole = draw(bodies()) if body is None else body
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=max_chunks - 1)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@st.composite
def requests(
    draw: st.DrawFn,
    *,
    methods: Sequence[str] = _METHODS,
    path: st.SearchStrategy[str] | None = None,
    names: st.SearchStrategy[str] | None = None,
    chunked: bool = True,
    trailers: bool = True,
) -> Request:
    """Return a strategy for requests, which can be sent with `wasmnb.testing.send`.

    Parameters
    ----------
    methods
        Methods to choose from (default: the seven most common methods).
    path
        Strategy for paths (default `paths()`).
    names
        Strategy for names of headers (default `header_names()`).
    chunked
        Whether bodies can consist of several chunks (default True).
    trailers
        Whether requests can have trailers (default True).
    """
    method = draw(st.sampled_from(methods))
    request = Request(method, draw(paths() if path is None else path), draw(headers(names=names)))
    if method in ("GET", "HEAD", "DELETE", "OPTIONS") and draw(st.booleans()):
        return request
    request.body = draw(bodies())
    if chunked and draw(st.booleans()):
        request.chunks = draw(chunkings(request.body))
    if trailers and request.body and draw(st.integers(0, 4)) == 0:
        request.trailers = draw(headers(max_size=2))
    return request


@st.composite
def responses(draw: st.DrawFn, *, latency: float = 0.0, failing: bool = True) -> Response:
    """Return a strategy for responses of an upstream.

    Parameters
    ----------
    latency
        Longest latency in virtual seconds (default 0).
    failing
        Whether the upstream sometimes closes the connection without a response (default True).
    """
    if failing and draw(st.integers(0, 9)) == 0:
        return Response(0, reset=True)
    status = draw(st.sampled_from((200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503)))
    body = b"" if status == 204 else draw(bodies())
    return Response(status, draw(headers(max_size=4)), body, latency=draw(st.floats(0, latency)) if latency else 0.0)


class StreamStep(NamedTuple):
    """A step of one of several streams.

    Attributes
    ----------
    stream
        Number of the stream, counted from 0.
    step
        The step.
    """

    stream: int
    step: Any


@st.composite
def interleavings(draw: st.DrawFn, *streams: Sequence[Any]) -> list[StreamStep]:
    """Return a strategy for the order in which the steps of several streams happen. The steps of each stream stay in order.

    Parameters
    ----------
    streams
        The steps of each stream.

    Returns
    -------
    SearchStrategy
        Strategy for lists of `StreamStep`.
    """
    order = draw(st.permutations([number for number, steps in enumerate(streams) for _ in steps]))
    remaining = [iter(steps) for steps in streams]
    return [StreamStep(number, next(remaining[number])) for number in order]
