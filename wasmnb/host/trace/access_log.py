"""Record of a request in Envoy's access log."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

from ..contexts.response_flags import flag_names
from ..http.route_table.operators import StreamFacts

__all__ = ["AccessLogRecord"]


class _LoggedFacts(StreamFacts, Protocol):
    """Properties of a stream that the access log needs, in addition to those for Envoy's format operators."""

    started: float
    started_ns: int
    finished: float | None
    request_id: bytes
    upstream_code: int | None
    upstream_responded: float | None
    termination: str
    host_chosen: bool


@dataclass(frozen=True, slots=True)
class AccessLogRecord:
    """Access log record of one request. Its attributes are named after Envoy's command operators, in lower case.

    Attributes
    ----------
    start_time
        Time of the request's start, in seconds since 1970.
    protocol
        Protocol of the request: `HTTP/1.1` or `HTTP/2`.
    response_code
        Status of the response, or 0 if the client didn't receive a response.
    response_code_details
        Origin of the response: `via_upstream`, `route_not_found`, or the details of a filter's local response.
    response_flags
        Envoy's short flags, joined by commas, such as `UF` or `UH,URX`. Empty if there are none.
    bytes_received, bytes_sent
        Size of the request's body from the client and of the response's body to the client, in bytes.
    duration
        Seconds from the first byte of the request to the last byte of the response.
    response_duration
        Seconds from the first byte of the request to the first byte of the upstream's response, or None without a response.
    upstream_cluster
        Name of the upstream cluster. Empty if no cluster was chosen.
    upstream_host
        Address of the upstream host. Empty if no host was chosen.
    upstream_request_attempt_count
        Number of attempts to send the request to the upstream.
    route_name
        Name of the route. Empty if the route has no name.
    connection_id
        Number of the client's connection.
    connection_termination_details
        Reason why Envoy closed the connection. Empty if Envoy didn't close it.
    downstream_remote_address
        Address of the client.
    request_id
        Value of the request's `x-request-id` header.
    """

    start_time: float
    protocol: str
    response_code: int
    response_code_details: str
    response_flags: str
    bytes_received: int
    bytes_sent: int
    duration: float
    response_duration: float | None
    upstream_cluster: str
    upstream_host: str
    upstream_request_attempt_count: int
    route_name: str
    connection_id: int
    connection_termination_details: str
    downstream_remote_address: str
    request_id: str

    @classmethod
    def of(cls, info: _LoggedFacts) -> Self:
        """Return the record of a stream that has ended, with the facts in `info`."""
        started = info.started
        responded = info.upstream_responded
        flags = flag_names(info.flags)
        return cls(
            info.started_ns * 1e-9,
            info.protocol,
            info.code or info.upstream_code or 0,
            info.details,
            "" if flags == "-" else flags,
            info.request_size,
            info.response_size,
            (started if info.finished is None else info.finished) - started,
            None if responded is None else responded - started,
            info.cluster_name,
            info.cluster.address if info.host_chosen and info.cluster is not None else "",
            info.attempts,
            info.route.name if info.route is not None else "",
            info.connection.id,
            info.termination,
            info.remote_address or info.connection.peer,
            info.request_id.decode("utf-8", "replace"),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of the record by name, as in a JSON access log."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
