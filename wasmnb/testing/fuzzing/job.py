"""Distribution of a search to the processes of an executor. Each process searches with a different seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...host import Plugin
from ...traffic.replay.portable_filter import PortableFilter
from .report import FuzzReport

__all__ = ["FuzzJob", "FuzzPart"]


@dataclass(frozen=True)
class FuzzPart:
    """One of the searches on an executor.

    Attributes
    ----------
    number
        Number of the search, counted from 0.
    seed
        Seed of the search.
    """

    number: int
    seed: int

    @property
    def title(self) -> str:
        """Name of the search in messages, such as "Search 1 (seed 0)"."""
        return f"Search {self.number + 1} (seed {self.seed})"


@dataclass(frozen=True)
class FuzzJob:
    """Data shared by all searches on an executor.

    Attributes
    ----------
    plugins
        The plugins, in a form that can be sent to another process.
    arguments
        Other arguments of `fuzz`.
    """

    plugins: tuple[Plugin, ...]
    arguments: Mapping[str, Any]

    def empty(self) -> FuzzReport:
        """Create a report without findings."""
        return FuzzReport(self.plugins[0].name if self.plugins else "filter")

    def run(self, shard: FuzzPart) -> FuzzReport:
        """Run one search in the current process, and return its report."""
        from .api import fuzz

        plugins = [replace(plugin, filter=_rebuilt(plugin.filter)) for plugin in self.plugins]
        subject = plugins[0] if len(plugins) == 1 else plugins
        return fuzz(subject, seed=shard.seed, **self.arguments)

    def lost(self, shard: FuzzPart, reason: str) -> FuzzReport:
        """Create the report of a search whose results are lost, with a message that contains the reason."""
        report = self.empty()
        report.messages.append(f"{shard.title} is lost: {reason}.")
        return report

    def interrupted(self, _shard: FuzzPart) -> FuzzReport:
        """Create the report of a search that was stopped by an interrupt."""
        report = self.empty()
        report.interrupted = True
        return report

    @staticmethod
    def repeated(shard: FuzzPart, result: FuzzReport) -> None:
        """Add a message to the report of a search that ran twice."""
        result.messages.append(f"{shard.title} ran again, because a process of the pool died.")


def _rebuilt(filter_: Any) -> Any:
    return filter_.filter if isinstance(filter_, PortableFilter) else filter_
