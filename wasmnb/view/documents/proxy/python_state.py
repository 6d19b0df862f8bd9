"""The document of a filter's Python variables: one row for each different value, with the threads that have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...render.document import Column, Document, DocumentBlock, Paragraph, Row, Table, TextSpan, Title, inline
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import plural

if TYPE_CHECKING:
    from wasmnb.host import PythonState
    from wasmnb.host.inspect.python_state import Variable

__all__ = ["python_state_document", "python_state_html", "python_state_text"]

#: Maximum number of rows of a table.
_SHOWN = 500

_VARIABLES = (Column("where"), Column("name"), Column("value", width=50), Column("threads"), Column("", wrap=False))
_STREAMS = (Column("thread"), Column("stream"), Column("class"), Column("name"), Column("value", width=50))

#: Maximum number of threads that are named in a cell.
_THREADS = 4


def python_state_document(state: PythonState) -> Document:
    """Return a document about `state` with the variables, the attributes of open streams, and the VMs that can't be read."""
    blocks: list[DocumentBlock] = [Title(inline("Python state of ", TextSpan(state.name, "strong"))), _summary(state)]
    variables = [row for variable in state.variables for row in _rows(variable)]
    if variables:
        blocks += _table(_VARIABLES, variables)
    streams = list(_stream_rows(state))
    if streams:
        blocks += _table(_STREAMS, streams)
    blocks += [
        Paragraph(inline(TextSpan(f"VM{vm.number} on {vm.thread} can't be read: {vm.problem}.", "warn")))
        for vm in state.vms
        if vm.problem
    ]
    return Document(tuple(blocks))


def _summary(state: PythonState) -> Paragraph:
    differing = len(state.diverging)
    read = sum(not vm.problem for vm in state.vms)
    if not read:
        return Paragraph(inline(TextSpan("No VM could be read.", "muted")))
    difference = f"{plural(differing, 'variable differs', 'variables differ')} between workers" if differing else ""
    return Paragraph(
        inline(
            f"{plural(read, 'VM')}; ", TextSpan(difference or "all workers agree", "warn" if difference else ""), "."
        )
    )


def _table(columns: tuple[Column, ...], rows: list[Row]) -> Iterator[DocumentBlock]:
    yield Table(columns, tuple(rows[:_SHOWN]), wide=True, cut=60)
    if len(rows) > _SHOWN:
        yield Paragraph(inline(TextSpan(f"… {plural(len(rows) - _SHOWN, 'more row')}", "muted")))


def _rows(variable: Variable) -> Iterator[Row]:
    """Yield a row for each value of a variable. Only the first row contains the owner and the name."""
    for number, (value, threads) in enumerate(variable.values.items()):
        head = (variable.owner, variable.name) if number == 0 else ("", "")
        mark = TextSpan("differs", "badge") if variable.differs and number == 0 else TextSpan("")
        yield Row(
            (
                inline(head[0]),
                inline(TextSpan(head[1], "code")),
                inline(TextSpan(value, "code")),
                _threads(threads),
                inline(mark),
            ),
            "changed" if variable.differs else "",
        )


def _threads(threads: tuple[str, ...]) -> tuple[TextSpan, ...]:
    omitted = len(threads) - _THREADS
    return inline(TextSpan(", ".join(threads[:_THREADS]) + (f" and {omitted} more" if omitted > 0 else ""), "muted"))


def _stream_rows(state: PythonState) -> Iterator[Row]:
    for vm, stream in state.streams:
        for number, (name, value) in enumerate(stream.attributes.items()):
            head = (vm.thread, stream.name, stream.class_name) if number == 0 else ("", "", "")
            yield Row((*map(inline, head), inline(TextSpan(name, "code")), inline(TextSpan(value, "code"))))


def python_state_html(state: PythonState) -> str:
    """Return the document of the Python variables in `state` as HTML."""
    return to_html(python_state_document(state))


def python_state_text(state: PythonState) -> str:
    """Return the document of the Python variables in `state` as text."""
    return to_text(python_state_document(state))
