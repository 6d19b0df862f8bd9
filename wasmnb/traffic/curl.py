"""Build requests from curl's flags, for `%wasmcurl`, `%wasmload` and `wasmnb run`.

The flags behave as in the manual of curl 8. Values of `-d` are joined with `&`, and they set the method to POST and the content
type to a form. `-d @file` removes line ends, `--data-binary @file` keeps them, and `--data-raw` doesn't read files. `-G` moves
the data to the query. A header written as `Name:` is removed, and `Name;` is sent with an empty value. `-I` uses HEAD.
"""

from __future__ import annotations

import base64
import secrets
from argparse import Action, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from wasmnb._flags import seconds
from wasmnb._version import __version__
from wasmnb.abi.text import decode_text, encode_text
from wasmnb.errors import UsageError

from .forms import encode_form, read_form_field

__all__ = ["FLAGS", "CurlRequest", "ReadFile", "from_options", "read_at", "read_file"]

#: A function that returns the contents of the file with a name.
ReadFile = Callable[[str], bytes]

_FORM = "application/x-www-form-urlencoded"


class _DataItem(NamedTuple):
    """The value of one data flag on the command line.

    Attributes
    ----------
    kind
        Name of the flag: `data`, `data-binary`, `data-raw` or `data-urlencode`.
    text
        The value of the flag.
    """

    kind: str
    text: str


class _Payload(NamedTuple):
    """Body and content type of a request."""

    body: bytes
    content_type: str


class _AppendData(Action):
    """argparse action that appends the values of all data flags to one list, in the order of the command line."""

    def __call__(self, _parser: Any, namespace: Namespace, values: Any, option_string: str | None = None) -> None:
        kind = "data" if option_string in ("-d", "--data-ascii") else (option_string or "").lstrip("-")
        namespace.data_items = [*(getattr(namespace, "data_items", None) or ()), _DataItem(kind, values)]


def _data(*names: str, text: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, {"action": _AppendData, "dest": "data_items", "metavar": "DATA", "help": text}


#: The supported flags of curl: their names, and their keyword arguments for argparse.
FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-X", "--request"), {"metavar": "METHOD", "help": "Method of the request (default GET, or POST with a body)."}),
    (("-H", "--header"), {"action": "append", "metavar": "'NAME: VALUE'", "help": "A header. May be repeated."}),
    _data("-d", "--data", "--data-ascii", text="Body, or @FILE without its line ends. Repeated values are joined with &."),
    _data("--data-binary", text="Body, or @FILE including its line ends."),
    _data("--data-raw", text="Body, even if it begins with @."),
    _data("--data-urlencode", text="Body to percent-encode: TEXT, =TEXT, NAME=TEXT, @FILE or NAME@FILE."),
    (("--json",), {"action": "append", "metavar": "DATA", "help": "JSON body, or @FILE. Also sets content-type and accept."}),
    (("-F", "--form"), {"action": "append", "metavar": "NAME=VALUE", "help": "Part of a multipart form. NAME=@FILE uploads a file, NAME=<FILE sends its text."}),
    (("-G", "--get"), {"action": "store_true", "help": "Append the data to the query, and use GET."}),
    (("-I", "--head"), {"action": "store_true", "help": "Use the method HEAD."}),
    (("-i", "--include"), {"action": "store_true", "help": "Also print the response with its headers, as curl does."}),
    (("-v", "--verbose"), {"action": "store_true", "help": "Also print the request and the response, as curl does."}),
    (("-u", "--user"), {"metavar": "USER:PASSWORD", "help": "Credentials for basic authentication."}),
    (("-b", "--cookie"), {"metavar": "NAME=VALUE", "help": "Value of the cookie header."}),
    (("-A", "--user-agent"), {"metavar": "NAME", "help": "Value of the user-agent header."}),
    (("-e", "--referer"), {"metavar": "URL", "help": "Value of the referer header."}),
    (("--http2",), {"action": "store_true", "help": "Use HTTP/2."}),
    (("-m", "--max-time"), {"type": seconds, "metavar": "SECONDS", "help": "Timeout of the client in virtual seconds."}),
    (("--worker",), {"type": int, "metavar": "N", "help": "Number of the worker that serves the request. Not a flag of curl."}),
    (("-s", "--silent", "-S", "--show-error", "-k", "--insecure", "-L", "--location", "--compressed", "--http1.1"),
     {"action": "store_true", "dest": "ignored", "help": "Allowed in pasted commands, but ignored."}),
)  # fmt: skip


@dataclass
class CurlRequest:
    """A request built from curl's flags.

    Attributes
    ----------
    method, path, headers, body
        The request (default: no headers and no body).
    authority
        The host in the URL or in the `host` header (default "": none).
    worker
        Number of the worker that serves the request, or None (the default) if the proxy chooses it.
    http2
        Whether to send the request over HTTP/2 (default False).
    timeout
        Timeout of the client in virtual seconds, or None for the proxy's default.
    """

    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    authority: str = ""
    worker: int | None = None
    http2: bool = False
    timeout: float | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The request as keyword arguments for `Proxy.request`."""
        arguments: dict[str, Any] = {
            "method": self.method, "path": self.path, "headers": self.headers, "body": self.body,
        }  # fmt: skip
        if self.authority:
            arguments["authority"] = self.authority
        if self.worker is not None:
            arguments["worker"] = self.worker
        if self.http2:
            arguments["http2"] = True
        if self.timeout is not None:
            arguments["timeout"] = self.timeout
        return arguments


def read_at(text: str) -> bytes:
    """Return the contents of the file for a value `@file`, or any other value encoded as UTF-8.

    Raises
    ------
    UsageError
        The file can't be read.
    """
    return _read_at(text, read_file)


def _read_at(text: str, read: ReadFile) -> bytes:
    return read(text[1:]) if text.startswith("@") else encode_text(text)


def read_file(name: str) -> bytes:
    """Return the contents of a file. Raises `UsageError` if it can't be read."""
    try:
        return Path(name).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(
            f"The file {name!r} can't be read: {error.strerror or error}. Check the path after @."
        ) from None


