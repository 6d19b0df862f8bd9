"""Latencies of a proxy for the panel, and the latencies with which they are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmnb.traffic.distribution import Distribution
from wasmnb.traffic.harness import measure_harness

from . import view_data
from .history import History, Past
from .scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from wasmnb.traffic.harness import Harness

__all__ = ["BASELINE", "Latencies"]

BASELINE = "baseline"

_ALL_THREADS = "all threads"


class Latencies:
    """Latencies as JSON, and the selection of latencies to compare with.

    Attributes
    ----------
    kept
        Latencies that the user has stored for comparison.
    against
        Name of the latencies to compare with: `baseline`, `version N`, the name of a thread, or empty for none.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.against = ""
        self._harness: Harness | None = None

    def figures(self, history: History, scope: Scope = EVERYTHING) -> Any:
        """Return the latencies of requests and callbacks of a proxy.

        Parameters
        ----------
        history
            History of the proxy.
        scope
            The part of the proxy to include (default: the whole proxy). For a plugin, there are no latencies of requests,
            because these are measured by thread.
        """
        if self._harness is None:
            self._harness = measure_harness(rounds=3, calls=500)
        requests = history.requests(scope.thread or "") if scope.root is None else Distribution("request")
        return view_data.latency(_label(history, scope), requests, history.callbacks(scope), self._harness)

    def choices(self, history: History, past: Past) -> list[str]:
        """Return the names of the latencies that can be selected for comparison."""
        kept = [BASELINE] if self.kept else []
        threads = history.threads
        return [*kept, *past.latencies, *(threads if len(threads) > 1 else [])]

    def baseline(self, history: History, past: Past) -> Any:
        """Return the latencies that are selected for comparison, or an empty dict."""
        if self.against == BASELINE:
            return {**self.kept, "of": BASELINE}
        if self.against in past.latencies:
            return {**past.latencies[self.against], "of": self.against}
        return self.figures(history, Scope(self.against)) if self.against in history.threads else {}


def _label(history: History, scope: Scope) -> str:
    """Return the title for the latencies of a part of the proxy."""
    parts = [scope.thread or _ALL_THREADS]
    if scope.vm is not None:
        parts.append(f"VM{scope.vm}")
    if scope.root is not None:
        plugin = scope.plugin(history.proxy)
        parts.append(plugin.name if plugin is not None else f"context {scope.root}")
    return ", ".join(parts)
