"""The origin of a class: the namespace and the sources of its module. In a notebook, the sources are the cells
that have run.
"""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ast_statements import SourceText

__all__ = ["Origin", "origin_of"]


@dataclass(frozen=True)
class Origin:
    """The module or notebook in which a class is defined, with its sources.

    Attributes
    ----------
    name
        Name of the module in `sys.modules`.
    namespace
        Variables of the module.
    texts
        Sources in the order in which they ran: the file of the module, or the cells of the notebook.
    package
        Package from which relative imports start, or ''.
    path
        Folders of the modules that the sources import.
    """

    name: str
    namespace: dict[str, Any]
    texts: tuple[SourceText, ...]
    package: str
    path: tuple[Path, ...]

    def text(self, filename: str) -> SourceText | None:
        """Return the source whose code objects contain this file name, or None."""
        return next((t for t in self.texts if t.filename == filename), None)


def origin_of(module_name: str, filename: str, namespace: dict[str, Any] | None = None) -> Origin:
    """Return the namespace, sources and folders of a module or notebook. Sources that can't be found are omitted.

    Parameters
    ----------
    module_name
        Name of the module in `sys.modules`, which is `__main__` for a notebook.
    filename
        File name of an additional source, such as the cell that is running.
    namespace
        Variables of the module. By default (None), they are read from the module in `sys.modules`.
    """
    if namespace is None:
        namespace = vars(sys.modules[module_name]) if module_name in sys.modules else {}
    names = _cells(namespace) or {name: name for name in (namespace.get("__file__"),) if name}
    names.setdefault(filename, filename)
    texts: list[SourceText] = []
    for name, display_name in names.items():
        lines = linecache.getlines(name, namespace)
        if lines:
            texts.append(SourceText(name, "".join(lines), len(texts), display_name))
    package = namespace.get("__package__") or ""
    return Origin(module_name, namespace, tuple(texts), package, _path(namespace, package))


def _cells(namespace: dict[str, Any]) -> dict[str, str]:
    """Return the file names of cells that have run in IPython, in order, and the names that are shown to users.

    The names for users don't contain a process id, which wouldn't be useful in Envoy's log.
    """
    if "IPython" not in sys.modules:
        return {}
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or shell.user_ns is not namespace:
        return {}
    cells = []
    for name in list(linecache.cache):
        label = shell.compile.format_code_name(name)
        if label:
            number = "".join(c for c in label[1] if c.isdigit())
            cells.append((int(number or 0), name, " ".join(label)))
    return {name: display_name for _, name, display_name in sorted(cells)}


def _path(namespace: dict[str, Any], package: str) -> tuple[Path, ...]:
    """Return the folder of a script or module, the parent folder of a package, or else the current folder."""
    file = namespace.get("__file__")
    if not file:
        return (Path(),)
    folder = Path(file).parent
    parts = tuple(package.split(".")) if package else ()
    if parts and folder.resolve().parts[-len(parts) :] == parts:
        return (folder.resolve().parents[len(parts) - 1],)
    return (folder,)
