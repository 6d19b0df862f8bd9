"""The document of a forecast: the CPU time and memory that Envoy needs to load a filter, predicted and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ...render.document import Column, Document, Paragraph, Row, Table, TextSpan, Title, inline
from ...render.units import plural, size

if TYPE_CHECKING:
    from wasmnb.envoy.start_cost.forecast import Forecast, StartCost

__all__ = ["forecast_document"]

#: Title of a row, and the function that formats its values.
_ROWS: tuple[tuple[str, Callable[[StartCost], str]], ...] = (
    ("CPU until ready", lambda cost: f"{cost.cpu:.2f} s"),
    ("memory when ready", lambda cost: size(cost.memory)),
    ("memory some seconds later", lambda cost: size(cost.settled)),
)

_LATER = "Some seconds later, memory_allocator_manager has returned the memory that compiling freed; exported configurations enable it."


def forecast_document(forecast: Forecast) -> Document:
    """Return a document with the module's sizes, and a table that compares the costs with an Envoy without filters."""
    facts = forecast.module
    title = Title(
        inline(TextSpan(forecast.name, "strong"), f" at Envoy's start with {plural(forecast.workers, 'worker')}")
    )
    text = (
        f"{size(facts.file)}, {size(facts.code)} of code in {plural(facts.functions, 'function')}, "
        f"{size(facts.memory)} of memory in each VM. In addition to an Envoy without filters:"
    )
    return Document((title, Paragraph(inline(TextSpan(text, "muted"))), _table(forecast), *_notes(forecast)))


def _table(forecast: Forecast) -> Table:
    costs = [("predicted", forecast.predicted)]
    if forecast.measured is not None:
        costs.append(("measured here", forecast.measured))
    columns = (Column(""), *(Column(name, "right", wrap=False) for name, _ in costs))
    rows = [Row((inline(name), *(inline(text(cost)) for _, cost in costs))) for name, text in _ROWS]
    rows.append(
        Row((inline("each further worker"), inline(size(forecast.further_worker)), *[inline()] * (len(costs) - 1)))
    )
    return Table(columns, tuple(rows))


def _notes(forecast: Forecast) -> Iterator[Paragraph]:
    yield Paragraph(inline(TextSpan(_LATER, "muted")))
    if forecast.reason:
        yield Paragraph(inline(TextSpan(f"Not measured: {forecast.reason}", "muted")))
