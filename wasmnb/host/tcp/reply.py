"""`TcpReply`: the response of a TCP upstream to data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpReply"]


@dataclass
class TcpReply:
    """Response of a TCP upstream to data, which the function of a cluster returns.

    Parameters
    ----------
    data
        Bytes to send (default none).
    close
        Whether the upstream closes the connection after them (default False).
    latency
        Virtual seconds before it sends them (default 0).
    """

    data: bytes = b""
    close: bool = False
    latency: float = 0.0
