"""Maximum duration of a stream, from a route's `max_stream_duration` and from the `grpc-timeout` of a request.

With `grpc_timeout_header_max`, Envoy 1.40 uses the request's own timeout up to this maximum. A maximum of 0 means no limit. For
gRPC requests on routes with `max_stream_duration`, the duration is written to `grpc-timeout`, even if it comes from the route
or the connection manager. A request with a timeout of 0 ends immediately.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....parsing.durations import duration_seconds
from ..header_map import HeaderMap
from ..local_reply import is_grpc

__all__ = ["StreamDuration", "grpc_timeout"]

_GRPC_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])\Z")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def grpc_timeout(headers: HeaderMap) -> float | None:
    """Return a request's `grpc-timeout` in seconds, or None if it is missing or invalid."""
    timeout = _GRPC_TIMEOUT.match(headers.get(b"grpc-timeout") or b"")
    return int(timeout[1]) * _UNITS[timeout[2]] if timeout is not None else None


@dataclass(frozen=True)
class StreamDuration:
    """A route's limits for the duration of a stream.

    Attributes
    ----------
    limit
        Maximum duration in seconds. 0: no limit. None (the default): the limit of the connection manager.
    grpc_max
        Maximum for a request's own timeout in seconds. If it is None (the default), the request's own timeout is ignored.
    grpc_offset
        Seconds to subtract from the request's own timeout (default 0).
    """

    limit: float | None = None
    grpc_max: float | None = None
    grpc_offset: float = 0.0

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> StreamDuration | None:
        """Read the limits from Envoy's message."""
        if config is None:
            return None
        limit, most = config.get("max_stream_duration"), config.get("grpc_timeout_header_max")
        return cls(
            duration_seconds(limit) if limit is not None else None,
            duration_seconds(most) if most is not None else None,
            duration_seconds(config.get("grpc_timeout_header_offset", 0)),
        )

    def of_request(self, headers: HeaderMap, default: float) -> float | None:
        """Return the maximum duration of a request in seconds, or None for no limit.

        For a gRPC request, the duration is also written to `grpc-timeout`.

        Parameters
        ----------
        headers
            The request's headers, which are changed.
        default
            Limit of the connection manager in seconds, or 0 for no limit.
        """
        asked = grpc_timeout(headers)
        if self.grpc_max is None or asked is None:
            limit = self.limit if self.limit is not None else default
            if not limit:
                return None
        else:
            limit = min(asked, self.grpc_max) if self.grpc_max else asked
            limit = max(limit - self.grpc_offset, 0.0)
        if is_grpc(headers):
            headers.put(b"grpc-timeout", b"%dm" % round(limit * 1000))
        return limit
