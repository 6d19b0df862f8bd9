"""Copies of standard modules that have state. As in Wasm, every native VM has its own.

A copy runs the module's own code with the VM's builtins, so it also imports the VM's copies of `sys`, `os` and `time`.
Output is written to the proxy's log, and random bytes are from the proxy.
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
from .wasi_services import WasiServices

__all__ = ["PRIVATE", "make_atexit", "make_private", "make_sys"]

Builtins = Mapping[str, Any]


def make_private(name: str, builtins: Builtins, services: WasiServices, modules: dict[str, ModuleType]) -> None:
    """Add a copy of a standard module in `PRIVATE` to `modules`, and then run the code of the copy.

    The order matters, because the code can import the module itself.
    """
    code = find_spec(name).loader.get_code(name)  # type: ignore[union-attr]
    module = modules[name] = ModuleType(name)
    original = import_module(name)
    for attribute in ("__file__", "__spec__", "__package__", "__path__"):
        if hasattr(original, attribute):
            setattr(module, attribute, getattr(original, attribute))
    module.__dict__["__builtins__"] = builtins
    exec(code, module.__dict__)  # noqa: S102 -- the standard library's own code
    PRIVATE[name](module, services)


def _unchanged(_module: Any, _services: WasiServices) -> None:
    """Leave the copy of a module unchanged."""


def _os(module: Any, services: WasiServices) -> None:
    """Set the VM's environment variables in the copy of `os`. Changing them has no effect on this process."""
    module.putenv = module.unsetenv = lambda *_: None
    environ = module.environ
    environ._data = {environ.encodekey(k): environ.encodevalue(v) for k, v in services.variables.items()}
    if hasattr(module, "environb"):
        module.environb._data = environ._data
    module.urandom = services.random_bytes
    module.register_at_fork = lambda **_: None  # VMs don't fork, and the registration would keep the VM alive


def _random(module: Any, services: WasiServices) -> None:
    """Seed the copy of `random` as in Wasm. Generators without a seed receive random bytes from the proxy."""
    original_seed: Callable[..., None] = module.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        original_seed(self, int.from_bytes(services.random_bytes(2496), "little") if a is None else a, version)

    module.Random.seed = seed
    module.seed(services.seed)


def _logging(module: Any, _services: WasiServices) -> None:
    """Set up the copy of `logging` as `wasmnb.sdk.logs.take_over_output` does in Wasm."""
    module.root.handlers[:] = [ProxyLogHandler()]
    module.root.setLevel(module.NOTSET + 1)


#: Module -> function that adapts the copy of the module.
PRIVATE: dict[str, Callable[[Any, WasiServices], None]] = {
    "logging": _logging,
    "os": _os,
    "pprint": _unchanged,
    "random": _random,
    "secrets": _unchanged,
    "traceback": _unchanged,
    "uuid": _unchanged,
}


class _Sys(ModuleType):
    """A copy of the module `sys` in which some attributes are replaced."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def make_sys() -> ModuleType:
    """Return a copy of `sys` whose output is written to the proxy's log. All other attributes are those of this interpreter."""
    module: Any = _Sys("sys", sys.__doc__)
    module.stdout, module.stderr = LogStream(LogLevel.INFO), LogStream(LogLevel.ERROR)
    return module  # type: ignore[no-any-return]


def make_atexit() -> ModuleType:
    """Return a module `atexit` that ignores registered functions, because a VM ends without running them."""
    module: Any = ModuleType("atexit")
    module.register = lambda function, *_, **__: function
    module.unregister = lambda _function: None
    return module  # type: ignore[no-any-return]
