"""Send bytes through network filters over a TCP connection, and parse such bytes on a command line."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..abi.text import encode_text
from ..errors import UsageError
from ..host.plugins.plugin import has_http
from ..host.proxy_interface import ProxyInterface
from ..messages import Text, to_bytes

__all__ = ["listeners_of", "parse_bytes", "send_bytes", "takes_connections"]

#: Default number of seconds that a client waits for bytes after sending a chunk.
WAIT = 1.0


def parse_bytes(text: str) -> bytes:
    r"""Convert an argument of a command line to bytes.

    Parameters
    ----------
    text
        `@FILE` for the contents of a file, or text with escapes as in Python (`\\r\\n`, `\\x00`), which is encoded as UTF-8.

    Raises
    ------
    UsageError
        An escape is invalid, or the file can't be read.
    """
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise UsageError(
                f"The file {text[1:]!r} can't be read: {error.strerror}. Check the path after @."
            ) from None
    try:
        return codecs.escape_decode(encode_text(text))[0]
    except ValueError as error:
        raise UsageError(f"{text!r} contains an invalid escape: {error}. Write a backslash as \\\\.") from None


def listeners_of(proxy: ProxyInterface) -> list[str]:
    """Return the kinds of a proxy's listeners: `http`, `tcp` or both."""
    tcp = any(plugin.kind == "network" for plugin in proxy.plugins)
    return [*(["http"] if has_http(proxy.plugins) else []), *(["tcp"] if tcp else [])]


def takes_connections(proxy: ProxyInterface) -> bool:
    """Return whether all filters of a proxy are network filters. Such a proxy handles connections, but no HTTP requests."""
    return not has_http(proxy.plugins)


def send_bytes(
    proxy: ProxyInterface,
    data: Text | Iterable[Text],
    *,
    wait: float = WAIT,
    half_close: bool = False,
    worker: int | None = None,
    cluster: str = "upstream",
) -> Any:
    """Open a connection, send bytes, read until no more bytes arrive, and close the connection.

    Parameters
    ----------
    proxy
        A simulated or real proxy with a network filter.
    data
        Bytes to send, or several chunks. After each chunk, the client reads until no more bytes arrive.
    wait
        Seconds to wait for bytes after each chunk (default 1). The simulated proxy uses virtual time.
    half_close
        Whether to close the client's side after the last chunk and read until the end (default False).
    worker, cluster
        As for `Proxy.connect`, with the same defaults.

    Returns
    -------
    TcpExchange
        The closed connection.

    Raises
    ------
    UsageError
        The proxy has no network filter, or the worker or cluster doesn't exist.
    """
    chunks = [data] if isinstance(data, str | bytes) else list(data)
    connection = proxy.connect(worker=worker, cluster=cluster)
    for number, chunk in enumerate(map(to_bytes, chunks), 1):
        if connection.exchange.ended:
            break
        connection.send(chunk, end=half_close and number == len(chunks))
        while connection.read(wait):
            pass
    return connection.close()
