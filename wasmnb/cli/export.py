"""`wasmnb export` and `wasmnb forecast`: write the files that deploy a filter, and estimate its cost when Envoy starts."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from typing import TYPE_CHECKING

from wasmnb.notebook.progress import TerminalProgress
from wasmnb.traffic.code_profile import profile_of_recording
from wasmnb.traffic.curl import read_at
from wasmnb.view import document_of, to_text

if TYPE_CHECKING:
    from wasmnb.host import Plugin

__all__ = ["export", "forecast"]


def export(options: Namespace) -> int:
    """Run `wasmnb export` and return the exit code."""
    from wasmnb.envoy import export as write_export
    from wasmnb.envoy.deployment.flags import export_settings

    plugin = _plugin(options)
    settings = export_settings(options)
    if options.profile is not None:
        settings["profile"] = profile_of_recording(plugin, options.profile)
    print(to_text(document_of(write_export(plugin, options.folder, **settings))))
    return 0


def forecast(options: Namespace) -> int:
    """Run `wasmnb forecast` and return the exit code."""
    from wasmnb.envoy.start_cost.forecast import forecast as make_forecast

    result = make_forecast(_plugin(options), workers=options.workers, measured=False if options.predict else None)
    if options.as_json:
        print(json.dumps({**dataclasses.asdict(result), "further_worker": result.further_worker}, indent=2))
    else:
        print(to_text(document_of(result)))
    return 0


def _plugin(options: Namespace) -> Plugin:
    from wasmnb.compiler import Filter
    from wasmnb.host import Plugin

    with TerminalProgress() as progress:
        filter_ = Filter.from_file(options.filter, progress=progress)
        filter_.release(progress=progress)
    config, vm_config = (value and read_at(value) for value in (options.config, options.vm_config))
    return Plugin(
        filter_,
        config=config,
        vm_config=vm_config,
        root_id=options.root_id,
        kind=options.kind,
        allow_on_headers_stop_iteration=options.hold_headers,
    )
