"""A native VM, which runs the filter's Python in this interpreter with the interface of a Wasm instance.

It has the exports of the compiled filter, and keeps the same journal as the linker's glue (`glue/journal.wat`). An exception
that leaves a callback becomes a trap. The SDK has already logged it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from ...abi import Result, callbacks_for
from ...engine import Memory, Resolve, Trap
from ...sdk.diagnostics.error_reporter import is_user_interrupt
from ...sdk.dispatch import Dispatcher
from ...sdk.loading.environment import take_variables
from ...sdk.loading.source import MODULE_NAME
from ...sdk.tasks.context_waits import cancel_waits
from ..glue import VERSION
from .arena import Arena
from .hostcall_stubs import Binding, Stop
from .interpreter import Interpreter
from .trap import remember_exception, trap_of
from .wasi_services import WasiServices

if TYPE_CHECKING:
    from .image import NativeImage

__all__ = ["NativeInstance"]

#: Parent id that marks a deleted context in the journal, and maximum number of entries in the journal.
_DELETED, _ENTRIES = 0xFFFFFFFF, 4096
_NOTE = struct.Struct("<II")

Function = Callable[..., "int | None"]


class NativeInstance:
    """A VM of a native filter.

    Attributes
    ----------
    memory
        Memory for arguments and results of hostcalls.
    dispatcher
        The SDK's dispatcher, which calls the filter's callbacks.
    """

    def __init__(self, image: NativeImage, resolve: Resolve, memory_limit: int) -> None:
        self.memory: Memory
        self.memory = self._arena = Arena(memory_limit)
        self._image = image
        own: dict[str, Callable[..., Any]] = {
            "journal": self._take_journal,
            "watch_deletes": self._watch_deletes,
            "raised": remember_exception,
        }
        self._binding = binding = Binding(resolve, self._arena, own)
        self._services = WasiServices(binding.wasi, self._arena)
        modules = (MODULE_NAME, *(m.name for m in image.source.modules))
        self._interpreter = Interpreter(self._services, modules, image.differences)
        self._journal: list[tuple[int, int]] = []
        self._watched = False
        self._closed = False
        self.dispatcher = Dispatcher(binding, {"__builtins__": self._interpreter.builtins})
        self._functions = self._exports()

    def _exports(self) -> dict[str, Function]:
        names = {e.name for e in self._image.exports}
        functions: dict[str, Function] = {
            VERSION.marker: lambda: None,
            "_initialize": self._entry(self._start),
            "proxy_on_memory_allocate": self._arena.allocate,
        }
        for name, callback in callbacks_for(VERSION).items():
            method = getattr(self.dispatcher, callback.short, None)
            if name in names and method is not None:
                functions[name] = self._entry(method, has_result=callback.result is not Result.NONE)
        self._on_delete = functions.get("proxy_on_delete", self._entry(self.dispatcher.on_delete))
        functions["proxy_on_context_create"] = self._context_create
        functions["proxy_on_delete"] = self._context_delete
        return functions

    # -- the interface that a host uses

    def function(self, name: str) -> Function | None:
        """Return the exported function with a name, or None. The function can raise `Trap` or the exception of a user's
        interrupt.
        """
        return self._functions.get(name)

    def introspect(self, request: bytes) -> bytes:
        """Return the response to an introspection request, like the introspection export (`sdk/dispatch/introspection.py`)."""
        reply: bytes = self._interpreter.run(self._as_current, self.dispatcher.introspect, (request,))
        return reply

    def close(self) -> None:
        """Close the VM. Later calls of its functions raise `Trap`."""
        self._closed = self._binding.closed = True
        self._functions = {}
        if not self._binding.running:
            self._interpreter.run(self._as_current, self._end_waits, ())
        self.memory.forget()

    def _end_waits(self) -> None:
        """Cancel waiting coroutines now. Otherwise, the garbage collector would close them at an unknown time."""
        contexts = self.dispatcher.contexts
        for table in (contexts.http, contexts.tcp, contexts.plugins):
            for context in list(table.values()):
                with suppress(Exception):  # the VM is closed, so exceptions can't be logged
                    cancel_waits(context)

    # -- entry points

    def _entry(self, method: Callable[..., Any], *, has_result: bool = False) -> Function:
        """Wrap a method so that it runs with this VM's modules, and convert its exceptions to traps."""
        binding, run = self._binding, self._interpreter.run

        def call(*args: int) -> int | None:
            if self._closed:
                raise Trap("The VM is closed.", "host")
            binding.running = True
            try:
                result = run(self._as_current, method, args)
            except Stop:
                self._raise_stopped()
            except BaseException as error:
                if is_user_interrupt(error):
                    raise
                raise trap_of(error) from None
            finally:
                binding.running = False
            if binding.stopped_by is not None:  # the filter caught an exception that Wasm can't catch
                self._raise_stopped()
            return int(result) & 0xFFFFFFFF if has_result else None

        return call

    def _as_current(self, method: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self.dispatcher.activate()
        return method(*args)

    def _raise_stopped(self) -> NoReturn:
        """Raise the stored exception of a host function in the same way as the engine does."""
        error = self._binding.stopped_by
        assert error is not None
        if isinstance(error, Trap) or not isinstance(error, Exception):
            raise error from None
        raise Trap(f"{type(error).__name__}: {error}", "host") from error

    def _start(self) -> None:
        """Load the filter, as the app inside Wasm does in every VM (`guest_code/app.py`)."""
        self._services.start()
        self.dispatcher.vm.variables = take_variables(self._services.variables)
        source = self._image.source
        self.dispatcher.load_parts(source.parts, source.modules, source.package)

    # -- the journal

    def _context_create(self, context_id: int, parent_id: int) -> None:
        self._note(context_id, parent_id)

    def _context_delete(self, context_id: int) -> None:
        if self._image.calls_on_delete or self._watched:
            self._on_delete(context_id)
        elif self._journal and self._journal[-1][0] == context_id and self._journal[-1][1] != _DELETED:
            self._journal.pop()  # the SDK hasn't read this entry yet
        else:
            self._note(context_id, _DELETED)

    def _note(self, context_id: int, parent_id: int) -> None:
        if len(self._journal) >= _ENTRIES:
            self._entry(lambda: self.dispatcher.sync(self._take_journal()))()
        self._journal.append((context_id, parent_id))

    def _take_journal(self) -> bytes:
        data = b"".join(_NOTE.pack(*note) for note in self._journal)
        self._journal.clear()
        return data

    def _watch_deletes(self, on: int) -> int:
        self._watched = bool(on)
        return 0
