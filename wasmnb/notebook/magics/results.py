"""What the magics return when the host's own object is a plain list or dict: the same data, and able to show itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wasmnb.view import log_document, to_html, to_text, trace_document
from wasmnb.view.render.document import Document

__all__ = ["Log", "Trace"]


class _Shown:
    """Adds the two forms to a collection that has a `document`."""

    def document(self) -> Document:
        """The collection as a document."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        document = self.document()
        return {"text/html": to_html(document), "text/plain": to_text(document)}

    def __repr__(self) -> str:
        return to_text(self.document())


class Log(_Shown, list[Any]):
    """Lines of a proxy's log."""

    __repr__ = _Shown.__repr__

    def document(self) -> Document:
        """A table of the newest lines."""
        return log_document(self)


class Trace(_Shown, list[Any]):
    """Events of a proxy's trace, and how many of them a full trace dropped."""

    __repr__ = _Shown.__repr__

    def __init__(self, events: Iterable[Any], dropped: int = 0) -> None:
        super().__init__(events)
        self.dropped = dropped

    def document(self) -> Document:
        """Callbacks with the hostcalls inside them."""
        return trace_document(self, dropped=self.dropped)
