"""Problems for which a request doesn't reach the filters: Envoy's status, details, and facts for the access log."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem", "bad_request"]


@dataclass(frozen=True)
class Problem:
    """A request that Envoy refuses before the first filter.

    Attributes
    ----------
    status
        Of Envoy's response.
    details
        Response code details.
    codec
        The codec refused it: the response has its reason phrase as body, the connection ends, and no header is logged.
    location
        Where the client is sent instead.
    body
        Of Envoy's response.
    """

    status: int
    details: str
    codec: bool = False
    location: bytes = b""
    body: bytes = b""


def bad_request(details: str = "codec_error", status: int = 400) -> Problem:
    """Return the problem of a request that the HTTP/1 codec can't read."""
    return Problem(status, details if "." in details or details == "low_version" else f"http1.{details}", codec=True)
