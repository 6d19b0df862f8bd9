"""Format an exchange like `curl -i` and `curl -v`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wasmnb.view.documents.traffic.body import body_text
from wasmnb.view.render.escape import NEWLINES, visible

__all__ = ["transcript"]


def _head(first: str, headers: Any, sign: str) -> Iterator[str]:
    yield f"{sign}{visible(first)}"
    for name, value in headers.items():
        yield f"{sign}{visible(name)}: {visible(value)}"
    yield sign.rstrip()


def transcript(exchange: Any, *, verbose: bool) -> str:
    """Return the headers and the body of a response as curl prints them.

    Parameters
    ----------
    exchange
        An HTTP exchange of a proxy.
    verbose
        Whether to print the request's headers as well, and to begin the header lines with curl's arrows `>` and `<`.
    """
    lines: list[str] = []
    request, response = exchange.request, exchange.response
    if verbose:
        lines += _head(f"{request.method} {request.path} HTTP/1.1", request.headers, "> ")
    if response is None or not response.status:
        return "\n".join([*lines, "curl: (52) Empty reply from server"])
    lines += _head(f"HTTP/1.1 {response.status}", response.headers, "< " if verbose else "")
    if response.body:
        lines.append(visible(body_text(response.body, response.headers.get("content-type") or ""), keep=NEWLINES))
    return "\n".join(lines)
