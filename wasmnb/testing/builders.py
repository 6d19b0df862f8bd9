"""Short ways to make requests, responses and exchanges, and to send them through any proxy."""

from __future__ import annotations

import json as json_module
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from ..messages import Headers, HeadersLike, Request, Response, Text, to_bytes, to_text

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
    """A request, with what tests often need said in a word.

    Parameters
    ----------
    method
        By default POST if there is a body of any kind, else GET.
    query
        Added to the path, encoded.
    body, json, form, chunks
        One of them: bytes or text; a value that JSON can write; fields of a form; pieces that arrive one by one. `json`
        and `form` set the content type, unless `headers` has one.
    cookies, bearer, basic
        Set `cookie` and `authorization`.

    Raises
    ------
    TypeError
        More than one kind of body.
    """
    found = Headers(headers)
    data = _body(found, body, json, form, chunks)
    if query:
        path += ("&" if "?" in path else "?") + urlencode(query, doseq=True)
    if cookies:
        found.add("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
    if bearer is not None:
        found["authorization"] = f"Bearer {bearer}"
    if basic is not None:
        found["authorization"] = "Basic " + b64encode(":".join(basic).encode()).decode()
    pieces = None if chunks is None else [to_bytes(c) for c in chunks]
    sent = method or ("POST" if data or pieces is not None else "GET")
    return Request(sent, path, found, data, Headers(trailers), authority, scheme, pieces)


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
) -> Response:
    """A response.

    Parameters
    ----------
    body, json, chunks
        One of them, as in `request`.
    latency
        Virtual seconds until the upstream answers.
    reset
        The upstream breaks off after what is given here, instead of ending properly.
    """
    found = Headers(headers)
    data = _body(found, body, json, None, chunks)
    pieces = None if chunks is None else [to_bytes(c) for c in chunks]
    return Response(status, found, data, Headers(trailers), pieces, latency, reset)


def _body(headers: Headers, body: Text, json: Any, form: Mapping[str, Any] | None, chunks: object) -> bytes:
    given = [
        name
        for name, v in (("body", body or None), ("json", json), ("form", form), ("chunks", chunks))
        if v is not None
    ]
    if len(given) > 1:
        raise TypeError(f"A message has one body, not {' and '.join(given)}.")
    kind = {"json": "application/json", "form": "application/x-www-form-urlencoded"}.get(given[0] if given else "")
    if kind is not None and "content-type" not in headers:
        headers.add("content-type", kind)
    if json is not None:
        return json_module.dumps(json, separators=(",", ":"), ensure_ascii=False).encode()
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
    """An exchange as a proxy would give it, for testing what reads exchanges: views, reports, matchers.

    Parameters
    ----------
    sent, received
        What the client sent and got.
    upstream_request, upstream_response
        What the upstream saw and answered; None if the request never got there.
    state
        As `Exchange.state`.
    """
    from ..host import Exchange, Proxy

    environment = Proxy(workers=1).server  # of a proxy without filters: an empty log and trace
    made = Exchange(number, worker, environment, sent or request())
    made.upstream_requests = [upstream_request] if upstream_request is not None else []
    made.upstream_response = upstream_response
    made.response = received
    made.state = state
    made.finished = 0.0 if state not in ("open", "paused") else None
    return made


def send(proxy: Any, sent: Request, **more: Any) -> Any:
    """Send a built request through a proxy, simulated or real; gives its exchange.

    Parameters
    ----------
    more
        Passed on to the proxy's `request`: `worker`, and with the simulated proxy `http2` and `wait`.
    """
    __tracebackhide__ = True
    body = {"chunks": sent.chunks} if sent.chunks is not None else {"body": sent.body}
    return proxy.request(
        sent.method, to_text(to_bytes(sent.path)), sent.headers, trailers=sent.trailers, authority=sent.authority,
        **body, **more,
    )  # fmt: skip
