"""Lists and strings that magics return, with HTML and text forms that notebooks display."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wasmnb.errors import UsageError
from wasmnb.view import log_document, to_html, to_text, trace_document
from wasmnb.view.render.document import CodeBlock, Document

__all__ = ["LogResult", "PythonCode", "TraceResult", "save_text"]


class _Displayable:
    """Mixin that displays the `document` of a collection as HTML or text."""

    def document(self) -> Document:
        """Return the document to display."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        document = self.document()
        return {"text/html": to_html(document), "text/plain": to_text(document)}

    def __repr__(self) -> str:
        return to_text(self.document())


class LogResult(_Displayable, list[Any]):
    """Log lines of a proxy, displayed as a table."""

    __repr__ = _Displayable.__repr__

    def document(self) -> Document:
        """Return a table of the most recent lines."""
        return log_document(self)


class TraceResult(_Displayable, list[Any]):
    """Events of a proxy's trace, displayed as callbacks with their hostcalls.

    Parameters
    ----------
    events
        Events of the trace.
    dropped
        Number of older events that the trace has discarded (default 0).
    """

    __repr__ = _Displayable.__repr__

    def __init__(self, events: Iterable[Any], dropped: int = 0) -> None:
        super().__init__(events)
        self.dropped = dropped

    def document(self) -> Document:
        """Return a list of the callbacks, with the hostcalls inside each of them."""
        return trace_document(self, dropped=self.dropped)


class PythonCode(_Displayable, str):
    """Python code, displayed with its line breaks instead of as a quoted string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def document(self) -> Document:
        """Return a document that contains the code unchanged."""
        return Document((CodeBlock(str(self)),))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": to_html(self.document()), "text/plain": str(self)}


def save_text(path: str, text: str) -> None:
    """Write text to a file. Missing folders are created.

    Raises
    ------
    UsageError
        The file can't be written.
    """
    target = Path(path).expanduser()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The file {path!r} can't be written: {error.strerror or error}. Choose another path."
        ) from None
