"""`TcpReply`, the response of a TCP upstream."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpReply"]


@dataclass
class TcpReply:
    """Response of a TCP upstream to data, returned by the function of a cluster.

    Parameters
    ----------
    data
        Bytes to send to the client (default none).
    close
        Whether the upstream closes the connection after sending the bytes (default False).
    latency
        Virtual seconds until the bytes are sent (default 0).
    """

    data: bytes = b""
    close: bool = False
    latency: float = 0.0
