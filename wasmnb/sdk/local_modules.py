"""Modules that belong to a filter: imported by name, from text that came along with the source.

Facts: inside Wasm there is no file system, and one interpreter is one VM, so that the modules have their plain names.
Where VMs share an interpreter each has its own copy of them, as it will have in Wasm. So there a prefix stands before
the names, and `__import__` in the filter's namespaces puts it on.
"""

import builtins
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from .parts import LocalModule
from .texts import remember

__all__ = ["LocalModules"]


class LocalModules:
    """Finder and loader of a filter's own modules.

    Parameters
    ----------
    modules
        What there is.
    prefix
        What stands before their names in `sys.modules`: nothing, or a package's name and a dot.
    """

    def __init__(self, modules: Sequence[LocalModule], prefix: str = "") -> None:
        self.prefix = prefix
        self._modules = {prefix + m.name: m for m in modules}
        self._tops = {m.name.partition(".")[0] for m in modules}
        self._codes: dict[str, CodeType] = {}

    # -- in and out of the interpreter

    def install(self) -> None:
        """Have `import` find them, before anything else of the same name."""
        self.uninstall()
        if self._modules:
            sys.meta_path.insert(0, self)
            for name in self._modules:
                self._codes[name] = self._compiled(name)

    def uninstall(self) -> None:
        """Take finder and modules away again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for name in self._modules:
            sys.modules.pop(name, None)

    def namespace(self) -> dict[str, Any]:
        """What the filter's namespaces need beside their own names."""
        if not self.prefix or not self._modules:
            return {}
        return {"__builtins__": {**vars(builtins), "__import__": self._import}}

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
        module.__dict__.update(self.namespace())
        exec(self._codes[module.__name__], module.__dict__)  # noqa: S102 - importing is running

    # -- helpers

    def _compiled(self, name: str) -> CodeType:
        found = self._modules[name]
        remember(found.text, found.filename)
        return compile(found.text, found.filename, "exec", dont_inherit=True)

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names that `__import__` has
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` for namespaces of this filter."""
        top = name.partition(".")[0]
        if level or top not in self._tops:
            return builtins.__import__(name, globals, locals, fromlist, level)
        builtins.__import__(self.prefix + name, globals, locals, fromlist or ("__name__",))
        return sys.modules[self.prefix + (name if fromlist else top)]
