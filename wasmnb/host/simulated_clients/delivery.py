"""Options for sending a request: worker, protocol, waiting time, timeout, properties and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any, Self

from ...errors import UsageError
from ...messages import Request
from ..properties.property_overrides import PropertyOverrides
from ..proxy_interface import SendOptions, Wait

__all__ = ["DEFAULT_WAIT", "Delivery", "check_metadata", "seconds_of"]

#: Virtual seconds that `request` waits by default for the end of an exchange.
DEFAULT_WAIT = 20.0


def seconds_of(wait: Wait, default: float | None = DEFAULT_WAIT) -> float | None:
    """Return the seconds for a `wait` argument. `...` selects the default, and None means no limit."""
    return default if isinstance(wait, EllipsisType) else wait


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Check dynamic metadata and return it as a dictionary.

    Raises
    ------
    UsageError
        The metadata isn't a mapping of namespaces to mappings.
    """
    values = dict(metadata or {})
    for namespace, fields in values.items():
        if not isinstance(fields, Mapping):
            raise UsageError(
                f"metadata= must contain a mapping for each namespace, but {namespace!r} is {fields!r:.60}. "
                "Pass a value such as {'com.example': {'tier': 'gold'}}."
            )
    return values


@dataclass(frozen=True)
class Delivery:
    """Options for sending one request. See `Requests.request` for details.

    Parameters
    ----------
    worker, http2, wait, timeout, complete
        As for `Requests.request`, with the same defaults.
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
    properties: PropertyOverrides = field(default_factory=PropertyOverrides)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, options: SendOptions, default_wait: float | None = DEFAULT_WAIT) -> Self:
        """Create the options from the keyword arguments of a call.

        Parameters
        ----------
        options
            The keyword arguments.
        default_wait
            Virtual seconds to wait if `options` doesn't contain `wait` (default 20). A longer `timeout` replaces this default.

        Raises
        ------
        TypeError
            An option doesn't exist.
        UsageError
            The timeout is negative, or properties or metadata aren't valid.
        """
        unknown = sorted(options.keys() - SendOptions.__annotations__.keys())
        if unknown:
            raise TypeError(
                f"{unknown[0]!r} isn't an option of a request. Use one of {', '.join(SendOptions.__annotations__)}."
            )
        timeout = options.get("timeout")
        if timeout is not None and (isinstance(timeout, str | bytes) or timeout < 0):
            raise UsageError(f"timeout= must be a number of seconds (at least 0), not {timeout!r}.")
        default = default_wait if default_wait is None else max(default_wait, timeout or 0.0)
        return cls(
            worker=options.get("worker"),
            http2=options.get("http2", False),
            wait=seconds_of(options.get("wait", ...), default),
            timeout=timeout,
            complete=options.get("complete", True),
            properties=PropertyOverrides(options.get("properties")),
            metadata=check_metadata(options.get("metadata")),
        )

    @property
    def repeated(self) -> dict[str, Any]:
        """Keyword arguments that send the request in the same way again. Default values are omitted."""
        options = {
            "http2": self.http2 or None,
            "timeout": self.timeout,
            "properties": self.properties.values or None,
            "metadata": dict(self.metadata) or None,
        }
        return {name: value for name, value in options.items() if value is not None}

    def shaped(self, request: Request) -> Request:
        """Return the request to send. If `complete` is False, its body is in chunks, so that the end can be omitted."""
        if self.complete or request.chunks is not None:
            return request
        return replace(request, chunks=[request.body] if request.body else [])
