"""Sending: a request from the form, a pasted curl command, or an earlier request."""

from __future__ import annotations

import argparse
import shlex
from typing import Any, NoReturn

from wasmnb.errors import UsageError
from wasmnb.messages import Request
from wasmnb.traffic.curl import FLAGS, from_options, read_file
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.panel.snapshot import printable
from wasmnb.view.render.units import size

from .arguments import Action, Values, exchange_of, integer

__all__ = ["SENDING", "repeat"]

#: Largest file in bytes that the panel sends.
FILE_LIMIT = 64 << 20

#: Largest number of chunks of a body.
CHUNKS = 10_000

_FORM_LIMIT = 20_000  # characters of headers or body that are loaded into the form


def repeat(renderer: Renderer, request: Request) -> str:
    """Send a request again.

    Parameters
    ----------
    renderer
        The renderer of the panel.
    request
        The request.

    Returns
    -------
    str
        A notice with the result.
    """
    r = request
    body: Values = {"chunks": r.chunks} if r.chunks is not None else {"body": r.body}
    head = {"method": r.method, "path": r.path, "authority": r.authority}
    return _request(renderer, {**head, "headers": r.headers, "trailers": r.trailers, **body})


def _request(renderer: Renderer, arguments: Values) -> str:
    """Send a request, show its exchange, and return a notice."""
    state = renderer.state
    exchange = state.proxy.request(**arguments)
    state.draft.sent = exchange.request
    state.widget.before = {}
    state.widget.picked = state.history.id_of(exchange)
    renderer.look("Exchanges")
    status = exchange.response.status if exchange.response is not None else 0
    return f"#{exchange.number}: {status or 'no response'} ({exchange.paused or exchange.state})"


def _fields(text: str) -> list[tuple[str, str]]:
    """Parse headers or trailers, one per line."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        if ":" not in line.lstrip(":"):
            raise UsageError(f"{line!r} is not a header. Write `name: value`.")
    return [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


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
    upload = renderer.state.draft.upload
    body = bytes(upload) if values.get("uploaded") else str(values.get("body") or "").encode()
    return _request(renderer, arguments | _body(body, str(values.get("chunking") or "")))


def _body(body: bytes, chunking: str) -> Values:
    """Return the body as one chunk (`chunking` empty), by line (`lines`), or in chunks of that number of bytes."""
    if not chunking or not body:
        return {"body": body}
    if chunking == "lines":
        return {"chunks": body.splitlines(keepends=True)[:CHUNKS]}
    step = integer(chunking, "size of a chunk")
    if step < 1 or len(body) / step > CHUNKS:
        raise UsageError(f"Chunks of {step} bytes are too small for {size(len(body))}. Send at most {CHUNKS:,} chunks.")
    return {"chunks": [body[i : i + step] for i in range(0, len(body), step)]}


def _upload(renderer: Renderer, values: Values) -> str:
    """Add a part of a file that becomes the next body; the first part starts a new file."""
    draft = renderer.state.draft
    if values.get("first"):
        draft.upload = bytearray()
    for buffer in values.get("buffers", ()):
        draft.upload += buffer
    if len(draft.upload) > FILE_LIMIT:
        draft.upload = bytearray()
        raise UsageError(f"The file has more than {size(FILE_LIMIT)}. Send it from a cell: request(..., body=...)")
    return f"{size(len(draft.upload))} are ready to be sent as the body" if values.get("last") else ""


class _CurlParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"This curl command is not supported: {message}")


def _curl(renderer: Renderer, values: Values) -> str:
    parser = _CurlParser(prog="curl", add_help=False)
    for names, flag in FLAGS:
        parser.add_argument(*names, **flag)
    parser.add_argument("url", nargs="?", default="/")
    arguments = shlex.split(str(values.get("line", "")).replace("\\\r\n", " ").replace("\\\n", " "))
    options = parser.parse_intermixed_args(arguments[1:] if arguments[:1] == ["curl"] else arguments)
    read = read_file if renderer.state.files_allowed else _refuse_file
    return _request(renderer, from_options(options, options.url, read=read).arguments)


def _refuse_file(name: str) -> NoReturn:
    """Keep whoever can send messages to a published panel from reading files of the kernel's user."""
    raise UsageError(
        f"The panel doesn't read files such as {name!r}. Choose the file in the form, or run proxy.panel().allow_files()."
    )


def _again(renderer: Renderer, values: Values) -> str:
    """Send the request of an exchange again."""
    return repeat(renderer, _http_exchange(renderer, values).request)


def _edit(renderer: Renderer, values: Values) -> str:
    """Load a request into the form."""
    r = _http_exchange(renderer, values).request
    renderer.state.draft.upload = bytearray(r.body)
    lines = ["\n".join(f"{name}: {value}" for name, value in pairs.items()) for pairs in (r.headers, r.trailers)]
    text = r.text if len(r.body) <= _FORM_LIMIT and r.text.encode() == r.body else None
    renderer.state.widget.send_form(
        {
            "method": printable(r.method, 40),
            "path": printable(r.path, _FORM_LIMIT),
            "authority": printable(r.authority, 400),
            "headers": printable(lines[0], _FORM_LIMIT),
            "trailers": printable(lines[1], _FORM_LIMIT),
            "body": "" if text is None else printable(text, _FORM_LIMIT),
            "file": "" if text is not None else f"the body of #{values['exchange']}, {size(len(r.body))}",
        }
    )
    return "the request is in the form; edit it and send it"


def _http_exchange(renderer: Renderer, values: Values) -> Any:
    exchange = exchange_of(renderer, values)
    if not hasattr(exchange, "request"):
        raise UsageError("The panel can't repeat a TCP connection. Use proxy.connect() in a cell.")
    return exchange


SENDING: dict[str, Action] = {"send": _send, "upload": _upload, "curl": _curl, "again": _again, "edit": _edit}