def _urlencode(text: str, read: ReadFile) -> bytes:
    name, sign, value = "", "", text
    at, equals = text.find("@"), text.find("=")
    if at >= 0 and (equals < 0 or at < equals):
        name, value = text[:at], decode_text(read(text[at + 1 :]))
        sign = "=" if name else ""
    elif equals >= 0:
        name, value = text[:equals], text[equals + 1 :]
        sign = "=" if name else ""
    return encode_text(f"{name}{sign}{quote(encode_text(value), safe='')}")


def _payload(options: Namespace, read: ReadFile) -> _Payload | None:
    """Return the body and its content type, or None if there are no data flags."""
    if options.json:
        return _Payload(b"".join(_read_at(text, read) for text in options.json), "application/json")
    if options.form:
        return _multipart(options.form, read)
    return (
        _Payload(b"&".join(_encode_item(item, read) for item in options.data_items), _FORM)
        if options.data_items
        else None
    )


def _encode_item(item: _DataItem, read: ReadFile) -> bytes:
    """Return the bytes that the value of a data flag adds to the body."""
    if item.kind == "data-raw":
        return encode_text(item.text)
    if item.kind == "data-urlencode":
        return _urlencode(item.text, read)
    data = _read_at(item.text, read)
    return data.translate(None, b"\r\n\0") if item.kind == "data" and item.text.startswith("@") else data


def _multipart(parts: Sequence[str], read: ReadFile) -> _Payload:
    """Return the multipart form with the values of `-F`."""
    boundary = f"------------------------{secrets.token_hex(11)}"
    body = encode_form([read_form_field(part, read) for part in parts], boundary)
    return _Payload(body, f"multipart/form-data; boundary={boundary}")


def _target(url: str) -> tuple[str, str]:
    """Split a URL, a path, or a host with a path into authority and path, as curl does."""
    if url.startswith("/") or not url:
        return "", url or "/"
    parts = urlsplit(url if "://" in url else f"http://{url}")
    path = parts.path or "/"
    return parts.netloc.rpartition("@")[2], f"{path}?{parts.query}" if parts.query else path


def _header(text: str) -> tuple[str, str | None]:
    """Split the value of `-H` into name and value of the header. A value of None removes the header."""
    name, colon, value = text.partition(":")
    if colon:
        return name.strip().lower(), value.strip() or None
    if text.endswith(";"):
        return text[:-1].strip().lower(), ""
    raise UsageError(f"The header {text!r} is not of the form 'NAME: VALUE'. For an empty value, write 'NAME;'.")


def _headers(options: Namespace, kind: str) -> list[tuple[str, str]]:
    """Return the headers that curl sends by default or for other flags, and those of `-H`, which replace or remove others."""
    from_flags = [_header(h) for h in options.header or ()]
    own = {"user-agent": options.user_agent or f"wasmcurl/{__version__}", "accept": "*/*"}
    if options.json:
        own["accept"] = "application/json"
    if options.user:
        own["authorization"] = "Basic " + base64.b64encode(encode_text(options.user)).decode()
    if options.cookie:
        own["cookie"] = options.cookie
    if options.referer:
        own["referer"] = options.referer
    if kind:
        own["content-type"] = kind
    names = {name for name, _ in from_flags}
    return [(n, v) for n, v in own.items() if n not in names] + [(n, v) for n, v in from_flags if v is not None]


def from_options(options: Namespace, url: str = "/", *, read: ReadFile = read_file) -> CurlRequest:
    """Build the request that curl would send for parsed flags.

    Parameters
    ----------
    options
        The namespace that argparse returned for `FLAGS`.
    url
        A URL, a path, or a host with a path (default `/`).
    read
        Function that reads the files named by flags (default `read_file`). It may raise `UsageError` for files that it rejects.

    Returns
    -------
    CurlRequest

    Raises
    ------
    UsageError
        A file can't be read, a header has no colon, or a form part has no name.
    """
    authority, path = _target(url)
    payload = _payload(options, read)
    body, kind = payload or _Payload(b"", "")
    if options.get and payload:
        path += ("&" if "?" in path else "?") + body.decode("utf-8", "surrogateescape")
        body, kind, payload = b"", "", None
    method = options.request or ("HEAD" if options.head else "POST" if payload else "GET")
    headers = _headers(options, kind)
    host = next((v for n, v in headers if n == "host"), "")
    headers = [(n, v) for n, v in headers if n != "host"]
    return CurlRequest(method, path, headers, body, host or authority, options.worker, options.http2, options.max_time)
