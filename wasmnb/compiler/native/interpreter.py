"""The interpreter as one native VM sees it: its builtins, its standard modules, and its own part of `sys.modules`.

Facts: inside Wasm one interpreter is one VM. Here one interpreter holds them all, and a notebook besides. So the filter's
namespaces get builtins of their own, whose `__import__` gives them this VM's copies of what has state or touches the
world around; and the filter's modules stand in `sys.modules` only while a callback of their VM runs.
"""

from __future__ import annotations

import builtins
import sys
from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from types import ModuleType
from typing import Any

from ...sdk.loading import guest_init
from ...sdk.loading.local_modules import LocalModules
from .breakpoints import hook_for
from .clocks import make_datetime, make_time
from .stdlib_copies import PRIVATE, make_atexit, make_private, make_sys
from .warnings import Differences
from .wasi_services import Surroundings

__all__ = ["World"]

#: What a debugger calls the lines that are typed at its prompt.
_TYPED = "<stdin>"


class World:
    """One VM's view.

    Parameters
    ----------
    own
        Names of the filter's modules in `sys.modules`.
    differences
        What has to be said about code that would not do the same in Wasm.

    Attributes
    ----------
    builtins
        For the filter's namespaces.
    """

    def __init__(self, around: Surroundings, own: Iterable[str], differences: Differences) -> None:
        self._around = around
        self._own = frozenset(own)
        self._context = Context()  # an interpreter's context variables, which last as long as the VM
        self._modules: dict[str, ModuleType] = {}  # what `sys.modules` gets while a callback runs
        self._finders: list[Any] = []
        self._given: dict[str, ModuleType] = {}
        self.builtins: dict[str, Any] = {
            **vars(builtins),
            "__import__": self._import,
            "print": self._print,
            "open": differences.told("open", builtins.open),
            "input": differences.told("input", builtins.input),
        }

    # -- while a callback runs

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of the filter as this VM."""
        with self._in_place():
            return self._context.run(function, *args)

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        hook = sys.breakpointhook
        sys.breakpointhook = hook_for(hook, self._warn)
        loop = _get_running_loop()  # a notebook's; in Wasm there is none
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
        globals: Mapping[str, Any] | None = None,  # noqa: A002 -- the names that `__import__` has
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` with this VM's modules where it has some."""
        top, _, rest = name.partition(".")
        if level or top in self._own or (top not in _MAKERS and top not in PRIVATE):
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = self._mine(top)
        if not rest or not hasattr(sys.modules[top], "__path__"):  # `os.path` is an attribute
            return getattr(module, rest) if rest and fromlist else module
        found = builtins.__import__(name, globals, locals, fromlist or ("__name__",), 0)
        setattr(module, rest.partition(".")[0], getattr(sys.modules[top], rest.partition(".")[0]))
        return found if fromlist else module

    def _mine(self, name: str) -> ModuleType:
        """The VM's own module of that name, made when it is first wanted."""
        if name not in self._given:
            if name in PRIVATE:
                make_private(name, self.builtins, self._around, self._given)
            else:
                self._given[name] = _MAKERS[name](self._around)
        return self._given[name]

    def _print(self, *values: object, file: Any = None, **options: Any) -> None:
        """`print` to the proxy's log; to the terminal if it is typed in a debugger."""
        if file is None and sys._getframe(1).f_code.co_filename != _TYPED:
            file = self._mine("sys").stdout
        print(*values, file=file, **options)

    def _warn(self, text: str) -> None:
        """A line for the proxy's log, as of standard error."""
        print(text, file=self._mine("sys").stderr)


def _make_wasmnb(_around: Surroundings) -> ModuleType:
    """The package as it is inside Wasm: the SDK and nothing else."""
    made = ModuleType("wasmnb", guest_init.__doc__)
    made.__dict__.update({k: v for k, v in vars(guest_init).items() if not k.startswith("__") or k == "__all__"})
    package = sys.modules["wasmnb"]
    made.__dict__.update(sdk=package.sdk, abi=package.abi, __path__=package.__path__)
    return made


#: Module -> what makes a VM's own; beside those of `PRIVATE`.
_MAKERS: dict[str, Callable[[Surroundings], ModuleType]] = {
    "atexit": lambda _around: make_atexit(),
    "datetime": make_datetime,
    "sys": lambda _around: make_sys(),
    "time": make_time,
    "wasmnb": _make_wasmnb,
}
