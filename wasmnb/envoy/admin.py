"""Envoy's admin interface over loopback: readiness, where the listeners are, statistics.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/operations/admin
"""

from __future__ import annotations

import http.client
import json
from typing import Any

__all__ = ["Admin"]


_IDLE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Admin:
    """One keep-alive connection to the admin interface; not for use by two threads at once."""

    def __init__(self, host: str, port: int, *, timeout: float = 10.0) -> None:
        self.host, self.port = host, port
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def get(self, path: str) -> str:
        """Body of `GET path`; Envoy answers errors with a text too."""
        return self._call("GET", path)

    def post(self, path: str) -> str:
        """Body of `POST path` (the admin interface changes state only by POST)."""
        return self._call("POST", path)

    def ready(self) -> bool:
        """Whether every listener serves."""
        return self.get("/ready").strip() == "LIVE"

    def listeners(self) -> dict[str, tuple[str, int]]:
        """Address of every active listener by name: the ports that the system gave for port 0."""
        found = {}
        for entry in json.loads(self.get("/listeners?format=json")).get("listener_statuses", []):
            address = entry["local_address"]["socket_address"]
            found[entry["name"]] = (address["address"], int(address["port_value"]))
        return found

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges by name; `pattern` is a regular expression that Envoy filters by (RE2)."""
        query = "/stats?format=json" + (f"&filter={_quote(pattern)}" if pattern else "")
        entries: list[dict[str, Any]] = json.loads(self.get(query)).get("stats", [])
        return {e["name"]: e["value"] for e in entries if isinstance(e.get("value"), int)}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _call(self, method: str, path: str) -> str:
        """One call; an idle connection that Envoy closed is opened again, once.

        Raises
        ------
        OSError
            If there is no answer.
        """
        for attempt in (1, 2):
            try:
                self._connection.request(method, path)
                return self._connection.getresponse().read().decode("utf-8", "replace")
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                if attempt == 2 or not isinstance(error, _IDLE):
                    raise ConnectionError(f"Envoy's admin interface does not answer: {error!r}") from error
        raise AssertionError


def _quote(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
