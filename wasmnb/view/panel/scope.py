"""What the user has narrowed the views to: a node of the tree, and what the log is sieved by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError

if TYPE_CHECKING:
    from wasmnb.host import Plugin, Proxy

__all__ = ["EVERYTHING", "LEVELS", "Scope"]

LEVELS = ("trace", "debug", "info", "warn", "error", "critical")

_LONGEST = 1_000  # characters of a search


@dataclass(frozen=True)
class Scope:
    """A thread, a VM, a plugin, a context or an exchange (None: any), and for the log the lowest level and a text.

    Attributes
    ----------
    thread
        `main` or `worker-N`.
    root
        Id of a plugin's root context in that VM.
    """

    thread: str | None = None
    vm: int | None = None
    root: int | None = None
    context: int | None = None
    exchange: int | None = None
    level: str = "trace"
    text: str = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Scope:
        """From what the front-end sends.

        Raises
        ------
        UsageError
            A number that is none, or a level that does not exist.
        """
        numbers: dict[str, Any] = {}
        for name in ("vm", "root", "context", "exchange"):
            value = values.get(name)
            if value not in (None, "") and not str(value).isdigit():
                raise UsageError(f"{name} is a number, not {value!r}")
            numbers[name] = None if value in (None, "") else int(str(value))
        level = str(values.get("level") or "trace")
        if level not in LEVELS:
            raise UsageError(f"a level is one of {', '.join(LEVELS)}, not {level!r}")
        thread = str(values["thread"]) if values.get("thread") else None
        return cls(thread, **numbers, level=level, text=str(values.get("text") or "")[:_LONGEST])

    @property
    def place(self) -> tuple[str | None, int | None, int | None]:
        """Thread, VM and plugin."""
        return self.thread, self.vm, self.root

    def plugin(self, proxy: Proxy) -> Plugin | None:
        """The plugin that it is narrowed to; None if it is not, or if that one's VM is gone."""
        vm = next((vm for vm in proxy.vms if vm.number == self.vm), None)
        context = vm.contexts.get(self.root) if vm is not None and self.root is not None else None
        return context.plugin if context is not None else None

    def sieve(self) -> Callable[[Any], bool] | None:
        """Says of a line of the log whether it is wanted; None if all are."""
        if self == EVERYTHING:
            return None
        lowest = LEVELS.index(self.level)

        def wanted(line: Any) -> bool:
            return (
                int(line.level) >= lowest
                and self.thread in (None, line.thread)
                and self.vm in (None, line.vm)
                and self.root in (None, line.root)
                and self.context in (None, line.context)
                and self.exchange in (None, line.exchange)
                and (not self.text or self.text in line.text)
            )

        return wanted


EVERYTHING = Scope()
