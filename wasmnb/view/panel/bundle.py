"""Join the ES modules in `js/` into one module, because an anywidget loads a single file.

Each module becomes a function with its own scope that returns its exports, and each import becomes a reference to such a
result. Only the forms of import and export that `js/` uses are supported, and others are rejected:

    import { name, other as alias } from "./file.js";
    export function name   export async function name   export class name   export const name   export default value
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["bundle"]

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]*)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_ALIAS = re.compile(r"(\w+)(?: as (\w+))?")


def bundle(entry: Path) -> str:
    """Join an ES module and all modules that it imports, and return the source of the resulting module.

    Parameters
    ----------
    entry
        File of the module with the default export.

    Returns
    -------
    str
        A module without imports, with the default export of `entry`.

    Raises
    ------
    ValueError
        Modules import each other in a circle, an imported name isn't exported, or a statement has an unsupported form.
    OSError
        A module can't be read.
    """
    modules = _Modules(entry.parent.resolve())
    result = modules.add(entry.resolve(), ())
    return "\n".join([*modules.sources, f"export default {result}.default;\n"])


class _Modules:
    """The modules that have been read. Each module comes after the modules that it imports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources: list[str] = []
        self.exports: dict[Path, frozenset[str]] = {}
        self.names: dict[Path, str] = {}

    def add(self, path: Path, importers: tuple[Path, ...]) -> str:
        """Read a module and the modules that it imports. Returns the name of the constant with the module's exports."""
        if path in importers:
            cycle = " -> ".join(self._label(p) for p in (*importers[importers.index(path) :], path))
            raise ValueError(f"JavaScript modules import each other in a circle: {cycle}. Remove one of these imports.")
        if path not in self.names:
            source = path.read_text("utf-8")
            imports = list(self._imports(source, path, importers))
            self.exports[path] = frozenset(_exports(source))
            self.names[path] = f"module{len(self.names)}"
            self.sources.append(self._scope(path, _IMPORT.sub("", source), imports))
        return self.names[path]

    def _imports(self, source: str, path: Path, importers: tuple[Path, ...]) -> Iterator[str]:
        """Yield the `const` statements that replace the imports."""
        for names, reference in _IMPORT.findall(source):
            imported = (path.parent / reference).resolve()
            module = self.add(imported, (*importers, path))
            pairs = _ALIAS.findall(names)
            for name, _ in pairs:
                if name not in self.exports[imported]:
                    raise ValueError(f"{self._label(path)} imports {name}, but {reference} doesn't export it.")
            yield f"const {{ {', '.join(f'{name}: {alias or name}' for name, alias in pairs)} }} = {module};"

    def _scope(self, path: Path, source: str, imports: list[str]) -> str:
        """Wrap the source of a module in a function that returns the module's exports."""
        body = _DEFAULT.sub("const $default = ", _EXPORT.sub(r"\1 \2", source))
        unknown = _OTHER.search(body)
        if unknown is not None:
            raise ValueError(f"{self._label(path)} contains an unsupported form of import or export: {unknown[0]}")
        exports = ", ".join(f"{name}: $default" if name == "default" else name for name in sorted(self.exports[path]))
        head = f"// {self._label(path)}\nconst {self.names[path]} = (() => {{"
        return "\n".join([head, *imports, body.strip(), f"return {{ {exports} }};", "})();"])

    def _label(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def _exports(source: str) -> Iterator[str]:
    yield from (name for _, name in _EXPORT.findall(source))
    if _DEFAULT.search(source):
        yield "default"
