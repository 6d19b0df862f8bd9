"""Functions that build requests, responses and exchanges for tests, and `send`, which sends a request through a proxy."""

from __future__ import annotations

import json as json_module
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..abi.text import encode_text
from ..messages import Headers, HeadersLike, Request, Response, Text, to_bytes, to_text

if TYPE_CHECKING:
    from ..host.proxy_interface import ProxyInterface

__all__ = ["exchange", "request", "response", "send"]


def request(
    path: str = "/",
    *,
    method: str | None = None,
    headers: HeadersLike = None,
    query: Mapping[str, Any] | None = None,
    body: Text = b"",
    json: Any = None,
    form: Mapping[str, Any] | None = None,
    chunks: Iterable[Text] | None = None,
    trailers: HeadersLike = None,
    cookies: Mapping[str, str] | None = None,
    bearer: str | None = None,
    basic: tuple[str, str] | None = None,
    authority: str = "example.com",
    scheme: str = "http",
) -> Request:
    """Build a request.

    Parameters
    ----------
    path
        Path with an optional query (default `/`).
    method
        Method (default: POST if the request has a body, otherwise GET).
    headers
        Headers as a mapping, pairs or `Headers` (default none).
    query
        Query parameters, encoded and appended to the path (default none).
    body
        Body as bytes or text (default empty). Use one of `body`, `json`, `form` and `chunks`.
    json
        Value to send as JSON (default none). Sets `content-type` unless `headers` contains it.
    form
        Form fields to send (default none). Sets `content-type` unless `headers` contains it.
    chunks
        Parts of the body, which arrive one by one (default none).
    trailers
        Trailers (default none).
    cookies
        Names and values for the `cookie` header (default none).
    bearer
        Token of an `authorization: Bearer` header (default none).
    basic
        (user, password) of an `authorization: Basic` header (default none).
    authority
        Host of the request (default `example.com`).
    scheme
        `http` or `https` (default `http`).

    Returns
    -------
    Request
        The request. Pass it to `send`.

    Raises
    ------
    TypeError
        More than one of `body`, `json`, `form` and `chunks` was passed.
    """
    all_headers = Headers(headers)
    data = _body(all_headers, body, json, form, chunks)
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
    if cookies:
        all_headers.add("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
    if bearer is not None:
        all_headers["authorization"] = f"Bearer {bearer}"
    if basic is not None:
        all_headers["authorization"] = "Basic " + b64encode(":".join(basic).encode()).decode()
    parts = None if chunks is None else [to_bytes(c) for c in chunks]
    verb = method or ("POST" if data or parts is not None else "GET")
    return Request(verb, path, all_headers, data, Headers(trailers), authority, scheme, parts)


def response(
    status: int = 200,
    body: Text = b"",
    *,
    headers: HeadersLike = None,
    json: Any = None,
    chunks: Iterable[Text] | None = None,
    trailers: HeadersLike = None,
    latency: float = 0.0,
    reset: bool = False,
    delays: float | Sequence[float] = 0.0,
) -> Response:
    """Build a response.

    Parameters
    ----------
    status
        Status code (default 200).
    body, json, chunks
        Body as bytes or text, value to send as JSON, or parts of the body (default empty). Use only one of them.
    headers
        Headers as a mapping, pairs or `Headers` (default none).
    trailers
        Trailers (default none).
    latency
        Virtual seconds until the upstream responds (default 0).
    reset
        Whether the upstream closes the connection after sending these parts, instead of ending the response (default False).
    delays
        Virtual seconds before every chunk, or a list with a number for each chunk (default 0).

    Returns
    -------
    Response
        The response. Pass it to `upstream` or `exchange`.

    Raises
    ------
    TypeError
        More than one of `body`, `json` and `chunks` was passed.
    """
    all_headers = Headers(headers)
    data = _body(all_headers, body, json, None, chunks)
    parts = None if chunks is None else [to_bytes(c) for c in chunks]
    return Response(status, all_headers, data, Headers(trailers), parts, latency, reset, delays=delays)


def _body(headers: Headers, body: Text, json: Any, form: Mapping[str, Any] | None, chunks: object) -> bytes:
    kinds = [
        name
        for name, v in (("body", body or None), ("json", json), ("form", form), ("chunks", chunks))
        if v is not None
    ]
    if len(kinds) > 1:
        names = " and ".join(f"{kind}=" for kind in kinds)
        raise TypeError(f"{names} were passed, but a message has only one body. Pass one of them.")
    types = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
    content_type = types.get(kinds[0] if kinds else "")
    if content_type is not None and "content-type" not in headers:
        headers.add("content-type", content_type)
    if json is not None:
        return encode_text(json_module.dumps(json, separators=(",", ":"), ensure_ascii=False))
    return urlencode(form, doseq=True).encode() if form is not None else to_bytes(body)


def exchange(
    sent: Request | None = None,
    received: Response | None = None,
    *,
    upstream_request: Request | None = None,
    upstream_response: Response | None = None,
    state: str = "done",
    number: int = 1,
    worker: int = 1,
) -> Any:
    """Build an exchange without running a filter, for tests of your own assertions and reports.

    Parameters
    ----------
    sent
        Request sent by the client (default `request()`).
    received
        Response received by the client (default None: no response).
    upstream_request
        Request received by the upstream (default None: the request wasn't forwarded).
    upstream_response
        Response sent by the upstream (default None: no response).
    state
        State of the exchange, one of the values of `Exchange.state` (default `done`).
    number
        Number of the exchange (default 1).
    worker
        Number of the worker (default 1).

    Returns
    -------
    Exchange
        The exchange.
    """
    from ..host import Exchange, Proxy

    environment = Proxy(workers=1).server  # the log and trace of a proxy without filters are empty
    built = Exchange(number, worker, environment, sent or request())
    built.upstream_requests = [upstream_request] if upstream_request is not None else []
    built.upstream_response = upstream_response
    built.response = received
    built.state = state
    built.finished = 0.0 if state not in ("open", "paused") else None
    return built


def send(proxy: ProxyInterface, sent: Request, **options: Any) -> Any:
    """Send a request through a proxy, simulated or real.

    Parameters
    ----------
    proxy
        A `Proxy` or `Envoy`.
    sent
        The request, built with `request(...)`.
    options
        Further arguments for the proxy's method `request`, such as `worker`, `http2` and `wait`.

    Returns
    -------
    Exchange
        The exchange.
    """
    __tracebackhide__ = True
    body = {"chunks": sent.chunks} if sent.chunks is not None else {"body": sent.body}
    return proxy.request(
        sent.method, to_text(to_bytes(sent.path)), sent.headers, trailers=sent.trailers, authority=sent.authority,
        **body, **options,
    )  # fmt: skip
