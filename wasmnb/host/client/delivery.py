"""How a client sends a request: over which connection, how patiently, and with what around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import EllipsisType
from typing import Any, Self

from ...errors import UsageError
from ...messages import Request
from ..interface import SendOptions, Wait
from ..properties.prescribed import Prescribed

__all__ = ["DEFAULT_WAIT", "Delivery", "check_metadata", "seconds_of"]

#: Virtual seconds that a request waits for a stream that a filter holds.
DEFAULT_WAIT = 20.0


def seconds_of(wait: Wait, default: float | None = DEFAULT_WAIT) -> float | None:
    """Return the seconds of a `wait`, with its default."""
    return default if isinstance(wait, EllipsisType) else wait


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return dynamic metadata as a dictionary.

    Raises
    ------
    UsageError
        It isn't a mapping of namespaces to mappings.
    """
    values = dict(metadata or {})
    for namespace, fields in values.items():
        if not isinstance(fields, Mapping):
            raise UsageError(
                f"metadata= has a mapping for each namespace, as in {{'com.example': {{'tier': 'gold'}}}}, not {fields!r:.60} "
                f"for {namespace!r}."
            )
    return values


@dataclass(frozen=True)
class Delivery:
    """Options of sending one request; `Requests.request` documents them.

    Parameters
    ----------
    worker, http2, wait, timeout, complete
        As for `Requests.request`, with its defaults.
    properties
        Properties that the test prescribes for this request.
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
        """Return the options of a call.

        Parameters
        ----------
        options
            The keyword arguments.
        default_wait
            Seconds for `wait` if it isn't among them, but at least the client's timeout (20).

        Raises
        ------
        TypeError
            There is no such option.
        UsageError
            The timeout is negative, or properties or metadata aren't valid.
        """
        unknown = sorted(options.keys() - SendOptions.__annotations__.keys())
        if unknown:
            raise TypeError(f"a request has no option {unknown[0]!r}; it has {', '.join(SendOptions.__annotations__)}")
        timeout = options.get("timeout")
        if timeout is not None and (isinstance(timeout, str | bytes) or timeout < 0):
            raise UsageError(f"timeout is the seconds that the client waits, not {timeout!r}.")
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
        """The options that sending the request once more needs, as keyword arguments; those with the default value are left out."""
        options = {
            "http2": self.http2 or None,
            "timeout": self.timeout,
            "properties": self.properties.given or None,
            "metadata": dict(self.metadata) or None,
        }
        return {name: value for name, value in options.items() if value is not None}

    def shaped(self, request: Request) -> Request:
        """Return the request as it is sent: without the end of its body if that never comes."""
        if self.complete or request.chunks is not None:
            return request
        return replace(request, chunks=[request.body] if request.body else [])
