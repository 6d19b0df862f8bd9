"""Colours and sizes. They are CSS variables of JupyterLab or VS Code, with fallbacks for light and dark backgrounds.

Front ends that remove inline styles (GitHub, untrusted notebooks) still show signs, text, tables and lists.
"""

from __future__ import annotations

from .document import Role

__all__ = ["MONO", "ROLE_STYLES", "ROW_STYLES", "STYLES"]

MONO = "font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,Menlo,Consolas,monospace))"
_TEXT = "var(--jp-ui-font-color1,var(--vscode-foreground,inherit))"
_MUTED = "var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#808080))"
_LINE = "var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.35)))"
_PANE = "var(--jp-layout-color2,rgba(128,128,128,.12))"
_GREEN = "var(--jp-success-color1,#2c9a4b)"
_RED = "var(--jp-error-color1,#d9403a)"
_AMBER = "var(--jp-warn-color1,#c27803)"

#: Role of a span -> its inline style.
ROLE_STYLES: dict[Role, str] = {
    "strong": "font-weight:600",
    "muted": f"color:{_MUTED}",
    "code": f"{MONO};font-size:.95em",
    "badge": f"background:{_PANE};border-radius:3px;padding:0 .4em;font-size:.9em;white-space:nowrap",
    "added": f"color:{_GREEN};font-weight:600",
    "removed": f"color:{_RED};font-weight:600",
    "changed": f"color:{_AMBER};font-weight:600",
    "good": f"color:{_GREEN}",
    "warn": f"color:{_AMBER};font-weight:600",
    "bad": f"color:{_RED};font-weight:600",
}

#: Role of a row -> its inline style. The colours are transparent, so that they suit light and dark themes.
ROW_STYLES: dict[Role, str] = {
    "added": "background:rgba(44,154,75,.13)",
    "removed": "background:rgba(217,64,58,.12)",
    "changed": "background:rgba(214,143,16,.14)",
    "good": "background:rgba(44,154,75,.10)",
    "warn": "background:rgba(214,143,16,.12)",
    "bad": "background:rgba(217,64,58,.12)",
    "": "background:transparent",  # overrides striped rows of front ends, which could be mistaken for roles
}

#: Other element -> its inline style.
STYLES: dict[str, str] = {
    "frame": f"color:{_TEXT};font-size:var(--jp-ui-font-size1,13px);line-height:1.5;max-width:72em;padding:2px 0 4px",
    "title": f"margin:0 0 .5em;padding:0 0 .3em;border-bottom:1px solid {_LINE}",
    "paragraph": "margin:.35em 0",
    "table": "border-collapse:collapse;margin:.4em 0 .8em 0;font-size:inherit;table-layout:auto;color:inherit",
    "th": f"padding:.25em .8em .25em .2em;border:0;border-bottom:1px solid {_LINE};color:{_MUTED};font-weight:600;"
    "white-space:nowrap;vertical-align:bottom;background:transparent",
    "td": "padding:.15em .8em .15em .2em;border:0;vertical-align:top;background:transparent;max-width:none",
    "ul": f"list-style:none;margin:0 0 0 .45em;padding:0 0 0 .9em;border-left:1px solid {_LINE}",
    "ul-root": "list-style:none;margin:.2em 0;padding:0",
    "li": "margin:.12em 0",
    "leaf": "padding-left:1em",
    "summary": "cursor:pointer",
    "fold": "margin:.3em 0 .5em",
    "pre": f"{MONO};font-size:.92em;line-height:1.4;background:rgba(128,128,128,.1);color:{_TEXT};border-radius:4px;"
    "margin:.35em 0;padding:.5em .7em;white-space:pre-wrap;overflow-wrap:anywhere;max-height:28em;overflow:auto",
    "unwrapped": ";white-space:pre;overflow-wrap:normal",
    "scrolled": ";white-space:pre;overflow-wrap:normal;overflow-x:auto;max-width:52em",
    "lines": f"{MONO};font-size:.92em;line-height:1.4;background:transparent;color:inherit;margin:0;padding:0;"
    "white-space:pre-wrap;overflow-wrap:anywhere",
    "img": "display:block;max-width:100%;height:auto;margin:.4em 0",
}
