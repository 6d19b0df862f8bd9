"""The Python environment of one native VM: builtins, standard modules, and its own entries in `sys.modules`.

Inside Wasm, each VM has its own interpreter. In native mode, all VMs and the notebook share one interpreter. So the filter's
namespaces have their own builtins. If a module has state or accesses anything outside the VM, `__import__` in these builtins
returns this VM's copy of the module. The filter's modules are in `sys.modules` only while a callback of their VM runs, so that
one native VM runs at a time, even if proxies run in several threads.
"""

from __future__ import annotations

import builtins
import os
import sys
from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from ... import abi, sdk
from ...sdk.loading import guest_init
from ...sdk.loading.local_modules import LocalModules
from .breakpoints import hook_for
from .clocks import make_datetime, make_time
from .stdlib_copies import PRIVATE, make_atexit, make_private, make_sys
from .warnings import Differences
from .wasi_services import WasiServices

__all__ = ["Interpreter"]

#: File name of code that a user types at a debugger's prompt.
_TYPED = "<stdin>"

#: Held by the thread whose native VM runs, because `sys.modules`, the finders of modules and the hook of `breakpoint()` belong to
#: all threads. Hosts call upstreams and other proxies between callbacks, so that a callback doesn't wait for another thread's.
_RUNNING = RLock()
os.register_at_fork(before=_RUNNING.acquire, after_in_parent=_RUNNING.release, after_in_child=_RUNNING.release)


class Interpreter:
    """Builtins and modules of one native VM.

    Parameters
    ----------
    services
        Clocks, random bytes and environment variables of the VM.
    own
        Names of the filter's modules in `sys.modules`.
    differences
        Object that issues warnings about differences from Wasm.

    Attributes
    ----------
    builtins
        Builtins for the filter's namespaces.
    """

    def __init__(self, services: WasiServices, own: Iterable[str], differences: Differences) -> None:
        self._services = services
        self._own = frozenset(own)
        self._context = Context()  # an interpreter's context variables, which last as long as the VM
        self._modules: dict[str, ModuleType] = {}  # in `sys.modules` while a callback runs
        self._finders: list[Any] = []
        self._copies: dict[str, ModuleType] = {}
        self.builtins: dict[str, Any] = {
            **vars(builtins),
            "__import__": self._import,
            "print": self._print,
            "open": differences.warning("open", builtins.open),
            "input": differences.warning("input", builtins.input),
        }

    # -- while a callback runs

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function while the filter's modules are in `sys.modules`."""
        with _RUNNING, self._activated():
            return self._context.run(function, *args)

    @contextmanager
    def _activated(self) -> Iterator[None]:
        hook = sys.breakpointhook
        sys.breakpointhook = hook_for(hook, self._warn)
        loop = _get_running_loop()  # the notebook's loop must be hidden, because there is none in Wasm
        _set_running_loop(None)
        hidden = {name: sys.modules.pop(name) for name in self._own if name in sys.modules}
        sys.modules.update(self._modules)
        sys.meta_path[:0] = self._finders
        try:
            yield
        finally:
            self._modules = {name: sys.modules.pop(name) for name in self._own if name in sys.modules}
            self._finders = [finder for finder in sys.meta_path if isinstance(finder, LocalModules)]
            sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, LocalModules)]
            sys.modules.update(hidden)
            _set_running_loop(loop)
            sys.breakpointhook = hook

    # -- builtins

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 -- `__import__` has these names
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """Import a module, or return this VM's copy of it."""
        top, _, rest = name.partition(".")
        if level or top in self._own or (top not in _MAKERS and top not in PRIVATE):
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = self._copy_of(top)
        if not rest or not hasattr(sys.modules[top], "__path__"):  # `os.path` is an attribute
            return getattr(module, rest) if rest and fromlist else module
        submodule = builtins.__import__(name, globals, locals, fromlist or ("__name__",), 0)
        setattr(module, rest.partition(".")[0], getattr(sys.modules[top], rest.partition(".")[0]))
        return submodule if fromlist else module

    def _copy_of(self, name: str) -> ModuleType:
        """Return this VM's own copy of a module, which is created at the first import."""
        if name not in self._copies:
            if name in PRIVATE:
                make_private(name, self.builtins, self._services, self._copies)
            else:
                self._copies[name] = _MAKERS[name](self._services)
        return self._copies[name]

    def _print(self, *values: object, file: Any = None, **options: Any) -> None:
        """Print to the proxy's log, or to the terminal if the call was typed at a debugger's prompt."""
        if file is None and sys._getframe(1).f_code.co_filename != _TYPED:
            file = self._copy_of("sys").stdout
        print(*values, file=file, **options)

    def _warn(self, text: str) -> None:
        """Write a line to the proxy's log at the level of standard error."""
        print(text, file=self._copy_of("sys").stderr)


def _make_wasmnb(_services: WasiServices) -> ModuleType:
    """Return the package `wasmnb` as it is inside Wasm, where it contains only the SDK."""
    module = ModuleType("wasmnb", guest_init.__doc__)
    module.__dict__.update({k: v for k, v in vars(guest_init).items() if not k.startswith("__") or k == "__all__"})
    module.__dict__.update(sdk=sdk, abi=abi, __path__=[str(Path(folder).parent) for folder in sdk.__path__])
    return module


#: Module -> function that creates a VM's own copy of the module. Modules in `PRIVATE` are copied by `make_private`.
_MAKERS: dict[str, Callable[[WasiServices], ModuleType]] = {
    "atexit": lambda _services: make_atexit(),
    "datetime": make_datetime,
    "sys": lambda _services: make_sys(),
    "time": make_time,
    "wasmnb": _make_wasmnb,
}
