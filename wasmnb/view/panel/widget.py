"""The widget of the panel: traits with all displayed data, and messages for the user's actions.

It is an anywidget, so it can be nested in boxes, and its traits are saved with the notebook. It is filled by `Panel`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from wasmnb.errors import BuildError

from .script import is_current

__all__ = ["PanelWidget", "read_script"]

_HERE = Path(__file__).parent

#: Function that is called with the name and the values of an action. `values["buffers"]` contains attached files.
OnAction = Callable[[str, dict[str, Any]], None]


def read_script(folder: Path = _HERE) -> str:
    """Return the script of the panel.

    Raises
    ------
    BuildError
        In a clone of the repository, the script is missing, or the modules have changed since it was made.
    """
    if not is_current(folder):
        state = "is older than the modules in js/" if (folder / "panel.js").is_file() else "doesn't exist"
        raise BuildError(
            f"{folder / 'panel.js'} {state}, so the panel can't be displayed. Run `make panel` in the clone of wasmnb; "
            "without make, run `pip install tree-sitter tree-sitter-javascript` and `python -m panel_build`."
        )
    return (folder / "panel.js").read_text("utf-8")


class PanelWidget(anywidget.AnyWidget):
    """The widget of a panel. Its traits contain the displayed data as JSON.

    Parameters
    ----------
    on_action
        Function that is called with the name and the values of each action of the user. `values["buffers"]` contains attached
        files.
    """

    _esm = traitlets.Unicode().tag(sync=True)
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
    reports = traitlets.Dict().tag(sync=True)
    start = traitlets.Dict().tag(sync=True)
    module = traitlets.Dict().tag(sync=True)
    notice = traitlets.Dict().tag(sync=True)

    def __init__(self, on_action: OnAction, **values: Any) -> None:
        super().__init__(_esm=read_script(), **values)
        self._on_action = on_action
        self.on_msg(self.receive)

    def receive(self, _widget: Any, content: Any, buffers: Sequence[Any]) -> None:
        """Handle a message of the front end. Messages that aren't actions are ignored.

        Parameters
        ----------
        content
            The message: `action`, the name of the action, and its values.
        buffers
            Attached files.
        """
        if isinstance(content, dict) and isinstance(content.get("action"), str):
            values = {k: v for k, v in content.items() if k != "action"}
            self._on_action(content["action"], {**values, "buffers": [bytes(buffer) for buffer in buffers or ()]})

    def send_done(self) -> None:
        """Notify the front end that an action has ended."""
        self.send({"kind": "done"})

    def send_changed_rows(self, rows: Sequence[str], *, total: int, version: int) -> None:
        """Send rows that are new or have changed. The front end merges them into its list.

        Parameters
        ----------
        rows
            The rows as JSON text.
        total
            Number of all exchanges of the proxy.
        version
            Version of the filter, counted from 0.
        """
        self.send({"kind": "rows", "total": total, "version": version, "text": f"[{','.join(rows)}]"})

    def send_form(self, values: dict[str, Any]) -> None:
        """Fill the fields of the request form with values."""
        self.send({"kind": "form", **values})

    def send_file(self, name: str, kind: str, *, text: str | None = None, base64: str | None = None) -> None:
        """Send a file to the browser, which saves it.

        Parameters
        ----------
        name
            Name of the file.
        kind
            MIME type of the file.
        text, base64
            Contents of the file, as text or base64. Exactly one of them must be set.
        """
        content = {"kind": "file", "name": name, "type": kind}
        self.send({**content, "text": text} if text is not None else {**content, "base64": base64})
