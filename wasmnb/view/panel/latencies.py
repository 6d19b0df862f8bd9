"""Latency figures of a proxy, and the figures that they are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmnb.traffic.distribution import Distribution
from wasmnb.traffic.harness import measure_harness

from . import view_data
from .history import History, Past
from .scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from wasmnb.traffic.harness import Harness

__all__ = ["KEPT_FIGURES", "Latencies"]

KEPT_FIGURES = "kept figures"

_ALL_THREADS = "all threads"


class Latencies:
    """Latency figures as JSON.

    Attributes
    ----------
    kept
        Figures that the user has kept to compare with.
    against
        Name of the figures to compare with: empty for none, `kept figures`, `version N`, or a thread.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.against = ""
        self._harness: Harness | None = None

    def figures(self, history: History, scope: Scope = EVERYTHING) -> Any:
        """Return the distributions of one proxy.

        Parameters
        ----------
        history
            The measurements of the proxy.
        scope
            Only this part of them (default all). Requests are measured by thread, so a plugin has none.
        """
        if self._harness is None:
            self._harness = measure_harness(rounds=3, calls=500)
        requests = history.requests(scope.thread or "") if scope.root is None else Distribution("request")
        return view_data.latency(_label(history, scope), requests, history.callbacks(scope), self._harness)

    def choices(self, history: History, past: Past) -> list[str]:
        """Return the names of figures to compare with."""
        kept = [KEPT_FIGURES] if self.kept else []
        threads = history.threads
        return [*kept, *past.latencies, *(threads if len(threads) > 1 else [])]

    def baseline(self, history: History, past: Past) -> Any:
        """Return the figures to compare with, or an empty dict."""
        if self.against == KEPT_FIGURES:
            return {**self.kept, "of": KEPT_FIGURES}
        if self.against in past.latencies:
            return {**past.latencies[self.against], "of": self.against}
        return self.figures(history, Scope(self.against)) if self.against in history.threads else {}


def _label(history: History, scope: Scope) -> str:
    """Return the title of the figures of a scope."""
    parts = [scope.thread or _ALL_THREADS]
    if scope.vm is not None:
        parts.append(f"VM{scope.vm}")
    if scope.root is not None:
        plugin = scope.plugin(history.proxy)
        parts.append(plugin.name if plugin is not None else f"context {scope.root}")
    return ", ".join(parts)
