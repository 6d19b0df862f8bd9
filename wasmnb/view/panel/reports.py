"""Reports that the view Traffic shows, and the earlier versions of the filter for comparisons."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.traffic.recorded.writers import to_recorded
from wasmnb.view.render.document import Document

from . import view_data

if TYPE_CHECKING:
    from wasmnb.host import Plugin, Proxy
    from wasmnb.traffic.recorded import RecordedExchange

__all__ = ["Reports"]

#: Maximum number of reports, of earlier versions, and of requests for a comparison.
KEPT, VERSIONS, REQUESTS = 10, 5, 500

#: Maximum size of an exchange's bodies in bytes. Requests of larger exchanges aren't used for comparisons.
BODY = 1 << 20


@dataclass
class _Report:
    """A report. Its blocks are created when it is first shown, because drawing pictures takes time."""

    title: str
    document: Document

    @cached_property
    def blocks(self) -> list[Any]:
        return view_data.document(self.document)


class Reports:
    """The most recent reports, and the versions and requests that are needed to compare versions of a filter.

    Attributes
    ----------
    picked
        Index of the report that is shown. The most recent report has index 0.
    """

    def __init__(self) -> None:
        self.picked = 0
        self._reports: deque[_Report] = deque(maxlen=KEPT)
        self._versions: dict[str, list[Plugin]] = {}
        self._requests: deque[RecordedExchange] = deque(maxlen=REQUESTS)

    def add(self, title: str, document: Document) -> None:
        """Add a report and show it.

        Parameters
        ----------
        title
            Title of the report in the list, for example `replay of day.har`.
        document
            Contents of the report.
        """
        self._reports.appendleft(_Report(title, document))
        self.picked = 0

    def keep_version(self, proxy: Proxy, version: int) -> None:
        """Store the plugins and the most recent requests of a version that will be replaced.

        Parameters
        ----------
        proxy
            The proxy that runs the version.
        version
            Number of the version, counted from 1.
        """
        self._versions[f"version {version}"] = list(proxy.plugins)
        for name in list(self._versions)[:-VERSIONS]:
            del self._versions[name]
        self._requests.extend(_recorded(proxy))

    @property
    def versions(self) -> list[str]:
        """Names of the earlier versions, newest first."""
        return list(self._versions)[::-1]

    def plugins(self, version: str) -> list[Plugin]:
        """Return the plugins of an earlier version. Raises KeyError if the name is unknown."""
        return self._versions[version]

    def traffic(self, proxy: Proxy) -> list[RecordedExchange]:
        """Return the most recent requests of all versions, including the running one, oldest first."""
        return [*self._requests, *_recorded(proxy)][-REQUESTS:]

    def as_json(self) -> Any:
        """Return the selected report, the titles of all reports, and the earlier versions as JSON."""
        picked = min(self.picked, max(len(self._reports) - 1, 0))
        return {
            "titles": [view_data.printable(report.title, 120) for report in self._reports],
            "picked": picked,
            "blocks": self._reports[picked].blocks if self._reports else [],
            "versions": self.versions,
        }


def _recorded(proxy: Proxy) -> list[RecordedExchange]:
    """Return the most recent requests of a proxy with their responses, oldest first."""
    newest = [
        exchange
        for exchange in islice(reversed(proxy.exchanges), REQUESTS)
        if hasattr(exchange, "request") and exchange.body_bytes <= BODY
    ]
    return [recorded for exchange in reversed(newest) if (recorded := to_recorded(exchange)) is not None]
