"""Hostcall for HTTP callouts, which are implemented in `..callouts.http`. If a callout can't be started, its token is 0."""

from __future__ import annotations

from ...abi import Pair
from ..callouts.http import start_http_call
from ..contexts.base import Context

__all__ = ["http_call"]


def http_call(
    context: Context, cluster: bytes, headers: list[Pair], body: bytes, _trailers: list[Pair], timeout: int
) -> tuple[int, int]:
    """Send a request to a cluster. Return the status and the callout's token."""
    return start_http_call(context, cluster, headers, body, timeout)
