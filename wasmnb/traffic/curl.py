"""curl's command line as a request: one table of flags, used by `%wasmcurl`, `%wasmload` and `wasmnb run`.

Facts (curl 8's manual): `-d` pieces are joined with `&`, make the method POST and the type a form; `@file` drops line
ends for `-d` and keeps them for `--data-binary`; `--data-raw` knows no `@`; `-G` moves the data to the query; a header
given as `Name:` is left out, as `Name;` is sent empty; `-I` asks with HEAD.
"""

from __future__ import annotations

import base64
import mimetypes
import secrets
from argparse import Action, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from wasmnb._version import __version__
from wasmnb.errors import UsageError

__all__ = ["FLAGS", "CurlRequest", "from_options", "read_at"]

_FORM = "application/x-www-form-urlencoded"


class _Piece(Action):
    """Collects data from several flags in one list, each piece with the flag that gave it; their order counts."""

    def __call__(self, _parser: Any, namespace: Namespace, values: Any, option_string: str | None = None) -> None:
        kind = "data" if option_string in ("-d", "--data-ascii") else (option_string or "").lstrip("-")
        namespace.pieces = [*(getattr(namespace, "pieces", None) or ()), (kind, values)]


def _data(*names: str, text: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, {"action": _Piece, "dest": "pieces", "metavar": "DATA", "help": text}


#: Names and argparse keywords of every flag.
FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-X", "--request"), {"metavar": "METHOD", "help": "Method; GET, or POST if there are data."}),
    (("-H", "--header"), {"action": "append", "metavar": "'NAME: VALUE'", "help": "A header; may be repeated."}),
    _data("-d", "--data", "--data-ascii", text="Body, or @FILE without its line ends; pieces are joined with &."),
    _data("--data-binary", text="Body as it is, or @FILE as it is."),
    _data("--data-raw", text="Body as it is, with no meaning for @."),
    _data("--data-urlencode", text="Body to be percent-encoded: TEXT, =TEXT, NAME=TEXT, @FILE, NAME@FILE."),
    (("--json",), {"action": "append", "metavar": "DATA", "help": "JSON body, or @FILE; sets content-type and accept."}),
    (("-F", "--form"), {"action": "append", "metavar": "NAME=VALUE", "help": "A part of a multipart form; @FILE uploads."}),
    (("-G", "--get"), {"action": "store_true", "help": "Put the data in the query and use GET."}),
    (("-I", "--head"), {"action": "store_true", "help": "Use HEAD."}),
    (("-i", "--include"), {"action": "store_true", "help": "Also print the response with its headers, as curl does."}),
    (("-v", "--verbose"), {"action": "store_true", "help": "Also print the request and the response, as curl does."}),
    (("-u", "--user"), {"metavar": "USER:PASSWORD", "help": "Basic authorization."}),
    (("-b", "--cookie"), {"metavar": "NAME=VALUE", "help": "Cookies."}),
    (("-A", "--user-agent"), {"metavar": "NAME", "help": "User agent."}),
    (("-e", "--referer"), {"metavar": "URL", "help": "Referer."}),
    (("--http2",), {"action": "store_true", "help": "Speak HTTP/2."}),
    (("--worker",), {"type": int, "metavar": "N", "help": "Worker that takes the request; not a flag of curl's."}),
    (("-s", "--silent", "-S", "--show-error", "-k", "--insecure", "-L", "--location", "--compressed", "--http1.1"),
     {"action": "store_true", "dest": "ignored", "help": "Taken for the sake of pasted commands, without effect."}),
)  # fmt: skip


