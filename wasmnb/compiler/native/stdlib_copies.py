"""Copies of standard modules with state, one for every native VM as in Wasm.

A copy runs the module's own code with the VM's builtins, so that the modules it imports (`sys`, `os`, `time`) are the
VM's as well: output goes to the proxy's log, and random bytes come from the proxy.
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
    """Add a copy of a standard module of `PRIVATE` to `modules`, before its code runs, since it may import itself."""
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
    """Leave the copy as it is."""


def _os(module: Any, services: WasiServices) -> None:
    """Give the copy the VM's environment variables, without effect on this process."""
    module.putenv = module.unsetenv = lambda *_: None
    environ = module.environ
    environ._data = {environ.encodekey(k): environ.encodevalue(v) for k, v in services.variables.items()}
    if hasattr(module, "environb"):
        module.environb._data = environ._data
    module.urandom = services.random_bytes
    module.register_at_fork = lambda **_: None  # VMs don't fork, and the registration would keep the VM alive


def _random(module: Any, services: WasiServices) -> None:
    """Seed the generator as in Wasm. Generators without a seed take their bytes from the proxy as well."""
    original_seed: Callable[..., None] = module.Random.seed

    def seed(self: Any, a: Any = None, version: int = 2) -> None:
        original_seed(self, int.from_bytes(services.random_bytes(2496), "little") if a is None else a, version)

    module.Random.seed = seed
    module.seed(services.seed)


def _logging(module: Any, _services: WasiServices) -> None:
    """Set up logging as `wasmnb.sdk.logs.take_over_output` does in Wasm."""
    module.root.handlers[:] = [ProxyLogHandler()]
    module.root.setLevel(module.NOTSET + 1)


#: Module -> function that adapts its copy.
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
    """`sys` with some attributes replaced."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def make_sys() -> ModuleType:
    """Make a `sys` whose output goes to the proxy's log. Everything else is this interpreter's."""
    module: Any = _Sys("sys", sys.__doc__)
    module.stdout, module.stderr = LogStream(LogLevel.INFO), LogStream(LogLevel.ERROR)
    return module  # type: ignore[no-any-return]


def make_atexit() -> ModuleType:
    """Make an `atexit` that ignores registrations: a VM is dropped without an exit."""
    module: Any = ModuleType("atexit")
    module.register = lambda function, *_, **__: function
    module.unregister = lambda _function: None
    return module  # type: ignore[no-any-return]
