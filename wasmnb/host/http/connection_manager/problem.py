"""Reasons why Envoy refuses a request before the first filter, and Envoy's responses."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem", "bad_request", "is_refusal"]

#: Response code details of requests that the connection manager refuses. For the codec's refusals, see `is_refusal`.
_DETAILS = frozenset({
    "absolute_path_rejected", "missing_host_header", "path_normalization_failed", "query_missing_content_type", "upgrade_failed",
})  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Reason why Envoy refuses a request before the first filter, with Envoy's response.

    Attributes
    ----------
    status
        Status of Envoy's response.
    details
        Response code details.
    codec
        Whether the codec has refused the request. In this case the response's body is its reason phrase, the connection is
        closed, and no headers are logged.
    location
        URL to which the client is redirected.
    body
        Body of Envoy's response.
    """

    status: int
    details: str
    codec: bool = False
    location: bytes = b""
    body: bytes = b""


def is_refusal(details: str, flags: str) -> bool:
    """Return whether Envoy refused a request before the first filter, according to its access log.

    Parameters
    ----------
    details
        Response code details.
    flags
        Response flags, joined by commas. `DPE` (downstream protocol error) is a refusal of the codec.
    """
    return details in _DETAILS or "DPE" in flags.split(",")


def bad_request(details: str = "codec_error", status: int = 400) -> Problem:
    """Create the problem for a request that the HTTP/1 codec can't read."""
    return Problem(status, details if "." in details or details == "low_version" else f"http1.{details}", codec=True)