@dataclass
class CurlRequest:
    """What a curl command line asks for; `.arguments` are those of `Proxy.request`."""

    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    authority: str = ""
    worker: int | None = None
    http2: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `Proxy.request`."""
        made: dict[str, Any] = {"method": self.method, "path": self.path, "headers": self.headers, "body": self.body}
        if self.authority:
            made["authority"] = self.authority
        if self.worker is not None:
            made["worker"] = self.worker
        if self.http2:
            made["http2"] = True
        return made


def read_at(text: str) -> bytes:
    """`@file` is what the file holds, any other text is itself.

    Raises
    ------
    UsageError
        If the file cannot be read.
    """
    return _read(text[1:]) if text.startswith("@") else text.encode("utf-8", "surrogateescape")


def _read(name: str) -> bytes:
    try:
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name!r}: {error.strerror or error}") from None


def _urlencoded(piece: str) -> bytes:
    name, sign, value = "", "", piece
    at, equals = piece.find("@"), piece.find("=")
    if at >= 0 and (equals < 0 or at < equals):
        name, value = piece[:at], _read(piece[at + 1 :]).decode("utf-8", "surrogateescape")
        sign = "=" if name else ""
    elif equals >= 0:
        name, value = piece[:equals], piece[equals + 1 :]
        sign = "=" if name else ""
    return f"{name}{sign}{quote(value, safe='', errors='surrogateescape')}".encode("utf-8", "surrogateescape")


def _payload(options: Namespace) -> tuple[bytes, str] | None:
    """Body and its content type; None if no data were given."""
    if options.json:
        return b"".join(map(read_at, options.json)), "application/json"
    if options.form:
        return _multipart(options.form)
    return (b"&".join(_piece(*p) for p in options.pieces), _FORM) if options.pieces else None


def _piece(kind: str, text: str) -> bytes:
    """One piece of data, by the flag that gave it."""
    if kind == "data-raw":
        return text.encode("utf-8", "surrogateescape")
    if kind == "data-urlencode":
        return _urlencoded(text)
    data = read_at(text)
    return data.translate(None, b"\r\n\0") if kind == "data" and text.startswith("@") else data


def _multipart(parts: Sequence[str]) -> tuple[bytes, str]:
    boundary = f"------------------------{secrets.token_hex(11)}"
    out = bytearray()
    for part in parts:
        name, sign, value = part.partition("=")
        if not sign:
            raise UsageError(f"-F takes NAME=VALUE, not {part!r}")
        head, data = f'content-disposition: form-data; name="{name}"', value.encode("utf-8", "surrogateescape")
        if value.startswith("@"):
            file = value[1:].partition(";")[0]
            kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
            head, data = f'{head}; filename="{Path(file).name}"\r\ncontent-type: {kind}', _read(file)
        out += f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
    return bytes(out) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _target(url: str) -> tuple[str, str]:
    """Authority and path of a URL, a path, or (as curl reads it) a host with a path behind it."""
    if url.startswith("/") or not url:
        return "", url or "/"
    parts = urlsplit(url if "://" in url else f"http://{url}")
    path = parts.path or "/"
    return parts.netloc.rpartition("@")[2], f"{path}?{parts.query}" if parts.query else path


def _header(text: str) -> tuple[str, str | None]:
    """A header as curl's -H gives it; a value of None leaves the header out."""
    name, colon, value = text.partition(":")
    if colon:
        return name.strip().lower(), value.strip() or None
    if text.endswith(";"):
        return text[:-1].strip().lower(), ""
    raise UsageError(f"a header is written 'name: value', not {text!r}")


def _headers(options: Namespace, kind: str) -> list[tuple[str, str]]:
    """Curl's own headers first, unless -H gives or removes them; then those of -H in their order."""
    given = [_header(h) for h in options.header or ()]
    own = {"user-agent": options.user_agent or f"wasmcurl/{__version__}", "accept": "*/*"}
    if options.json:
        own["accept"] = "application/json"
    if options.user:
        own["authorization"] = "Basic " + base64.b64encode(options.user.encode()).decode()
    if options.cookie:
        own["cookie"] = options.cookie
    if options.referer:
        own["referer"] = options.referer
    if kind:
        own["content-type"] = kind
    names = {name for name, _ in given}
    return [(n, v) for n, v in own.items() if n not in names] + [(n, v) for n, v in given if v is not None]


def from_options(options: Namespace, url: str = "/") -> CurlRequest:
    """The request that parsed flags describe.

    Raises
    ------
    UsageError
        For a file that cannot be read, a header without a colon, a form part without a name.
    """
    authority, path = _target(url)
    payload = _payload(options)
    body, kind = payload or (b"", "")
    if options.get and payload:
        path += ("&" if "?" in path else "?") + body.decode("utf-8", "surrogateescape")
        body, kind, payload = b"", "", None
    method = options.request or ("HEAD" if options.head else "POST" if payload else "GET")
    headers = _headers(options, kind)
    host = next((v for n, v in headers if n == "host"), "")
    headers = [(n, v) for n, v in headers if n != "host"]
    return CurlRequest(method, path, headers, body, host or authority, options.worker, options.http2)
