"""Problems for which Envoy refuses a request before the first filter, and its responses to them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Problem", "bad_request"]


@dataclass(frozen=True)
class Problem:
    """A request that Envoy refuses before the first filter.

    Attributes
    ----------
    status
        Status of Envoy's response.
    details
        Response code details.
    codec
        Whether the codec refused it. Then the response's body is its reason phrase, the connection is closed, and no headers are
        logged.
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


def bad_request(details: str = "codec_error", status: int = 400) -> Problem:
    """Return the problem of a request that the HTTP/1 codec can't read."""
    return Problem(status, details if "." in details or details == "low_version" else f"http1.{details}", codec=True)
