"""Actions of the view Traffic: replay a recording, compare versions of the filter, and select a report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.traffic.build_diff.diff import diff
from wasmnb.traffic.replay.replay import replay
from wasmnb.view.mimebundle import document_of
from wasmnb.view.panel.renderer import Renderer
from wasmnb.view.render.units import plural

from .arguments import PanelAction, Values, integer

__all__ = ["TRAFFIC"]


def _report(renderer: Renderer, values: Values) -> str:
    """Show the selected report."""
    renderer.state.reports.picked = max(0, integer(values.get("report"), "report"))
    renderer.look("Traffic")
    return ""


def _compare(renderer: Renderer, values: Values) -> str:
    """Send the most recent requests through an earlier version and the running version, and show the differences."""
    state, version = renderer.state, str(values.get("version") or "")
    if not state.reports.versions:
        raise UsageError("There is no earlier version to compare with. Edit the filter and run its cell again.")
    if version not in state.reports.versions:
        known = ", ".join(state.reports.versions)
        raise UsageError(f"The panel has discarded {version or 'this version'} of the filter. It keeps {known}.")
    traffic = state.reports.traffic(state.proxy)
    if not traffic:
        raise UsageError("There are no requests with which the versions could be compared. Send some requests first.")
    settings = state.proxy.settings.arguments()
    options = {name: settings[name] for name in ("clusters", "routes", "node", "buffer_limit") if name in settings}
    report = diff(state.reports.plugins(version), list(state.proxy.plugins), traffic, **options)
    report.old, report.new = version, f"version {state.history.version + 1}"
    report.traffic = plural(len(traffic), "request of this panel", "requests of this panel")
    state.reports.add(f"{version} and {report.new}", document_of(report))
    renderer.look("Traffic")
    return "no differences" if report.same else f"{report.differing:,} of {plural(report.read, 'request')} differ"


def _replay(renderer: Renderer, values: Values) -> str:
    """Send the requests of an uploaded recording through the filter, in a new proxy."""
    state, name = renderer.state, Path(str(values.get("name") or "recording")).name
    if not state.draft.upload:
        raise UsageError(
            "No recording was uploaded. Choose a HAR file, Envoy tap, access log, curl commands or .jsonl."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (name or "recording")
        path.write_bytes(state.draft.upload)
        state.draft.upload = bytearray()
        report = replay(state.proxy, path)
    state.reports.add(f"replay of {name}", document_of(report))
    renderer.look("Traffic")
    return f"{report.replayed:,} of {plural(report.read, 'request')} replayed"


TRAFFIC: dict[str, PanelAction] = {"report": _report, "compare": _compare, "replay": _replay}
