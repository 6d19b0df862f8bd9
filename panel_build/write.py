"""Write the joined module, with the digest of its sources in the first line."""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["PANEL", "is_current", "joined", "write"]

PANEL = Path(__file__).parents[1] / "wasmnb" / "view" / "panel"


def joined() -> str:
    """Return the contents of `panel.js`, made from the modules in `js/`."""
    from .join import join  # loads the parser, which `is_current` doesn't need

    return f"{_script()['first_line'](PANEL / 'js')}\n{join(PANEL / 'js' / 'index.js')}"


def is_current() -> bool:
    """Return whether `panel.js` exists and has been made from the modules as they are now."""
    return bool(_script()["is_current"](PANEL))


def write() -> Path:
    """Write `panel.js`. Processes that do this at the same time don't disturb each other.

    Returns
    -------
    pathlib.Path
        The file.
    """
    text = joined()
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=PANEL, prefix=".panel-", suffix=".js", delete=False
    ) as file:
        file.write(text)
    temporary = Path(file.name)
    temporary.chmod(0o644)
    return temporary.replace(PANEL / "panel.js")


def _script() -> dict[str, Any]:
    """Run the module that reads `panel.js` on its own, because wasmnb's dependencies aren't installed during the installation."""
    return runpy.run_path(str(PANEL / "script.py"))
