"""The script of the panel: `panel.js`, which `panel_build` in the repository makes from the modules in `js/`.

This module imports nothing of wasmnb, so that `panel_build` can run it before wasmnb is installed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["first_line", "is_current"]


def first_line(sources: Path) -> str:
    """Return the first line of the script, which contains a digest of its sources.

    Parameters
    ----------
    sources
        Folder of the modules.
    """
    digest = hashlib.sha256()
    for file in sorted(sources.rglob("*.js")):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(sources).as_posix()} {len(content)}\n".encode() + content)
    return f"// Made from js/ by `make panel`. Sources: {digest.hexdigest()}"


def is_current(folder: Path) -> bool:
    """Return whether the script exists and has been made from the modules as they are now. An installed wheel has no modules.

    Parameters
    ----------
    folder
        Folder that contains `panel.js`, and `js/` in a clone of the repository.
    """
    script, sources = folder / "panel.js", folder / "js"
    if not script.is_file():
        return False
    with script.open(encoding="utf-8") as file:
        return not sources.is_dir() or file.readline().rstrip("\n") == first_line(sources)
