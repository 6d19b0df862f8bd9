"""`TcpReply`: what a TCP upstream does when it gets data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpReply"]


@dataclass
class TcpReply:
    """Reaction of a TCP upstream to data.

    Parameters
    ----------
    data
        Bytes to send (default none).
    close
        Close the connection after them (default False).
    latency
        Virtual seconds before it does so (default 0).
    """

    data: bytes = b""
    close: bool = False
    latency: float = 0.0
