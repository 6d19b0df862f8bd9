"""What the classes of magics share: a filter's name leads to its proxy, and each knows its own grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, magics_class

from wasmnb.errors import UsageError

__all__ = ["FilterMagics"]


@magics_class
class FilterMagics(Magics):
    """Magics whose lines begin with the name of a running filter."""

    if TYPE_CHECKING:
        shell: Any

    @property
    def style(self) -> str:
        """How progress is shown: as `WasmMagics.progress` is configured."""
        return getattr(self.shell.magics_manager.registry.get("WasmMagics"), "progress", "auto")

    def names(self) -> list[str]:
        """Variables of the notebook that hold a proxy, for completion."""
        from wasmnb.host import Proxy

        space = self.shell.user_ns
        return sorted(k for k, v in list(space.items()) if isinstance(v, Proxy) and not k.startswith("_"))

    def parsers(self) -> dict[str, Any]:
        """Magic name -> its argument parser."""
        names = {name for table in self.magics.values() for name in table}
        return {name: getattr(self, name).parser for name in names}

    def proxy(self, name: str) -> Any:
        """The proxy of that name; UsageError if there is none, with those that there are."""
        from wasmnb.host import Proxy

        found = self.shell.user_ns.get(name)
        if not isinstance(found, Proxy):
            running = ", ".join(self.names())
            what = f"Running: {running}." if running else "Start one with %%wasmfilter."
            raise UsageError(f"{name!r} is not a running filter. {what}")
        return found
