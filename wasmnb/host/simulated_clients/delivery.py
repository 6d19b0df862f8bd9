"""Options of how a client sends a request: worker, protocol, waiting time, timeout, properties and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any, Self

from ...errors import UsageError
from ...messages import Request
from ..properties.prescribed import Prescribed
from ..proxy_interface import SendOptions, Wait

__all__ = ["DEFAULT_WAIT", "Delivery", "check_metadata", "seconds_of"]

#: Virtual seconds for which `request` waits by default if a filter holds the stream.
DEFAULT_WAIT = 20.0


def seconds_of(wait: Wait, default: float | None = DEFAULT_WAIT) -> float | None:
    """Return the seconds for an argument `wait`: `...` stands for the default, None for no limit."""
    return default if isinstance(wait, EllipsisType) else wait


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return dynamic metadata as a dictionary.

    Raises
    ------
    UsageError
        The metadata isn't a mapping of namespaces to mappings.
    """
    values = dict(metadata or {})
    for namespace, fields in values.items():
        if not isinstance(fields, Mapping):
            raise UsageError(
                f"metadata must have a mapping for each namespace, such as {{'com.example': {{'tier': 'gold'}}}}, not "
                f"{fields!r:.60} for {namespace!r}."
            )
    return values


@dataclass(frozen=True)
class Delivery:
    """Options of sending one request, which `Requests.request` documents.

    Parameters
    ----------
    worker, http2, wait, timeout, complete
        As for `Requests.request`, with its defaults.
    properties
        Properties that the test sets for this request.
    metadata
        Dynamic metadata of the stream.
    """

    worker: int | None = None
    http2: bool = False
    wait: float | None = DEFAULT_WAIT
    timeout: float | None = None
    complete: bool = True
    properties: Prescribed = field(default_factory=Prescribed)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: SendOptions, default_wait: float | None = DEFAULT_WAIT) -> Self:
        """Return the options for the keyword arguments of a call.

        Parameters
        ----------
        options
            The keyword arguments.
        default_wait
            Seconds for `wait` if `options` doesn't have it (default 20). A longer `timeout` of the client replaces it.

        Raises
        ------
        TypeError
            An option doesn't exist.
        UsageError
            The timeout is negative, or properties or metadata aren't valid.
        """
        unknown = sorted(options.keys() - SendOptions.__annotations__.keys())
        if unknown:
            raise TypeError(f"a request has no option {unknown[0]!r}; it has {', '.join(SendOptions.__annotations__)}")
        timeout = options.get("timeout")
        if timeout is not None and (isinstance(timeout, str | bytes) or timeout < 0):
            raise UsageError(f"timeout must be a number of seconds, at least 0, not {timeout!r}.")
        default = default_wait if default_wait is None else max(default_wait, timeout or 0.0)
        return cls(
            worker=options.get("worker"),
            http2=options.get("http2", False),
            wait=seconds_of(options.get("wait", ...), default),
            timeout=timeout,
            complete=options.get("complete", True),
            properties=Prescribed(options.get("properties")),
            metadata=check_metadata(options.get("metadata")),
        )

    @property
    def repeated(self) -> dict[str, Any]:
        """Keyword arguments that send the request in the same way again, without those that have the default value."""
        options = {
            "http2": self.http2 or None,
            "timeout": self.timeout,
            "properties": self.properties.given or None,
            "metadata": dict(self.metadata) or None,
        }
        return {name: value for name, value in options.items() if value is not None}

    def shaped(self, request: Request) -> Request:
        """Return the request as it is sent: without the end of its body if `complete` is False."""
        if self.complete or request.chunks is not None:
            return request
        return replace(request, chunks=[request.body] if request.body else [])
