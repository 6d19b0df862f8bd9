"""Where a class comes from: its module's namespace and every source that filled it, the cells of a notebook in order."""

from __future__ import annotations

import linecache
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .ast_statements import Text

__all__ = ["Origin", "origin_of"]


@dataclass(frozen=True)
class Origin:
    """A module as it stands.

    Attributes
    ----------
    name
        Its name in `sys.modules`.
    namespace
        Its variables.
    texts
        Its sources in the order in which they ran.
    package
        The package that its relative imports start from; empty if it is in none.
    path
        Folders in which modules lie that it imports.
    """

    name: str
    namespace: dict[str, Any]
    texts: tuple[Text, ...]
    package: str
    path: tuple[Path, ...]

    def text(self, filename: str) -> Text | None:
        """The source whose code objects have this name."""
        return next((t for t in self.texts if t.filename == filename), None)


def origin_of(module_name: str, filename: str, namespace: dict[str, Any] | None = None) -> Origin:
    """The module of this name.

    Parameters
    ----------
    filename
        A source that belongs to it in any case, by the name that its code objects have.
    namespace
        Its variables, if they are at hand.
    """
    if namespace is None:
        namespace = vars(sys.modules[module_name]) if module_name in sys.modules else {}
    names = _cells(namespace) or {name: name for name in (namespace.get("__file__"),) if name}
    names.setdefault(filename, filename)
    texts: list[Text] = []
    for name, shown in names.items():
        lines = linecache.getlines(name, namespace)
        if lines:
            texts.append(Text(name, "".join(lines), len(texts), shown))
    package = namespace.get("__package__") or ""
    return Origin(module_name, namespace, tuple(texts), package, _path(namespace, package))


def _cells(namespace: dict[str, Any]) -> dict[str, str]:
    """IPython's cells that have run, the last one last: the name of a cell's code, and what people call it.

    The code's name has the number of this process in it, which is no good in Envoy's log.
    """
    if "IPython" not in sys.modules:
        return {}
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or shell.user_ns is not namespace:
        return {}
    found = []
    for name in list(linecache.cache):
        known = shell.compile.format_code_name(name)
        if known:
            number = "".join(c for c in known[1] if c.isdigit())
            found.append((int(number or 0), name, " ".join(known)))
    return {name: shown for _, name, shown in sorted(found)}


def _path(namespace: dict[str, Any], package: str) -> tuple[Path, ...]:
    """The folder of a script or module; of a package, the one that the top-level package lies in; else where we are."""
    file = namespace.get("__file__")
    if not file:
        return (Path(),)
    folder = Path(file).parent
    parts = tuple(package.split(".")) if package else ()
    if parts and folder.resolve().parts[-len(parts) :] == parts:
        return (folder.resolve().parents[len(parts) - 1],)
    return (folder,)
