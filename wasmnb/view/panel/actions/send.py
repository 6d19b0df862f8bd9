"""Sending: a request from the form, a pasted curl command, one that was sent before."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING, Any, NoReturn

from wasmnb.errors import UsageError
from wasmnb.messages import Request
from wasmnb.traffic.curl import FLAGS, from_options
from wasmnb.view.panel.snapshot import shown
from wasmnb.view.render.units import size

from .arguments import Action, Values, exchange_of, number

if TYPE_CHECKING:
    from wasmnb.view.panel.panel import Panel

__all__ = ["SENDING"]

#: Bytes of a file that can be sent from the panel.
LARGEST = 64 << 20

#: Pieces that a body can be cut into.
PIECES = 10_000

_FORM = 20_000  # characters of headers or body that go back into the form


def _fields(text: str) -> list[tuple[str, str]]:
    """Headers or trailers, one a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        if ":" not in line.lstrip(":"):
            raise UsageError(f"a header is written `name: value`, not {line!r}")
    return [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def _request(panel: Panel, arguments: Values) -> str:
    """Send, and look at what comes of it."""
    exchange = panel.proxy.request(**arguments)
    panel.sent = exchange.request
    panel.widget.before = {}
    panel.widget.picked = panel.history.id_of(exchange)
    panel.look("Exchanges")
    status = exchange.response.status if exchange.response is not None else 0
    return f"#{exchange.number}: {status or 'no answer'} ({exchange.paused or exchange.state})"


def _send(panel: Panel, values: Values) -> str:
    arguments: Values = {
        "method": str(values.get("method") or "GET"),
        "path": str(values.get("path") or "/"),
        "headers": _fields(str(values.get("headers") or "")),
        "trailers": _fields(str(values.get("trailers") or "")),
        "http2": bool(values.get("http2")),
    }
    if values.get("authority"):
        arguments["authority"] = str(values["authority"])
    if values.get("worker"):
        arguments["worker"] = number(values["worker"], "worker")
    body = bytes(panel.upload) if values.get("uploaded") else str(values.get("body") or "").encode()
    arguments |= _pieces(body, str(values.get("chunking") or ""))
    return _request(panel, arguments)


def _pieces(body: bytes, how: str) -> Values:
    """The body in one piece, line by line (`lines`), or in pieces of so many bytes."""
    if not how or not body:
        return {"body": body}
    if how == "lines":
        return {"chunks": body.splitlines(keepends=True)[:PIECES]}
    step = number(how, "size of a chunk")
    if step < 1 or len(body) / step > PIECES:
        raise UsageError(f"chunks of {step} bytes make too many of {size(len(body))}: at most {PIECES:,} are sent")
    return {"chunks": [body[i : i + step] for i in range(0, len(body), step)]}


def _upload(panel: Panel, values: Values) -> str:
    """A part of a file that is to be a body; the first part begins a new one."""
    if values.get("first"):
        panel.upload = bytearray()
    for buffer in values.get("buffers", ()):
        panel.upload += buffer
    if len(panel.upload) > LARGEST:
        panel.upload = bytearray()
        raise UsageError(f"a file of more than {size(LARGEST)} has to be sent from a cell: request(..., body=...)")
    return f"{size(len(panel.upload))} are ready to be sent as the body" if values.get("last") else ""


class _CurlParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"this is no curl command that wasmnb knows: {message}")


def _curl(panel: Panel, values: Values) -> str:
    parser = _CurlParser(prog="curl", add_help=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument("url", nargs="?", default="/")
    words = shlex.split(str(values.get("line", "")).replace("\\\r\n", " ").replace("\\\n", " "))
    parsed = parser.parse_intermixed_args(words[1:] if words[:1] == ["curl"] else words)
    return _request(panel, from_options(parsed, parsed.url).arguments)


def _again(panel: Panel, values: Values) -> str:
    """Send a request again, given itself or by the number of its exchange."""
    r = values.get("request")
    if not isinstance(r, Request):
        r = _http(exchange_of(panel, values)).request
    arguments = {
        "method": r.method,
        "path": r.path,
        "headers": r.headers,
        "trailers": r.trailers,
        "authority": r.authority,
    }
    arguments |= {"chunks": r.chunks} if r.chunks is not None else {"body": r.body}
    return _request(panel, arguments)


def _edit(panel: Panel, values: Values) -> str:
    """Put a request back into the form."""
    r = _http(exchange_of(panel, values)).request
    panel.upload = bytearray(r.body)
    lines = ["\n".join(f"{name}: {value}" for name, value in pairs.items()) for pairs in (r.headers, r.trailers)]
    text = r.text if len(r.body) <= _FORM and r.text.encode() == r.body else None
    panel.widget.give_form(
        {
            "method": shown(r.method, 40),
            "path": shown(r.path, _FORM),
            "authority": shown(r.authority, 400),
            "headers": shown(lines[0], _FORM),
            "trailers": shown(lines[1], _FORM),
            "body": "" if text is None else shown(text, _FORM),
            "file": "" if text is not None else f"the body of #{values['exchange']}, {size(len(r.body))}",
        }
    )
    return "the request is in the form: change it, and send"


def _http(exchange: Any) -> Any:
    if not hasattr(exchange, "request"):
        raise UsageError("a TCP connection cannot be sent again from here")
    return exchange


SENDING: dict[str, Action] = {"send": _send, "upload": _upload, "curl": _curl, "again": _again, "edit": _edit}
