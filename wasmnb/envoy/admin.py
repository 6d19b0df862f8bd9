"""Client of Envoy's admin interface on loopback: readiness, addresses of listeners, and statistics.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from .sockets.loopback import Address

__all__ = ["Admin"]


_IDLE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Admin:
    """A keep-alive connection to Envoy's admin interface. Only one thread can use it at a time.

    Parameters
    ----------
    host, port
        Address of the admin interface.
    timeout
        Seconds to wait for a response (default 10).
    """

    def __init__(self, host: str, port: int, *, timeout: float = 10.0) -> None:
        self.host, self.port = host, port
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def get(self, path: str) -> str:
        """Return the body of the response to `GET path`. The status isn't checked."""
        return self._call("GET", path)

    def post(self, path: str) -> str:
        """Return the body of the response to `POST path`. Envoy requires POST for requests that change its state."""
        return self._call("POST", path)

    def ready(self) -> bool:
        """Return whether Envoy is ready to serve traffic."""
        return self.get("/ready").strip() == "LIVE"

    def listeners(self) -> dict[str, Address]:
        """Return host and port of each active listener by name. If port 0 is configured, the actual port is returned."""
        addresses = {}
        for entry in json.loads(self.get("/listeners?format=json")).get("listener_statuses", []):
            address = entry["local_address"]["socket_address"]
            addresses[entry["name"]] = Address(address["address"], int(address["port_value"]))
        return addresses

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Return the values of counters and gauges by name.

        Parameters
        ----------
        pattern
            Regular expression (RE2 syntax) that selects names. By default, all are returned.
        """
        query = "/stats?format=json" + (f"&filter={_quote(pattern)}" if pattern else "")
        entries: list[dict[str, Any]] = json.loads(self.get(query)).get("stats", [])
        return {e["name"]: e["value"] for e in entries if isinstance(e.get("value"), int)}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _call(self, method: str, path: str) -> str:
        """Send a request, and return the response's body. If Envoy has closed the idle connection, open a new one and retry
        once.

        Raises
        ------
        OSError
            Envoy doesn't respond.
        """
        for attempt in (1, 2):
            try:
                self._connection.request(method, path)
                return self._connection.getresponse().read().decode("utf-8", "replace")
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                if attempt == 2 or not isinstance(error, _IDLE):
                    raise ConnectionError(
                        f"Envoy's admin interface on port {self.port} doesn't respond: {error!r}. Check that it is running."
                    ) from error
        raise AssertionError


def _quote(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
