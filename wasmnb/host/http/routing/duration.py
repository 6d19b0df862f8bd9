"""How long a stream may last: a route's `max_stream_duration`, and the `grpc-timeout` of a request.

Facts (Envoy 1.40): with `grpc_timeout_header_max`, the request's own timeout counts, up to that maximum; 0 means no maximum.
Routes with `max_stream_duration` write the duration that counts into the header of gRPC requests, also if it comes from the
route or the connection manager. A request's own timeout of 0 ends it at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..connection.manager import seconds
from ..header_map import HeaderMap
from ..local_reply import is_grpc

__all__ = ["StreamDuration", "grpc_timeout"]

_GRPC_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])\Z")
_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def grpc_timeout(headers: HeaderMap) -> float | None:
    """Return the seconds of a request's `grpc-timeout`; None without one that can be read."""
    timeout = _GRPC_TIMEOUT.match(headers.get(b"grpc-timeout") or b"")
    return int(timeout[1]) * _UNITS[timeout[2]] if timeout is not None else None


@dataclass(frozen=True)
class StreamDuration:
    """The limits of a route.

    Attributes
    ----------
    limit
        Seconds, 0 for no limit; None for what the connection manager says.
    grpc_max, grpc_offset
        Maximum of a request's own timeout, None to ignore that, and what is taken off it.
    """

    limit: float | None = None
    grpc_max: float | None = None
    grpc_offset: float = 0.0

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> StreamDuration | None:
        """Read Envoy's message."""
        if config is None:
            return None
        limit, most = config.get("max_stream_duration"), config.get("grpc_timeout_header_max")
        return cls(
            seconds(limit) if limit is not None else None,
            seconds(most) if most is not None else None,
            seconds(config.get("grpc_timeout_header_offset", 0)),
        )

    def of_request(self, headers: HeaderMap, default: float) -> float | None:
        """Return the seconds that a request may last, None for no limit; those of gRPC get it as their `grpc-timeout`.

        Parameters
        ----------
        headers
            The request's.
        default
            The connection manager's limit, 0 for none.
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
