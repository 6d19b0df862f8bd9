"""`%wasmexport`: a filter for deployment."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.envoy.exporter.flags import EXPORT_FLAGS

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["ExportMagics"]


@magics_class
class ExportMagics(FilterMagics):
    """Writing a filter down for Envoy, Istio and Envoy Gateway."""

    @line_only(NAME, flag("folder", metavar="DIR", help="Where to; it is made if it is not there."), *EXPORT_FLAGS)
    def wasmexport(self, line: str) -> Any:
        """Write a running filter into a folder, ready for deployment.

        The folder gets the module, an `envoy.yaml` that Envoy runs as it is, an Istio `WasmPlugin`, an Envoy Gateway
        `EnvoyExtensionPolicy`, an OCI image layout, and a README with the commands. All of it is written, or nothing.
        An example::

            %wasmexport auth dist/auth --registry ghcr.io/acme --tag 1.2.0

        The same in Python: `auth.export("dist/auth", registry="ghcr.io/acme", tag="1.2.0")`.
        """
        options = parse(self.wasmexport, line)
        given = {name: getattr(options, name) for name in ("registry", "tag", "port", "force")}
        return self.proxy(options.name).export(options.folder, **given)
