"""Actions that send traffic: a request or bytes from the form, a curl command, or an earlier exchange."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NoReturn

from wasmnb.abi import Pair
from wasmnb.abi.text import encode_text
from wasmnb.errors import UsageError
from wasmnb.messages import Request, to_text
from wasmnb.parsing.header_block import parse_header_text
from wasmnb.traffic.curl import FLAGS, from_options, read_file
from wasmnb.traffic.recorded.readers.shells import bash_words
from wasmnb.traffic.tcp import parse_bytes, send_bytes
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.panel.view_data import printable
from wasmnb.view.render.units import size

from .arguments import PanelAction, Values, exchange_of, integer

__all__ = ["SENDING", "message_of", "options_of", "repeat"]

#: Maximum size in bytes of a file that is sent as a body.
FILE_LIMIT = 64 << 20

#: Maximum number of chunks of a body.
CHUNKS = 10_000

_FORM_LIMIT = 20_000  # maximum number of characters of headers or a body that are loaded into the form

_OPTIONS_LIMIT = 400  # maximum number of characters of options that the form shows


def options_of(exchange: Any) -> Mapping[str, Any]:
    """Return the options of `proxy.request` with which a request was sent, for example `timeout`. Empty for a connection."""
    return getattr(exchange, "options", {})


def message_of(exchange: Any) -> Request | bytes:
    """Return the request of an HTTP exchange, or the bytes that the client sent over a connection."""
    return exchange.request if hasattr(exchange, "request") else exchange.sent  # type: ignore[no-any-return]


def repeat(renderer: Renderer, message: Request | bytes, options: Mapping[str, Any]) -> str:
    """Send a request or the bytes of a connection again.

    Parameters
    ----------
    renderer
        The renderer of the panel.
    message
        The request, or the bytes.
    options
        Options of `proxy.request`, for example `timeout`. Ignored for bytes.

    Returns
    -------
    str
        A notice about the result.
    """
    if isinstance(message, bytes):
        return _connection(renderer, message)
    r = message
    body: Values = {"chunks": r.chunks} if r.chunks is not None else {"body": r.body}
    head = {"method": r.method, "path": r.path, "authority": r.authority}
    return _request(renderer, {**head, "headers": r.headers, "trailers": r.trailers, **body, **options})


def _request(renderer: Renderer, arguments: Values) -> str:
    """Send a request and show its exchange. Returns a notice about the result."""
    state = renderer.state
    exchange = state.proxy.request(**arguments)
    state.draft.sent, state.draft.sent_options = exchange.request, exchange.options
    state.widget.before = {}
    state.widget.picked = state.history.id_of(exchange)
    renderer.look("Exchanges")
    status = exchange.response.status if exchange.response is not None else 0
    return f"#{exchange.number}: {status or 'no response'} ({exchange.paused or exchange.state})"


def _connect(renderer: Renderer, values: Values) -> str:
    """Send bytes over a new TCP connection and show the connection. Returns a notice about the result."""
    worker = integer(values["worker"], "worker") if values.get("worker") else None
    data = parse_bytes(str(values.get("data") or ""))
    return _connection(renderer, data, worker=worker, half_close=bool(values.get("half_close")))


def _connection(renderer: Renderer, data: bytes, **options: Any) -> str:
    state = renderer.state
    exchange = send_bytes(state.proxy, data, **options)
    state.draft.sent, state.draft.sent_options = exchange.sent, {}
    state.widget.before = {}
    state.widget.picked = state.history.id_of(exchange)
    renderer.look("Exchanges")
    return f"#{exchange.number}: {size(len(exchange.received))} received ({exchange.paused or exchange.state})"


def _fields(text: str) -> list[Pair]:
    """Parse headers or trailers that are written one per line."""

    def malformed(_index: int, line: bytes) -> NoReturn:
        raise UsageError(f"{to_text(line)!r} is not a valid header. Write it as `name: value`.")

    return parse_header_text(text, malformed)


def _send(renderer: Renderer, values: Values) -> str:
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
        arguments["worker"] = integer(values["worker"], "worker")
    if values.get("options"):
        arguments |= renderer.state.draft.options
    upload = renderer.state.draft.upload
    body = bytes(upload) if values.get("uploaded") else encode_text(str(values.get("body") or ""))
    return _request(renderer, arguments | _body(body, str(values.get("chunking") or "")))


def _body(body: bytes, chunking: str) -> Values:
    """Divide a body into chunks.

    Parameters
    ----------
    body
        The body.
    chunking
        Empty for one chunk, `lines` for a chunk per line, or the size of a chunk in bytes.
    """
    if not chunking or not body:
        return {"body": body}
    if chunking == "lines":
        return {"chunks": body.splitlines(keepends=True)[:CHUNKS]}
    step = integer(chunking, "size of a chunk")
    if step < 1 or len(body) / step > CHUNKS:
        raise UsageError(
            f"Chunks of {step} bytes are too small for a body of {size(len(body))}. Choose a size with at most {CHUNKS:,} chunks."
        )
    return {"chunks": [body[i : i + step] for i in range(0, len(body), step)]}


def _upload(renderer: Renderer, values: Values) -> str:
    """Add a part of a file to the body of the next request. The first part starts a new file."""
    draft = renderer.state.draft
    if values.get("first"):
        draft.upload = bytearray()
    for buffer in values.get("buffers", ()):
        draft.upload += buffer
    if len(draft.upload) > FILE_LIMIT:
        draft.upload = bytearray()
        raise UsageError(f"The file is larger than {size(FILE_LIMIT)}. Send it from a cell: request(..., body=...)")
    return f"{size(len(draft.upload))} are ready to be sent as the body" if values.get("last") else ""


class _CurlParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"The curl command is not supported: {message}. Use the form instead.")


def _curl(renderer: Renderer, values: Values) -> str:
    parser = _CurlParser(prog="curl", add_help=False)
    for names, flag in FLAGS:
        parser.add_argument(*names, **flag)
    parser.add_argument("url", nargs="?", default="/")
    arguments = _words(str(values.get("line", "")).replace("\r\n", "\n"))
    options = parser.parse_intermixed_args(arguments[1:] if arguments[:1] == ["curl"] else arguments)
    read = read_file if renderer.state.files_allowed else _refuse_file
    return _request(renderer, from_options(options, options.url, read=read).arguments)


def _words(command: str) -> list[str]:
    """Split a bash command into words."""
    words = bash_words(command)
    if words is None:
        raise UsageError("The curl command is incomplete. Close its quotes, and remove a backslash at its end.")
    return words


def _refuse_file(name: str) -> NoReturn:
    """Raise an error instead of reading a file, so that users of a published panel can't read the kernel's files."""
    raise UsageError(
        f"The panel is not allowed to read the file {name!r}. Choose it in the form, or run proxy.panel().allow_files()."
    )


def _again(renderer: Renderer, values: Values) -> str:
    """Send the request of an exchange or the bytes of a connection again."""
    exchange = exchange_of(renderer, values)
    return repeat(renderer, message_of(exchange), options_of(exchange))


def _edit(renderer: Renderer, values: Values) -> str:
    """Load the request of an exchange or the bytes of a connection into the form."""
    exchange = exchange_of(renderer, values)
    r = message_of(exchange)
    if isinstance(r, bytes):
        return _edit_bytes(renderer, r)
    options = {name: value for name, value in options_of(exchange).items() if name != "http2"}
    renderer.state.draft.upload, renderer.state.draft.options = bytearray(r.body), options
    lines = ["\n".join(f"{name}: {value}" for name, value in pairs.items()) for pairs in (r.headers, r.trailers)]
    text = r.text if len(r.body) <= _FORM_LIMIT and r.text.encode() == r.body else None
    renderer.state.widget.send_form(
        {
            "method": printable(r.method, 40),
            "path": printable(r.path, _FORM_LIMIT),
            "authority": printable(r.authority, 400),
            "headers": printable(lines[0], _FORM_LIMIT),
            "trailers": printable(lines[1], _FORM_LIMIT),
            "http2": bool(options_of(exchange).get("http2")),
            "options": printable(", ".join(f"{name}={value!r}" for name, value in options.items()), _OPTIONS_LIMIT),
            "body": "" if text is None else printable(text, _FORM_LIMIT),
            "file": "" if text is not None else f"the body of #{values['exchange']}, {size(len(r.body))}",
        }
    )
    return "the request is in the form; edit it and send it"


def _edit_bytes(renderer: Renderer, data: bytes) -> str:
    """Load bytes into the form, written with escapes."""
    if len(data) > _FORM_LIMIT:
        raise UsageError(f"{size(len(data))} are too much for the form. Send them from a cell: connect().send(...)")
    renderer.state.widget.send_form({"data": repr(data)[2:-1].replace("\\'", "'")})
    return "the bytes are in the form; edit and send them"


SENDING: dict[str, PanelAction] = {
    "send": _send, "connect": _connect, "upload": _upload, "curl": _curl, "again": _again, "edit": _edit,
}  # fmt: skip
