"""A search on an executor: one search with a seed of its own for each process, and the merged report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...host import Plugin
from ...traffic.replay.portable import PortableFilter
from .report import FuzzReport

__all__ = ["FuzzJob", "FuzzPart"]


@dataclass(frozen=True)
class FuzzPart:
    """One search.

    Attributes
    ----------
    number
        Number of the search, from 0.
    seed
        Seed of the search.
    """

    number: int
    seed: int

    @property
    def title(self) -> str:
        """The search in messages."""
        return f"Search {self.number + 1} (seed {self.seed})"


@dataclass(frozen=True)
class FuzzJob:
    """Common data of all searches.

    Attributes
    ----------
    plugins
        The filters in portable form.
    arguments
        Further arguments of `fuzz`.
    """

    plugins: tuple[Plugin, ...]
    arguments: Mapping[str, Any]

    def empty(self) -> FuzzReport:
        """Return an empty report."""
        return FuzzReport(self.plugins[0].name if self.plugins else "filter")

    def run(self, shard: FuzzPart) -> FuzzReport:
        """Search with a seed."""
        from .api import fuzz

        plugins = [replace(plugin, filter=_rebuilt(plugin.filter)) for plugin in self.plugins]
        subject = plugins[0] if len(plugins) == 1 else plugins
        return fuzz(subject, seed=shard.seed, **self.arguments)

    def lost(self, shard: FuzzPart, reason: str) -> FuzzReport:
        """Return the report of a search that is lost."""
        report = self.empty()
        report.messages.append(f"{shard.title} is lost: {reason}.")
        return report

    def interrupted(self, _shard: FuzzPart) -> FuzzReport:
        """Return the report of a search that an interrupt has cut off."""
        report = self.empty()
        report.interrupted = True
        return report

    @staticmethod
    def repeated(shard: FuzzPart, result: FuzzReport) -> None:
        """Note in a report that its search ran twice."""
        result.messages.append(f"{shard.title} ran again, because a process of the pool died.")


def _rebuilt(filter_: Any) -> Any:
    return filter_.filter if isinstance(filter_, PortableFilter) else filter_
