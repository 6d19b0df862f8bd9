"""Modules that belong to a filter: imported by name, from text that came along with the source.

Facts: inside Wasm there is no file system, and one interpreter is one VM, so that the modules have their plain names.
Where VMs share an interpreter, each has its own copies; whoever runs the VMs puts them in place while a callback runs.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from .parts import LocalModule
from .source_cache import compiled, remember

__all__ = ["LocalModules"]


class LocalModules:
    """Finder and loader of a filter's own modules.

    Parameters
    ----------
    modules
        What there is.
    namespace
        What every namespace of the filter starts with, beside what Python puts there.
    """

    def __init__(self, modules: Sequence[LocalModule], namespace: Mapping[str, Any] | None = None) -> None:
        self.namespace = dict(namespace or {})
        self._modules = {m.name: m for m in modules}
        self._codes: dict[str, CodeType] = {}

    def install(self) -> None:
        """Have `import` find them, before anything else of the same name."""
        if self._modules:
            sys.meta_path.insert(0, self)
            for name in self._modules:
                sys.modules.pop(name, None)
                self._codes[name] = self._compiled(name)

    @property
    def codes(self) -> list[CodeType]:
        """Compiled code of all of them."""
        return list(self._codes.values())

    @property
    def names(self) -> frozenset[str]:
        """Their names in `sys.modules`."""
        return frozenset(self._modules)

    # -- what the import system calls

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """The module of this name, if it is one of them."""
        found = self._modules.get(name)
        if found is None:
            return None
        spec = ModuleSpec(name, self, origin=found.filename, is_package=found.is_package)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """The import system makes it."""

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        module.__dict__.update(self.namespace)
        exec(self._codes[module.__name__], module.__dict__)  # noqa: S102 - importing is running

    # -- helpers

    def _compiled(self, name: str) -> CodeType:
        found = self._modules[name]
        remember(found.text, found.filename)
        return compiled(found.text, found.filename)
