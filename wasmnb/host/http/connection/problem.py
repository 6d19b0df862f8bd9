"""Why a request never gets to the filters: Envoy's status, details, and what of it the access log still sees."""

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
    """

    status: int
    details: str
    codec: bool = False
    location: bytes = b""


def bad_request(details: str = "codec_error", status: int = 400) -> Problem:
    """What the HTTP/1 codec says of a request that it cannot read."""
    return Problem(status, details if "." in details or details == "low_version" else f"http1.{details}", codec=True)
