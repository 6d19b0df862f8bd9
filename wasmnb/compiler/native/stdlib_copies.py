"""Copies of standard modules that hold state which a Wasm VM has for itself: made anew for every native VM.

A copy runs the module's own code with the VM's builtins, so that what it imports in turn (`sys`, `os`, `time`) is the
VM's as well: its output goes to the proxy's log, its chance comes from the proxy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ...abi import LogLevel
from ...sdk.logs import LogStream, ProxyLogHandler
from .wasi_services import Surroundings

__all__ = ["PRIVATE", "make_atexit", "make_private", "make_sys"]

Builtins = Mapping[str, Any]


def make_private(name: str, builtins: Builtins, around: Surroundings, modules: dict[str, ModuleType]) -> None:
    """Put a copy of the standard module `name`, one of `PRIVATE`, into `modules`; before it runs, since it may import itself."""
    code = find_spec(name).loader.get_code(name)  # type: ignore[union-attr]
    made = modules[name] = ModuleType(name)
    original = import_module(name)
    for kept in ("__file__", "__spec__", "__package__", "__path__"):
        if hasattr(original, kept):
            setattr(made, kept, getattr(original, kept))
    made.__dict__["__builtins__"] = builtins
    exec(code, made.__dict__)  # noqa: S102 -- the standard library's own code
    PRIVATE[name](made, around)


def _nothing(_module: Any, _around: Surroundings) -> None:
    """The copy is right as it is."""


def _os(module: Any, around: Surroundings) -> None:
    """Variables of the VM, which do not reach this process."""
    module.putenv = module.unsetenv = lambda *_: None
    environ = module.environ
    environ._data = {environ.encodekey(k): environ.encodevalue(v) for k, v in around.variables.items()}
    if hasattr(module, "environb"):
        module.environb._data = environ._data
    module.urandom = around.random_bytes
    module.register_at_fork = lambda **_: None  # a VM does not fork, and this would keep it alive for good


def _random(module: Any, around: Surroundings) -> None:
    """Seeded as the VM's generator in Wasm is; others that are made without a seed ask the proxy, too."""
    plain: Callable[..., None] = module.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        plain(self, int.from_bytes(around.random_bytes(2496), "little") if a is None else a, version)

    module.Random.seed = seed
    module.seed(around.seed)


def _logging(module: Any, _around: Surroundings) -> None:
    """As `wasmnb.sdk.logs.take_over_output` leaves it in Wasm. A handler need not be of the copy's own class."""
    module.root.handlers[:] = [ProxyLogHandler()]
    module.root.setLevel(module.NOTSET + 1)


#: Module -> what is to be done to its copy.
PRIVATE: dict[str, Callable[[Any, Surroundings], None]] = {
    "logging": _logging,
    "os": _os,
    "pprint": _nothing,
    "random": _random,
    "secrets": _nothing,
    "traceback": _nothing,
    "uuid": _nothing,
}


class _Sys(ModuleType):
    """`sys`, but for what is put here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def make_sys() -> ModuleType:
    """A `sys` whose output goes to the proxy's log. Everything else is this interpreter's own."""
    made: Any = _Sys("sys", sys.__doc__)
    made.stdout, made.stderr = LogStream(LogLevel.INFO), LogStream(LogLevel.ERROR)
    return made  # type: ignore[no-any-return]


def make_atexit() -> ModuleType:
    """An `atexit` that forgets: a VM is dropped without an exit."""
    made: Any = ModuleType("atexit")
    made.register = lambda function, *_, **__: function
    made.unregister = lambda _function: None
    return made  # type: ignore[no-any-return]
