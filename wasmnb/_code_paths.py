"""Path prefixes of code that isn't the user's, for recognising its frames in tracebacks."""

from __future__ import annotations

import sysconfig
from pathlib import Path

__all__ = ["GENERATED", "INSTALLED", "PACKAGE", "STDLIB"]

#: This package.
PACKAGE = str(Path(__file__).parent)

#: The standard library.
STDLIB = tuple(dict.fromkeys(map(sysconfig.get_path, ("stdlib", "platstdlib"))))

#: Installed packages.
INSTALLED = tuple(dict.fromkeys(map(sysconfig.get_path, ("purelib", "platlib"))))

#: Code without a file, which Python or the standard library generated.
GENERATED = ("<string>", "<frozen ")
