"""Metrics of the filters in a real Envoy, read from its admin interface."""

from __future__ import annotations

from .admin import Admin

__all__ = ["EnvoyMetrics"]

_PREFIX = "wasmcustom."


class EnvoyMetrics(dict[str, int]):
    """Counters and gauges of the filters by name, with the values at the time when the object was created.

    Parameters
    ----------
    admin
        Client of Envoy's admin interface.
    """

    def __init__(self, admin: Admin) -> None:
        super().__init__(
            (n.removeprefix(_PREFIX), v) for n, v in admin.stats("^" + _PREFIX.replace(".", r"\.")).items()
        )
        self._admin = admin

    def prometheus(self) -> str:
        """Return the current metrics of the filters in the text format of Prometheus, as printed by Envoy's admin interface.

        Envoy adds new samples to histograms every five seconds, so the latest samples can be missing.
        """
        return self._admin.get("/stats/prometheus?filter=^wasmcustom%5C.").strip("\n") + "\n"
