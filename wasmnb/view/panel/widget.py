"""The widget itself: traits that hold what is shown, and one message a wish.

It is an anywidget, so an ipywidget: it nests in boxes, works where those work, and its traits are saved with the
notebook. It knows nothing of proxies; `Panel` fills it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["PanelWidget"]

_HERE = Path(__file__).parent


class PanelWidget(anywidget.AnyWidget):
    """Traits as JSON; see `snapshot` for what they hold.

    Parameters
    ----------
    on_wish
        Called with what the user asked for: the name of the wish and its values.
    """

    _esm = _HERE / "panel.js"
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
    shared = traitlets.Dict().tag(sync=True)
    module = traitlets.Dict().tag(sync=True)
    notice = traitlets.Dict().tag(sync=True)

    def __init__(self, on_wish: Callable[[str, dict[str, Any]], None], **values: Any) -> None:
        super().__init__(**values)
        self._on_wish = on_wish
        self.on_msg(self._take)

    def _take(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(content.get("wish"), str):
            self._on_wish(content["wish"], {k: v for k, v in content.items() if k != "wish"})

    def give_file(self, name: str, kind: str, *, text: str | None = None, base64: str | None = None) -> None:
        """Have the browser offer a file for download."""
        content = {"kind": "file", "name": name, "type": kind}
        self.send({**content, "text": text} if text is not None else {**content, "base64": base64})
