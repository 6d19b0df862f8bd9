"""Envoy's response flags, which are reasons why a stream failed."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["ResponseFlag", "flag_names", "flag_words", "long_flag_names"]


class ResponseFlag(IntFlag):
    """Reasons why a stream failed, as in the property `response.flags`. The values are Envoy's `CoreResponseFlag`s as bits."""

    NO_HEALTHY_UPSTREAM = 1 << 1
    UPSTREAM_REQUEST_TIMEOUT = 1 << 2
    UPSTREAM_REMOTE_RESET = 1 << 4
    UPSTREAM_CONNECTION_FAILURE = 1 << 5
    UPSTREAM_CONNECTION_TERMINATION = 1 << 6
    NO_ROUTE_FOUND = 1 << 8
    DOWNSTREAM_CONNECTION_TERMINATION = 1 << 14
    UPSTREAM_RETRY_LIMIT_EXCEEDED = 1 << 15
    STREAM_IDLE_TIMEOUT = 1 << 16
    DOWNSTREAM_PROTOCOL_ERROR = 1 << 18
    UPSTREAM_MAX_STREAM_DURATION_REACHED = 1 << 19
    UPSTREAM_PROTOCOL_ERROR = 1 << 23
    NO_CLUSTER_FOUND = 1 << 24
    DOWNSTREAM_REMOTE_RESET = 1 << 28


#: Short names of the flags in access logs.
_SHORT = {
    ResponseFlag.NO_HEALTHY_UPSTREAM: "UH",
    ResponseFlag.UPSTREAM_REQUEST_TIMEOUT: "UT",
    ResponseFlag.UPSTREAM_REMOTE_RESET: "UR",
    ResponseFlag.UPSTREAM_CONNECTION_FAILURE: "UF",
    ResponseFlag.UPSTREAM_CONNECTION_TERMINATION: "UC",
    ResponseFlag.NO_ROUTE_FOUND: "NR",
    ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION: "DC",
    ResponseFlag.UPSTREAM_RETRY_LIMIT_EXCEEDED: "URX",
    ResponseFlag.STREAM_IDLE_TIMEOUT: "SI",
    ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR: "DPE",
    ResponseFlag.UPSTREAM_MAX_STREAM_DURATION_REACHED: "UMSDR",
    ResponseFlag.UPSTREAM_PROTOCOL_ERROR: "UPE",
    ResponseFlag.NO_CLUSTER_FOUND: "NC",
    ResponseFlag.DOWNSTREAM_REMOTE_RESET: "DR",
}


def flag_names(flags: int) -> str:
    """Return the short names of response flags, joined by commas as in access logs. Returns `-` if no flag is set."""
    return ",".join(text for flag, text in _SHORT.items() if flags & flag) or "-"


def flag_words(names: str) -> str:
    """Add explanations to flags of an access log, such as `UF (upstream connection failure)`.

    Parameters
    ----------
    names
        Short names, joined by commas. Unknown names are returned unchanged.
    """
    meanings = {text: (flag.name or "").lower().replace("_", " ") for flag, text in _SHORT.items()}
    return ", ".join(f"{name} ({meanings[name]})" if name in meanings else name for name in names.split(","))


def long_flag_names(flags: int) -> str:
    """Return the long names of response flags, joined by commas. Returns `-` if no flag is set."""
    return ",".join(_camel(flag) for flag in _SHORT if flags & flag) or "-"


def _camel(flag: ResponseFlag) -> str:
    return "".join(word.capitalize() for word in (flag.name or "").split("_"))
