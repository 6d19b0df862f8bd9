"""The filters' metrics in a real Envoy, read from its admin interface."""

from __future__ import annotations

from .admin import Admin

__all__ = ["EnvoyMetrics"]

_PREFIX = "wasmcustom."


class EnvoyMetrics(dict[str, int]):
    """Counters and gauges by name, as they were when they were read.

    Parameters
    ----------
    admin
        Envoy's admin interface.
    """

    def __init__(self, admin: Admin) -> None:
        super().__init__(
            (n.removeprefix(_PREFIX), v) for n, v in admin.stats("^" + _PREFIX.replace(".", r"\.")).items()
        )
        self._admin = admin

    def prometheus(self) -> str:
        """Return the filters' metrics in Prometheus's text format, as the admin page prints them now.

        Histograms have the samples of the last five seconds' end: Envoy merges them then.
        """
        return self._admin.get("/stats/prometheus?filter=^wasmcustom%5C.").strip("\n") + "\n"
