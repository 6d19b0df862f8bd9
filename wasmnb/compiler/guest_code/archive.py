"""The archive: packed code of standard library modules outside of Python's heap. A module is loaded when a filter first uses
it.

A module that is imported while the runtime is built needs 20 to 100 kB of memory in every VM. The archive is a part of the
linear memory. In release modules it is a passive segment, which doesn't need memory in every VM. The filter in a release module
is loaded when the release module is built, so the modules that the filter imports are already in memory.

Modules that are often imported but rarely used are deferred: they exist in `sys.modules`, but are empty until one of their
names is used.
"""

from __future__ import annotations

import json
import marshal
import sys
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec, PathFinder
from types import CodeType, ModuleType
from typing import Any

__all__ = ["Deferred", "defer", "install"]

#: Number of bytes before the index. They contain the size of the index.
_HEAD = 4


class _Archive:
    """Finder and loader for modules in the archive, to be added to `sys.meta_path`.

    Parameters
    ----------
    read
        Function that returns a range of the archive for an offset and a size.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        self._start = 0
        self._index: dict[str, Any] | None = None

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name not in self._entries:
            return None
        return ModuleSpec(name, self, is_package=self.is_package(name))  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> None:
        """Return None, so that Python creates the module."""

    def exec_module(self, module: ModuleType) -> None:
        code = self.get_code(module.__name__)
        module.__file__ = code.co_filename
        exec(code, module.__dict__)  # noqa: S102

    def get_code(self, name: str) -> CodeType:
        _, offset, size = self._entries[name]
        code: CodeType = marshal.loads(self._read(self._start + offset, size))  # noqa: S302 -- written by archive_pack
        return code

    def get_source(self, _name: str) -> None:
        """Return None, because the archive doesn't contain the source."""

    def is_package(self, name: str) -> bool:
        return bool(self._entries[name][0])

    @property
    def _entries(self) -> dict[str, Any]:
        if self._index is None:
            size = int.from_bytes(self._read(0, _HEAD), "little")
            self._index = {name: entry for name, *entry in json.loads(self._read(_HEAD, size))}
            self._start = _HEAD + size
        return self._index


#: The installed finder. Empty if the VM has no archive.
_installed: list[_Archive] = []


def install(read: Callable[[int, int], bytes]) -> None:
    """Make the modules in the archive importable. `read` returns a range of the archive for an offset and a size."""
    finder = _Archive(read)
    _installed.append(finder)
    sys.meta_path.append(finder)


class Deferred(ModuleType):
    """A module that is loaded when one of its names is first used. Using a name that exists in all modules doesn't load it."""

    def _load(self) -> None:
        name = self.__name__
        spec = PathFinder.find_spec(name)  # finds something only while a runtime is built
        loader: Any = _installed[-1] if spec is None else spec.loader
        code = loader.get_code(name)
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__file__ = code.co_filename
        exec(code, self.__dict__)  # noqa: S102

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        self._load()
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__"):
            self._load()
        ModuleType.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        self._load()
        return dir(self)


def defer(names: Iterable[str]) -> None:
    """Put modules into `sys.modules` that are loaded at their first use. Packages and submodules aren't supported."""
    for name in names:
        module = Deferred(name)
        module.__spec__ = ModuleSpec(name, None, origin=f"/python/{name}.py")
        module.__package__ = ""
        sys.modules[name] = module
