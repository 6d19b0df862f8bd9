"""Join an ES module and the modules that it imports into one, because an anywidget loads a single file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from .module import Module, read_module

__all__ = ["join", "unused_exports"]


def join(entry: Path) -> str:
    """Join an ES module and all modules that it imports, and return the source of the resulting module.

    Each module becomes a function with its own scope that returns the module's exports. An importing module receives the values
    of the imported names, so only constants, functions and classes can be exported.

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
    modules = _Modules(entry)
    result = modules.constants[modules.entry]
    if "default" not in modules.exports[modules.entry]:
        raise ValueError(f"{modules.modules[modules.entry].label} has no default export.")
    scopes = [modules.scope(path) for path in modules.modules]
    return "\n".join([*scopes, f"export default {result}.default;\n"])


def unused_exports(entry: Path) -> list[str]:
    """Return the exports that no module imports, as `file: name`. The exports of `entry` are for its user."""
    modules = _Modules(entry)
    used: set[tuple[Path, str]] = set()
    for path, module in modules.modules.items():
        for reference, name in [*module.imports.values(), *module.forwarded.values()]:
            target = modules.target(path, reference)
            used.update((target, exported) for exported in (modules.exports[target] if name == "*" else [name]))
    every = ((path, name) for path, names in modules.exports.items() if path != modules.entry for name in names)
    return [f"{modules.modules[path].label}: {name}" for path, name in every if (path, name) not in used]


class _Modules:
    """A module and the modules that it imports. Each module comes after the modules that it imports."""

    def __init__(self, entry: Path) -> None:
        self.entry = entry.resolve()
        self.folder = self.entry.parent
        self.modules: dict[Path, Module] = {}
        #: Path -> exported name -> expression of its value inside the module's function.
        self.exports: dict[Path, dict[str, str]] = {}
        self._add(self.entry, ())
        identifiers = set().union(*(module.identifiers for module in self.modules.values()))
        prefix = "module"
        while any(re.fullmatch(rf"{prefix}\d+", name) for name in identifiers):
            prefix += "_"
        #: Path -> name of the constant with the module's exports.
        self.constants = {path: f"{prefix}{number}" for number, path in enumerate(self.modules)}

    def target(self, path: Path, reference: str) -> Path:
        """Return the path of a module that the module at `path` imports."""
        return (path.parent / reference).resolve()

    def scope(self, path: Path) -> str:
        """Return the definition of the constant with a module's exports."""
        module = self.modules[path]
        exports = ["__proto__: null", *(self._export(path, name, value) for name, value in self.exports[path].items())]
        head = [f"// {module.label}", f"const {self.constants[path]} = (() => {{"]
        tail = [f"return Object.freeze({{ {', '.join(exports)} }});", "})();"]
        return "\n".join([*head, *self._imports(path), module.body, *tail])

    def _imports(self, path: Path) -> Iterator[str]:
        """Yield statements that declare the imported names."""
        names: dict[str, list[str]] = {}
        for local, (reference, name) in self.modules[path].imports.items():
            if name == "*":
                yield f"const {local} = {self._constant(path, reference)};"
            else:
                names.setdefault(reference, []).append(_property(name, local))
        for reference, properties in names.items():
            yield f"const {{ {', '.join(properties)} }} = {self._constant(path, reference)};"

    def _add(self, path: Path, importers: tuple[Path, ...]) -> None:
        if path in importers:
            cycle = " -> ".join(self._label(p) for p in (*importers[importers.index(path) :], path))
            raise ValueError(f"JavaScript modules import each other in a circle: {cycle}. Remove one of these imports.")
        if path in self.modules:
            return
        module = read_module(self._label(path), path.read_bytes())
        for reference in module.references:
            self._add(self.target(path, reference), (*importers, path))
        for reference, name in [*module.imports.values(), *module.forwarded.values()]:
            if name not in {"*", *self.exports[self.target(path, reference)]}:
                raise ValueError(f"{module.label} imports {name}, but {reference} doesn't export it.")
        self.modules[path] = module
        self.exports[path] = self._all_exports(path, module)

    def _all_exports(self, path: Path, module: Module) -> dict[str, str]:
        """Return the exports of a module, those of `export *` included. The values are local names or references."""
        exports = dict(module.exports) | dict.fromkeys(module.forwarded, "")
        from_stars: dict[str, str] = {}
        for star in module.stars:
            for name in self.exports[self.target(path, star)].keys() - {"default", *exports}:
                if from_stars.setdefault(name, star) != star:
                    raise ValueError(f"{module.label} exports {name} of two modules: {from_stars[name]} and {star}.")
        module.forwarded.update((name, (star, name)) for name, star in sorted(from_stars.items()))
        return exports | dict.fromkeys(from_stars, "")

    def _export(self, path: Path, name: str, local: str) -> str:
        if not local:
            reference, there = self.modules[path].forwarded[name]
            constant = self._constant(path, reference)
            local = constant if there == "*" else f"{constant}[{json.dumps(there)}]"
        return _property(name, local)

    def _constant(self, path: Path, reference: str) -> str:
        return self.constants[self.target(path, reference)]

    def _label(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def _property(name: str, value: str) -> str:
    """Return a property of an object or pattern. Names that aren't identifiers are strings; `__proto__` mustn't set the prototype."""
    if name == value and name != "__proto__":
        return name
    return f"{name if name.isidentifier() and name != '__proto__' else f'[{json.dumps(name)}]'}: {value}"
