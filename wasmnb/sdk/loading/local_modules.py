"""Import of a filter's local modules, whose text is part of the source.

Inside Wasm there is no file system, and each interpreter belongs to one VM. If several VMs share an interpreter, each VM has
its own copies of the modules, which the embedder puts into `sys.modules` while a callback runs.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from .parts import LocalModule
from .source_cache import compile_source, store_source

__all__ = ["LocalModules"]


class LocalModules:
    """Finder and loader that imports a filter's local modules.

    Parameters
    ----------
    modules
        The local modules.
    namespace
        Initial names of each module's namespace, in addition to Python's (default none).
    """

    def __init__(self, modules: Sequence[LocalModule], namespace: Mapping[str, Any] | None = None) -> None:
        self.namespace = dict(namespace or {})
        self._modules = {m.name: m for m in modules}
        self._codes: dict[str, CodeType] = {}

    def install(self) -> None:
        """Register this finder, so that `import` finds the local modules before other modules of the same name."""
        if self._modules:
            sys.meta_path.insert(0, self)
            for name in self._modules:
                sys.modules.pop(name, None)
                self._codes[name] = self._compile(name)

    @property
    def codes(self) -> list[CodeType]:
        """Compiled code of all local modules."""
        return list(self._codes.values())

    @property
    def names(self) -> frozenset[str]:
        """Dotted names of all local modules."""
        return frozenset(self._modules)

    # -- called by the import system

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return the import spec of a local module, or None for other modules."""
        module = self._modules.get(name)
        if module is None:
            return None
        spec = ModuleSpec(name, self, origin=module.filename, is_package=module.is_package)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None, so that the import system creates the module object."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        module.__dict__.update(self.namespace)
        exec(self._codes[module.__name__], module.__dict__)  # noqa: S102 - importing is running

    # -- helpers

    def _compile(self, name: str) -> CodeType:
        module = self._modules[name]
        store_source(module.text, module.filename)
        return compile_source(module.text, module.filename)
