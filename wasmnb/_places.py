"""Where code lies, by the beginnings of its file names: what tells a user's own lines from all others."""

from __future__ import annotations

import sysconfig
from pathlib import Path

__all__ = ["INSTALLED", "LIBRARY", "MADE", "OURS"]

#: This package.
OURS = str(Path(__file__).parent)

#: The standard library.
LIBRARY = tuple(dict.fromkeys(map(sysconfig.get_path, ("stdlib", "platstdlib"))))

#: Packages that were installed.
INSTALLED = tuple(dict.fromkeys(map(sysconfig.get_path, ("purelib", "platlib"))))

#: Code without a file, that Python or the standard library has made.
MADE = ("<string>", "<frozen ")
