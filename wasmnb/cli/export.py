"""`wasmnb export`: write the files that deploy a filter."""

from __future__ import annotations

from argparse import Namespace

from wasmnb.notebook.progress import TerminalProgress
from wasmnb.traffic.curl import read_at
from wasmnb.view import document_of, to_text

__all__ = ["export"]


def export(options: Namespace) -> int:
    """Run the command and return the exit code."""
    from wasmnb.compiler import Filter
    from wasmnb.envoy import export as write_export
    from wasmnb.host import Plugin

    with TerminalProgress() as progress:
        filter_ = Filter.from_file(options.filter, progress=progress)
    config, vm_config = (value and read_at(value) for value in (options.config, options.vm_config))
    plugin = Plugin(
        filter_,
        config=config,
        vm_config=vm_config,
        root_id=options.root_id,
        allow_on_headers_stop_iteration=options.hold_headers,
    )
    settings = {name: getattr(options, name) for name in ("registry", "tag", "port", "force")}
    print(to_text(document_of(write_export(plugin, options.folder, **settings))))
    return 0
