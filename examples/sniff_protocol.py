"""Recognise the protocol of a TCP connection by its first bytes, and close connections with protocols that aren't allowed.

Configuration (JSON; every part is optional)::

    {"allow": ["http", "http2", "tls"],     protocols to allow: http, http2, tls, ssh, redis, unknown
     "bytes": 16}                           maximum number of bytes to wait for

The client's bytes are held until the protocol is known. Connections are counted by protocol. The filter looks only at bytes
from the client, so a server that sends first, such as an SSH server, isn't delayed.
"""

from dataclasses import dataclass, field

from wasmnb.sdk import Action, Counter, TcpContext, log_info

METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
STARTS = {"http2": (b"PRI * HTTP/2.0",), "http": METHODS, "tls": (b"\x16\x03",), "ssh": (b"SSH-",), "redis": (b"*",)}

connections = Counter("connections", tags={"protocol": "unknown"})


@dataclass
class Settings:
    allow: list[str] = field(default_factory=lambda: ["http", "http2", "tls"])
    bytes: int = 16

    def __post_init__(self):
        unknown = set(self.allow) - {*STARTS, "unknown"}
        if unknown:
            raise ValueError(f"allow contains unknown protocols: {', '.join(sorted(unknown))}")


def protocol(start, complete):
    """Return the protocol that starts with these bytes, or None if more bytes are needed to recognise it."""
    for name, starts in STARTS.items():
        if start.startswith(starts):
            return name
    possible = any(known.startswith(start) for starts in STARTS.values() for known in starts)
    return None if possible and not complete else "unknown"


class SniffProtocol(TcpContext):
    config: Settings
    name = None

    def on_downstream_data(self, data_size, end_of_stream):
        if self.name is not None:
            return None if self.name in self.config.allow else Action.PAUSE
        start = bytes(self.downstream_data.get())[: self.config.bytes]
        self.name = protocol(start, end_of_stream or len(start) >= self.config.bytes)
        if self.name is None:
            return Action.PAUSE
        connections.with_tags(protocol=self.name).increment()
        if self.name in self.config.allow:
            return None
        log_info("closed a connection: %s", self.name)
        self.close()
        return Action.PAUSE
