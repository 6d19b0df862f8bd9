"""Format the access log record of a request as one line, for documents and the panel."""

from __future__ import annotations

from typing import Any

from wasmnb.host.contexts.response_flags import flag_words

from ...render.units import duration, plural, size

__all__ = ["record_of", "record_text"]


def record_of(exchange: Any) -> Any:
    """Return the access log record of an exchange. Returns None if the exchange hasn't ended or is a connection."""
    return getattr(exchange, "access_log", None) if exchange.done else None


def record_text(record: Any) -> str:
    """Format a record: status, flags with their meaning, details, cluster and host, sizes, protocol and connection.

    Parameters
    ----------
    record
        The `AccessLogRecord`.
    """
    cluster, host = record.upstream_cluster, record.upstream_host
    responded = record.response_duration
    parts = (
        f"{record.response_code or 'no response'}",
        flag_words(record.response_flags) if record.response_flags else "no flags",
        record.response_code_details,
        f"cluster {cluster}{f' at {host}' if host else ', no host'}" if cluster else "no cluster",
        f"route {record.route_name}" if record.route_name else "",
        plural(record.upstream_request_attempt_count, "try", "tries")
        if record.upstream_request_attempt_count > 1
        else "",
        f"{size(record.bytes_received)} received, {size(record.bytes_sent)} sent",
        "" if responded is None else f"upstream's response after {duration(responded * 1e9)}",
        f"{record.protocol}, connection {record.connection_id}",
        f"closed: {record.connection_termination_details}" if record.connection_termination_details else "",
    )
    return " · ".join(filter(None, parts))
