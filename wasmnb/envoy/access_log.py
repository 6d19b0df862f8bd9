"""The access log of a real Envoy, read from a file that wasmnb adds to Envoy's configuration.

In Envoy 1.40, a request is logged when its stream is destroyed, and an operator without a value is logged as null. The file is
flushed every 20 ms, which `process` sets.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ..host.trace.access_log import AccessLogRecord
from ..host.trace.exchange_log import KEPT

__all__ = ["AccessLogFile", "RecordKey", "access_log_config"]

_FILE_LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"

#: Field of `AccessLogRecord` -> Envoy's operator. Times are in microseconds.
_OPERATORS = {
    "start_time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%6fZ)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "response_flags": "%RESPONSE_FLAGS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "elapsed": "%DURATION%",
    "response_duration": "%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_request_attempt_count": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "route_name": "%ROUTE_NAME%",
    "connection_id": "%CONNECTION_ID%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "downstream_remote_address": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
}

_MICROSECOND = 1e-6


def access_log_config(path: Path) -> dict[str, Any]:
    """Return an `AccessLog` message that makes Envoy write records to a file."""
    log_format = {"json_format": _OPERATORS, "omit_empty_values": False}
    config = {"@type": _FILE_LOG, "path": str(path), "log_format": log_format}
    return {"name": "envoy.access_loggers.file", "typed_config": config}


class RecordKey(NamedTuple):
    """The client's port of a request, and the request's number among all requests from the same port, from 1."""

    port: int
    number: int


class AccessLogFile:
    """Reader of a growing access log. It finds the record of a request by the client's port and the time of the request.

    Envoy writes a record at the end of a request, so over HTTP/2 the order of the records can differ from that of the requests.

    Parameters
    ----------
    path
        Path of the access log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._closed = False
        self._records: dict[RecordKey, AccessLogRecord] = {}
        self._sent: dict[int, list[float]] = {}  # port -> times at which requests were sent

    def expect(self, port: int) -> RecordKey:
        """Register a request that is sent now from a client's port, and return the key that `find` needs to find its record."""
        sent = self._sent.setdefault(port, [])
        sent.append(time.time())
        return RecordKey(port, len(sent))

    def find(self, key: RecordKey, seconds: float = 1.0) -> AccessLogRecord | None:
        """Return the record of a request, or None if Envoy doesn't write it in time. Each record is returned once.

        Parameters
        ----------
        key
            The result of `expect`.
        seconds
            Maximum wait in seconds (default 1).
        """
        deadline = time.monotonic() + seconds
        while key not in self._records:
            if self._closed or (not self._read() and time.monotonic() >= deadline):
                return None
            if key not in self._records:
                time.sleep(0.005)
        return self._records.pop(key)

    def has(self, key: RecordKey) -> bool:
        """Return whether Envoy has written the record of a request. `find` can still return the record."""
        self._read()
        return key in self._records

    def close(self) -> None:
        """Read the rest of the file. `find` then returns only records that have been read."""
        self._read()
        self._closed = True

    def _read(self) -> bool:
        """Read new complete lines of the file, and return whether there were any."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return False
        lines, _, _ = data.rpartition(b"\n")
        if not lines:
            return False
        self._offset += len(lines) + 1
        for line in lines.split(b"\n"):
            record = _record(json.loads(line))
            port = int(record.downstream_remote_address.rpartition(":")[2] or 0)
            number = bisect_right(self._sent.get(port, ()), record.start_time + _MICROSECOND)
            self._records.setdefault(RecordKey(port, number), record)
        while len(self._records) > KEPT:
            del self._records[next(iter(self._records))]
        return True


def _record(values: dict[str, Any]) -> AccessLogRecord:
    def text(name: str) -> str:
        value = values.get(name)
        return "" if value in (None, "-") else str(value)

    def seconds(name: str) -> float | None:
        value = values.get(name)
        return None if value in (None, "-") else float(value) * _MICROSECOND

    def number(name: str) -> int:
        return int(values.get(name) or 0)

    duration = seconds("duration")
    return AccessLogRecord(
        datetime.fromisoformat(text("start_time")).timestamp(), text("protocol"), number("response_code"),
        text("response_code_details"), text("response_flags"), number("bytes_received"), number("bytes_sent"),
        number("elapsed") * 1e-3 if duration is None else duration, seconds("response_duration"),
        text("upstream_cluster"), text("upstream_host"), number("upstream_request_attempt_count"), text("route_name"),
        number("connection_id"), text("connection_termination_details"), text("downstream_remote_address"),
        text("request_id"),
    )  # fmt: skip
