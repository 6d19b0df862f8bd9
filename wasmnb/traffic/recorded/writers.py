"""Write exchanges of a proxy or of another recording to a `.jsonl` or HAR file."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...abi.text import encode_text
from ...compiler.cache.atomic_file import whole_file
from ...errors import UsageError
from ...messages import Request, Response
from .exchange import RecordedExchange
from .masking import mask as mask_secrets
from .readers.own_format import encode_line

__all__ = ["recording_path", "to_recorded", "write_traffic"]


def write_traffic(exchanges: Iterable[Any], path: str | PathLike[str], *, mask: bool = True) -> int:
    """Write exchanges to a file that `read_traffic` can read.

    Parameters
    ----------
    exchanges
        `proxy.exchanges`, `RecordedExchange` objects, or requests. For an exchange of a proxy, the client's request and the
        upstream's response are written, or the client's response if the upstream sent none. TCP connections are omitted.
    path
        Path of a `.jsonl` or `.har` file. An existing file is replaced after all exchanges have been written.
    mask
        Whether to replace secrets by `***` (default True).

    Returns
    -------
    int
        Number of exchanges that were written.

    Raises
    ------
    UsageError
        The suffix of `path` is not `.jsonl` or `.har`, or the file can't be written.
    """
    from collections import Counter

    path = recording_path(path)
    recorded = (each for each in map(to_recorded, exchanges) if each is not None)
    counts: Counter[str] = Counter()
    masked = (mask_secrets(each, counts) for each in recorded) if mask else recorded
    number = 0
    try:
        with whole_file(path) as file:
            for number, part in _WRITERS[path.suffix](masked):  # noqa: B007 -- the last number is the result
                file.write(part)
    except OSError as error:
        raise UsageError(
            f"The recording {str(path)!r} can't be written: {error.strerror or error}. Choose another path."
        ) from None
    return number


def recording_path(path: str | PathLike[str], *, folder: bool = False) -> Path:
    """Check the path of a recording to write, and return it with `~` expanded.

    Parameters
    ----------
    path
        Path of a `.jsonl` or `.har` file.
    folder
        Whether to accept a path without a suffix, which is a folder (default False).

    Raises
    ------
    UsageError
        The path has another suffix.
    """
    target = Path(path).expanduser()
    if target.suffix not in SUFFIXES and (target.suffix or not folder):
        formats = " or ".join(SUFFIXES) + (" or into a folder" if folder else "")
        raise UsageError(f"The recording {str(path)!r} has an unknown suffix. Write recordings as {formats}.")
    return target


def to_recorded(value: Any) -> RecordedExchange | None:
    """Convert an exchange of a proxy or a request to a recorded exchange. Returns None for a TCP connection.

    Raises
    ------
    UsageError
        `value` is neither an exchange nor a request.
    """
    if isinstance(value, RecordedExchange):
        return value
    if isinstance(value, Request):
        return RecordedExchange(value)
    request = getattr(value, "request", None)
    if isinstance(request, Request):
        response = value.upstream_response or value.response
        response = response if response is not None and response.status else None
        return RecordedExchange(request, response, value.started_at, value.duration or None)
    if hasattr(value, "sent") and hasattr(value, "received"):
        return None
    raise UsageError(
        f"An entry of the traffic is of type {type(value).__name__}. Pass exchanges of a proxy, recorded exchanges or requests."
    )


def _jsonl(recorded: Iterable[RecordedExchange]) -> Iterator[tuple[int, bytes]]:
    return ((number, encode_line(each)) for number, each in enumerate(recorded, 1))


def _har(recorded: Iterable[RecordedExchange]) -> Iterator[tuple[int, bytes]]:
    head = {"version": "1.2", "creator": {"name": "wasmnb", "version": __version__}}
    number = 0
    yield number, encode_text(f'{{"log":{json.dumps(head)[:-1]},"entries":[')
    for number, each in enumerate(recorded, 1):
        yield number, (b",\n" if number > 1 else b"\n") + encode_text(json.dumps(_entry(each)))
    yield number, b"\n]}}\n"


def _entry(recorded: RecordedExchange) -> dict[str, Any]:
    request, response = recorded.request, recorded.response
    milliseconds = (recorded.duration or 0.0) * 1000
    version = "HTTP/2" if recorded.http2 else "HTTP/1.1"
    sent: dict[str, Any] = {
        "method": request.method, "url": f"{request.scheme}://{request.authority}{request.path}", "httpVersion": version,
        "headers": [{"name": "host", "value": request.authority}, *_headers(request)], "queryString": [], "cookies": [],
        "headersSize": -1, "bodySize": len(request.body),
    }  # fmt: skip
    if request.body:
        kind = request.headers.get("content-type", "application/octet-stream")
        sent["postData"] = {"mimeType": kind, **_text(request.body)}
    status = response.status if response is not None else 0
    body = response.body if response is not None else b""
    received = {
        "status": status, "statusText": "", "httpVersion": version, "headers": [] if response is None else _headers(response),
        "cookies": [], "redirectURL": "", "headersSize": -1, "bodySize": len(body),
        "content": {"size": len(body), "mimeType": "", **_text(body)},
    }  # fmt: skip
    return {
        "startedDateTime": datetime.fromtimestamp(recorded.started or 0.0, UTC).isoformat(), "time": milliseconds,
        "request": sent, "response": received, "cache": {}, "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        **({"connection": recorded.connection} if recorded.connection else {}),
    }  # fmt: skip


def _headers(message: Request | Response) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in message.headers.items()]


def _text(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": base64.b64encode(body).decode(), "encoding": "base64"}


#: Suffix -> writer, which yields the number of exchanges so far and the next bytes of the file.
_WRITERS: dict[str, Callable[[Iterable[RecordedExchange]], Iterator[tuple[int, bytes]]]] = {
    ".jsonl": _jsonl,
    ".har": _har,
}

#: Suffixes of the formats that can be written.
SUFFIXES = tuple(_WRITERS)
