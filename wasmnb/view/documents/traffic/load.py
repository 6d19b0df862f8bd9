"""The document of a load run: statuses, and the latencies of requests and callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...render.document import Document, inline
from ...render.units import plural
from .histogram import series_of
from .latency import latency_document

if TYPE_CHECKING:
    from wasmnb.traffic import LoadReport

__all__ = ["load_document"]


def load_document(report: LoadReport) -> Document:
    """Return a document with a description of the load, and histograms and a table of the latencies."""
    harness = (("empty callback", report.harness.callback_ns), ("empty hostcall", report.harness.hostcall_ns))
    title = f"{plural(report.count, report.unit)} through {report.name}"
    return latency_document([series_of(d) for d in report.distributions], harness, inline(title), _notes(report))


def _notes(report: LoadReport) -> list[str]:
    arrivals = "one at a time on each worker" if report.rate is None else f"{report.rate:g} per second at random times"
    responses = ", ".join(f"{n:,} x {status or 'closed'}" for status, n in sorted(report.statuses.items(), key=str))
    noun = "Responses" if report.unit == "request" else "States"
    notes = [
        f"{plural(report.workers, 'worker')}; {arrivals}. {noun}: {responses or 'none'}.",
        (
            f"{report.unit}: from arrival to end on the virtual clock, including waiting; filter: time in the module per "
            f"{report.unit}; "
            "others: time in each callback without its hostcalls."
        ),
    ]
    if report.failed:
        notes.append(f"A filter failed in {plural(report.failed, report.unit)}: see report.failures.")
    if report.interrupted:
        notes.append("Interrupted. These are the measurements so far.")
    return notes
