"""Path prefixes of library code. Tracebacks use them to tell library frames from the user's frames."""

from __future__ import annotations

import sysconfig
from pathlib import Path

__all__ = ["GENERATED", "INSTALLED", "PACKAGE", "STDLIB"]

#: Folder of this package.
PACKAGE = str(Path(__file__).parent)

#: Folders of the standard library.
STDLIB = tuple(dict.fromkeys(map(sysconfig.get_path, ("stdlib", "platstdlib"))))

#: Folders of installed packages.
INSTALLED = tuple(dict.fromkeys(map(sysconfig.get_path, ("purelib", "platlib"))))

#: Prefixes of the file names that Python sets for generated code and frozen modules.
GENERATED = ("<string>", "<frozen ")
