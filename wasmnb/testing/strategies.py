"""Hypothesis strategies: requests, responses, chunkings, interleavings.

    @given(strategies.requests(), strategies.responses())
    def test_never_traps(sent, answer): ...

Messages are such as Envoy's codec takes: names in lower case, values without control characters. Bytes beyond ASCII do
occur in values and bodies, as they do on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from ..messages import Headers, Request, Response

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise UsageError("Strategies need hypothesis: pip install hypothesis") from error

__all__ = [
    "bodies", "chunkings", "header_names", "header_values", "headers", "interleavings", "paths", "requests", "responses",
]  # fmt: skip

_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
_TOKEN = "abcdefghijklmnopqrstuvwxyz0123456789-"  # noqa: S105 -- the codec's token, no secret
_PATH = "abcXYZ019-._~!$&'()*+,;=:@%"
_COMMON = ("accept", "authorization", "content-type", "cookie", "user-agent", "x-forwarded-for", "x-user")

#: Headers that say how the body is framed: the proxy's own business.
_FRAMING = frozenset(
    {"content-length", "transfer-encoding", "connection", "host", "upgrade", "te", "keep-alive", "expect"}
)


def header_names() -> st.SearchStrategy[str]:
    """Names, often common ones; never those that frame the message."""
    free = st.text(_TOKEN, min_size=1, max_size=20).filter(lambda n: n not in _FRAMING and n.strip("-") == n)
    return st.sampled_from(_COMMON) | free


def header_values() -> st.SearchStrategy[bytes]:
    """Values: printable ASCII mostly, now and then any byte that the codec takes."""
    text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60).map(str.encode)
    wild = st.binary(max_size=40).map(lambda data: bytes(c for c in data if c >= 0x20 and c != 0x7F))
    return (text | wild).map(bytes.strip)


def headers(*, max_size: int = 8, names: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Headers]:
    """Header maps, with duplicates.

    Parameters
    ----------
    names
        Where names come from, to make those likely that the filter looks at.
    """
    pairs = st.tuples(header_names() if names is None else names, header_values())
    return st.lists(pairs, max_size=max_size).map(Headers)


def paths() -> st.SearchStrategy[str]:
    """Targets with segments and query."""
    segment = st.text(_PATH, max_size=10)
    query = st.lists(st.tuples(st.text("abcxyz", min_size=1, max_size=5), segment), max_size=4)
    joined = query.map(lambda items: "&".join(f"{k}={v}" for k, v in items))
    return st.builds(
        lambda parts, q: "/" + "/".join(parts) + (f"?{q}" if q else ""), st.lists(segment, max_size=4), joined
    )


def bodies(*, max_size: int = 2000) -> st.SearchStrategy[bytes]:
    """Bodies: nothing, text, JSON, bytes."""
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
    """Ways to cut a body into pieces, empty ones among them; their sum is always the body.

    Parameters
    ----------
    body
        What is cut; drawn if it is not given.
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
    """Requests, for `wasmnb.testing.send`.

    Parameters
    ----------
    methods, path, names
        Where these parts come from.
    chunked, trailers
        Whether bodies may come in pieces, and with trailers.
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
    """Upstreams' answers.

    Parameters
    ----------
    latency
        Longest delay in seconds.
    failing
        Whether some close the connection instead of answering, or break off.
    """
    if failing and draw(st.integers(0, 9)) == 0:
        return Response(0, reset=True)
    status = draw(st.sampled_from((200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503)))
    body = b"" if status == 204 else draw(bodies())
    return Response(status, draw(headers(max_size=4)), body, latency=draw(st.floats(0, latency)) if latency else 0.0)


@st.composite
def interleavings(draw: st.DrawFn, *streams: Sequence[Any]) -> list[tuple[int, Any]]:
    """Orders in which several streams' steps can happen, each stream's own order kept.

    Parameters
    ----------
    streams
        The steps of each stream.

    Returns
    -------
    list
        Pairs of a stream's number, from 0, and one of its steps.
    """
    order = draw(st.permutations([number for number, steps in enumerate(streams) for _ in steps]))
    left = [iter(steps) for steps in streams]
    return [(number, next(left[number])) for number in order]
