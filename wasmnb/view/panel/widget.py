"""The widget itself: traits that hold what is shown, and one message a wish.

It is an anywidget, so an ipywidget: it nests in boxes, works where those work, and its traits are saved with the
notebook. It knows nothing of proxies; `Panel` fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["SCRIPTS", "PanelWidget", "script"]

_HERE = Path(__file__).parent

#: The parts of the front-end, each for one idea, in the order in which they build on each other.
SCRIPTS = (
    "nodes", "units", "rows", "tree", "bodies", "detail", "exchanges", "lanes", "timeline", "latency", "state", "log",
    "module", "form", "controls", "panel",
)  # fmt: skip

#: Wish, its values, and what was attached to it.
OnWish = Callable[[str, dict[str, Any]], None]


def script() -> str:
    """The front-end as one module: an anywidget is one, and needs no build step for that."""
    return "\n".join((_HERE / "js" / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


class PanelWidget(anywidget.AnyWidget):
    """Traits as JSON; see `snapshot` for what they hold.

    Parameters
    ----------
    on_wish
        Called with what the user asked for: the name of the wish and its values; what was attached is `buffers`.
    """

    _esm = script()
    _css = _HERE / "panel.css"

    head = traitlets.Dict().tag(sync=True)
    tree = traitlets.Dict().tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    detail = traitlets.Dict().tag(sync=True)
    before = traitlets.Dict().tag(sync=True)
    picked = traitlets.Int(None, allow_none=True).tag(sync=True)
    log = traitlets.Dict().tag(sync=True)
    latency = traitlets.Dict().tag(sync=True)
    baseline = traitlets.Dict().tag(sync=True)
    lanes = traitlets.Dict().tag(sync=True)
    event = traitlets.Dict().tag(sync=True)
    python = traitlets.Dict().tag(sync=True)
    shared = traitlets.Dict().tag(sync=True)
    module = traitlets.Dict().tag(sync=True)
    notice = traitlets.Dict().tag(sync=True)

    def __init__(self, on_wish: OnWish, **values: Any) -> None:
        super().__init__(**values)
        self._on_wish = on_wish
        self.on_msg(self._take)

    def _take(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        if isinstance(content, dict) and isinstance(content.get("wish"), str):
            values = {k: v for k, v in content.items() if k != "wish"}
            self._on_wish(content["wish"], {**values, "buffers": [bytes(buffer) for buffer in buffers or ()]})

    def give_answer(self) -> None:
        """Tell the front-end that what it asked for has been done, well or badly."""
        self.send({"kind": "done"})

    def give_rows(self, news: Sequence[str], *, total: int, version: int) -> None:
        """Tell of rows that are new or have changed; the front-end puts them among those that it has."""
        self.send({"kind": "rows", "total": total, "version": version, "text": f"[{','.join(news)}]"})

    def give_form(self, values: dict[str, Any]) -> None:
        """Fill the form that requests are sent with."""
        self.send({"kind": "form", **values})

    def give_file(self, name: str, kind: str, *, text: str | None = None, base64: str | None = None) -> None:
        """Have the browser offer a file for download."""
        content = {"kind": "file", "name": name, "type": kind}
        self.send({**content, "text": text} if text is not None else {**content, "base64": base64})
