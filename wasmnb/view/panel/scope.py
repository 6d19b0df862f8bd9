"""The part of a proxy that the views show: the selected node of the tree, and the filter of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wasmnb.errors import UsageError
from wasmnb.host.trace.log import LEVELS, LogFilter

if TYPE_CHECKING:
    from wasmnb.host import Plugin, Proxy

__all__ = ["EVERYTHING", "PluginLocation", "Scope"]


class PluginLocation(NamedTuple):
    """Name of a thread, number of a VM, and id of a plugin context. An attribute that is None matches all values."""

    thread: str | None
    vm: int | None
    root: int | None


_MAX_TEXT = 1_000  # maximum number of characters of a search text


@dataclass(frozen=True)
class Scope:
    """A part of a proxy. For attributes that are None, all values are included.

    Attributes
    ----------
    thread
        Name of the thread: `main` or `worker-N`.
    vm
        Number of the VM.
    root
        Id of the plugin context in the VM.
    context
        Id of a context in the VM.
    exchange
        Number of the exchange.
    level
        Lowest level of log lines (default `trace`).
    text
        Text that log lines must contain (default empty).
    """

    thread: str | None = None
    vm: int | None = None
    root: int | None = None
    context: int | None = None
    exchange: int | None = None
    level: str = "trace"
    text: str = ""

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Scope:
        """Create a scope from a message of the front end.

        Parameters
        ----------
        values
            Name of an attribute -> its value. Missing attributes have their defaults.

        Raises
        ------
        UsageError
            A value is not a number, or the level is unknown.
        """
        numbers: dict[str, Any] = {}
        for name in ("vm", "root", "context", "exchange"):
            value = values.get(name)
            if value not in (None, "") and not str(value).isdigit():
                raise UsageError(f"{name} must be a number, not {value!r}.")
            numbers[name] = None if value in (None, "") else int(str(value))
        level = str(values.get("level") or "trace")
        if level not in LEVELS:
            raise UsageError(f"The log level {level!r} is unknown. Use one of {', '.join(LEVELS)}.")
        thread = str(values["thread"]) if values.get("thread") else None
        return cls(thread, **numbers, level=level, text=str(values.get("text") or "")[:_MAX_TEXT])

    @property
    def location(self) -> PluginLocation:
        """Thread, VM and plugin context."""
        return PluginLocation(self.thread, self.vm, self.root)

    def plugin(self, proxy: Proxy) -> Plugin | None:
        """Return the plugin of the scope. Returns None if the scope contains no plugin, or if its VM no longer exists."""
        vm = next((vm for vm in proxy.vms if vm.number == self.vm), None)
        context = vm.contexts.get(self.root) if vm is not None and self.root is not None else None
        return context.plugin if context is not None else None

    def log_filter(self) -> LogFilter | None:
        """Return the filter for log lines, or None if the scope is the whole proxy."""
        if self == EVERYTHING:
            return None
        return LogFilter(self.level, self.thread, self.vm, self.root, self.context, self.exchange, self.text)


EVERYTHING = Scope()
