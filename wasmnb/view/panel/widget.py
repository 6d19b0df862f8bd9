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

from .bundle import bundle

__all__ = ["PanelWidget"]

_HERE = Path(__file__).parent

#: Receives an action of the user: its name and its values. Attached files are `values["buffers"]`.
OnAction = Callable[[str, dict[str, Any]], None]


class PanelWidget(anywidget.AnyWidget):
    """Traits as JSON; see `snapshot` for what they hold.

    Parameters
    ----------
    on_action
        Called with each action of the user: its name and its values; attached files are `values["buffers"]`.
    """

    _esm = bundle(_HERE / "js" / "index.js")
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

    def __init__(self, on_action: OnAction, **values: Any) -> None:
        super().__init__(**values)
        self._on_action = on_action
        self.on_msg(self._take)

    def _take(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        if isinstance(content, dict) and isinstance(content.get("action"), str):
            values = {k: v for k, v in content.items() if k != "action"}
            self._on_action(content["action"], {**values, "buffers": [bytes(buffer) for buffer in buffers or ()]})

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
