"""`%wasmexport`: write the files that deploy a filter in Envoy, Istio and Envoy Gateway."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import magics_class

from wasmnb.envoy.deployment.flags import EXPORT_FLAGS, export_settings

from .arguments import NAME, flag, line_only, parse
from .base import FilterMagics

__all__ = ["ExportMagics"]


@magics_class
class ExportMagics(FilterMagics):
    """The magic `%wasmexport`."""

    @line_only(
        NAME,
        flag("folder", metavar="DIR", help="Output folder, which is created if it doesn't exist."),
        flag(
            "--profile",
            metavar="NAME",
            help="Running filter whose earlier requests are repeated. Code that they run is compiled instead of interpreted.",
        ),
        *EXPORT_FLAGS,
    )
    def wasmexport(self, line: str) -> Any:
        """Write the files that deploy a running filter.

        The files are the module, an `envoy.yaml` that Envoy can run, Istio's `TrafficExtension`, `WasmPlugin` and `EnvoyFilter`,
        an Envoy Gateway `EnvoyExtensionPolicy`, an OCI image layout, and a README with the commands. After an error, nothing is
        written.
        Example::

            %wasmexport auth dist/auth --registry ghcr.io/acme --tag 1.2.0
            %wasmexport auth dist/auth --profile auth

        The same in Python: `auth.export("dist/auth", registry="ghcr.io/acme", tag="1.2.0")`.
        """
        options = parse(self.wasmexport, line)
        settings = export_settings(options)
        if options.profile is not None:
            settings["profile"] = self.proxy(options.profile)
        return self.proxy(options.name).export(options.folder, **settings)
