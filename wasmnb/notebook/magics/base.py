"""The base class of the magics, which finds proxies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, magics_class

from wasmnb.errors import UsageError

__all__ = ["FilterMagics"]


@magics_class
class FilterMagics(Magics):
    """Base class of magics whose first argument is the name of a running filter."""

    if TYPE_CHECKING:
        shell: Any

    @property
    def style(self) -> str:
        """How progress is displayed: the value of `%config WasmMagics.progress`."""
        return getattr(self.shell.magics_manager.registry.get("WasmMagics"), "progress", "auto")

    def names(self) -> list[str]:
        """Return the names of all notebook variables that contain a proxy."""
        from wasmnb.host import Proxy

        space = self.shell.user_ns
        return sorted(k for k, v in list(space.items()) if isinstance(v, Proxy) and not k.startswith("_"))

    def reported(self, proxy: Any, report: Any) -> Any:
        """Add a report to the proxy's live panel, if the proxy has a panel, and return the report."""
        panel = getattr(proxy, "attachments", {}).get("panel")
        if panel is not None:
            panel.add_report(report)
        return report

    def parsers(self) -> dict[str, Any]:
        """Return the argument parsers of this class's magics, by name of the magic."""
        names = {name for table in self.magics.values() for name in table}
        return {name: getattr(self, name).parser for name in names}

    def proxy(self, name: str) -> Any:
        """Return the proxy that a notebook variable contains.

        Raises
        ------
        UsageError
            The variable doesn't contain a proxy. The message lists the running filters.
        """
        from wasmnb.host import Proxy

        proxy = self.shell.user_ns.get(name)
        if not isinstance(proxy, Proxy):
            running = ", ".join(self.names())
            advice = f"Running filters: {running}." if running else "Start one with %%wasmfilter."
            raise UsageError(f"{name!r} is not a running filter. {advice}")
        return proxy
