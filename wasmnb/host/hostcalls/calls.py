"""HTTP callouts; see `..callouts.http` for the rules. The token is 0 when a call does not start."""

from __future__ import annotations

from ...abi import Pair
from ..callouts.http import start_http_call
from ..contexts.base import Context

__all__ = ["http_call"]


def http_call(
    context: Context, cluster: bytes, headers: list[Pair], body: bytes, _trailers: list[Pair], timeout: int
) -> tuple[int, int]:
    """Send a request to a cluster."""
    return start_http_call(context, cluster, headers, body, timeout)
