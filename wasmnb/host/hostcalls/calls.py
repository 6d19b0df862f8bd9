"""Hostcall for HTTP callouts, which `..callouts.http` implements. The token is 0 if a call doesn't start."""

from __future__ import annotations

from ...abi import Pair
from ..callouts.http import start_http_call
from ..contexts.base import Context

__all__ = ["http_call"]


def http_call(
    context: Context, cluster: bytes, headers: list[Pair], body: bytes, _trailers: list[Pair], timeout: int
) -> tuple[int, int]:
    """Send a request to a cluster. Return the status and the token."""
    return start_http_call(context, cluster, headers, body, timeout)
