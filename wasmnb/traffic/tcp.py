"""Bytes over TCP through network filters: one connection, or many of them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..abi.text import encode_text
from ..errors import UsageError
from ..host.plugins.plugin import has_http
from ..messages import Text, to_bytes

__all__ = ["listeners_of", "parse_bytes", "send_bytes", "takes_connections"]

#: Seconds that a client waits for bytes after it has sent its own.
WAIT = 1.0


def parse_bytes(text: str) -> bytes:
    r"""Return the bytes of a command line's text: with escapes as in Python, `\\r\\n` or `\\x00`, or the bytes of `@FILE`.

    Parameters
    ----------
    text
        The text. Characters are encoded as UTF-8.

    Raises
    ------
    UsageError
        An escape isn't valid, or the file can't be read.
    """
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise UsageError(f"Can't read {text[1:]}: {error.strerror}.") from None
    try:
        return codecs.escape_decode(encode_text(text))[0]
    except ValueError as error:
        raise UsageError(f"{text!r} has an invalid escape: {error}. Write a backslash as \\\\.") from None


def listeners_of(proxy: Any) -> list[str]:
    """Return the kinds of listeners that a proxy has: `http`, `tcp` or both."""
    tcp = any(plugin.kind == "network" for plugin in proxy.plugins)
    return [*(["http"] if has_http(proxy.plugins) else []), *(["tcp"] if tcp else [])]


def takes_connections(proxy: Any) -> bool:
    """Return whether a proxy has only network filters, and so serves connections but no HTTP requests."""
    return not has_http(proxy.plugins)


def send_bytes(
    proxy: Any,
    data: Text | Iterable[Text],
    *,
    wait: float = WAIT,
    half_close: bool = False,
    worker: int | None = None,
    cluster: str = "upstream",
) -> Any:
    """Send bytes over one connection, read until nothing more arrives, and close it.

    Parameters
    ----------
    proxy
        A simulated or real proxy with a network filter.
    data
        Bytes to send, or several chunks. Each chunk is sent when nothing more arrives after the one before.
    wait
        Seconds to wait for bytes after each chunk (default 1). In the simulated proxy they are virtual.
    half_close
        Whether to close the client's side after the last chunk, and read until the end (default False).
    worker, cluster
        As for `Proxy.connect`.

    Returns
    -------
    TcpExchange
        The connection, closed.

    Raises
    ------
    UsageError
        The proxy has no network filter, or no such worker or cluster.
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
