"""Reports on the traffic of a proxy, and the earlier versions of its filter that traffic can be compared with."""

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

#: Reports and versions that are kept, and requests of a version.
KEPT, VERSIONS, REQUESTS = 10, 5, 500

#: Bytes of an exchange's bodies, up to which its request is kept.
BODY = 1 << 20


@dataclass
class _Report:
    """A report. Its blocks are created when it is shown, because pictures take time."""

    title: str
    document: Document

    @cached_property
    def blocks(self) -> list[Any]:
        return view_data.document(self.document)


class Reports:
    """The newest reports, and what is needed to compare versions of a filter.

    Attributes
    ----------
    picked
        Index of the report that is shown, 0 for the newest.
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
            Name in the picker, such as `replay of day.har`.
        document
            Content of the report.
        """
        self._reports.appendleft(_Report(title, document))
        self.picked = 0

    def keep_version(self, proxy: Proxy, version: int) -> None:
        """Keep the plugins and the newest requests of a version that will be replaced.

        Parameters
        ----------
        proxy
            The proxy that runs it.
        version
            Number of the version, from 1.
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
        """Return the plugins of an earlier version; KeyError for an unknown name."""
        return self._versions[version]

    def traffic(self, proxy: Proxy) -> list[RecordedExchange]:
        """Return the newest requests of all versions, including the running one, oldest first."""
        return [*self._requests, *_recorded(proxy)][-REQUESTS:]

    def as_json(self) -> Any:
        """Return the picked report, the titles of all, and the earlier versions."""
        picked = min(self.picked, max(len(self._reports) - 1, 0))
        return {
            "titles": [view_data.printable(report.title, 120) for report in self._reports],
            "picked": picked,
            "blocks": self._reports[picked].blocks if self._reports else [],
            "versions": self.versions,
        }


def _recorded(proxy: Proxy) -> list[RecordedExchange]:
    """Return the newest requests of a proxy, oldest first."""
    newest = [
        exchange
        for exchange in islice(reversed(proxy.exchanges), REQUESTS)
        if hasattr(exchange, "request") and exchange.body_bytes <= BODY
    ]
    return [recorded for exchange in reversed(newest) if (recorded := to_recorded(exchange)) is not None]
