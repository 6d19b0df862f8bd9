"""Dispatch of the callbacks for the start and end of VMs, plugins and streams, and for foreign functions."""

from collections.abc import Coroutine
from typing import Any

from ...abi import BufferType, LogLevel
from ..config.json_config import parse_json
from ..config.settings import build, declared_settings
from ..contexts import PluginContext
from ..errors import ConfigurationError
from ..http import HttpContext
from ..messages.bodies import WHOLE
from ..tasks.context_waits import cancel_waits, run_in_background
from .core import Core

__all__ = ["Lifecycle"]

#: Mark for `..diagnostics.hostcall_causes`, which searches the stack for the running callback.
RUNS_CALLBACKS = True


class Lifecycle(Core):
    """The dispatcher's methods for the start and end of contexts."""

    def on_context_create(self, context_id: int, parent_context_id: int) -> None:
        """Record a new context. Used only by bindings without a journal."""
        self.contexts.parents[context_id] = parent_context_id

    def on_vm_start(self, root_context_id: int, vm_configuration_size: int) -> int:
        """Call the filter's `on_vm_start`. The proxy calls this once for each plugin in the VM."""
        try:
            context = self.vm.filter.context
            context.context_id = root_context_id
            self.vm.active = context
            return self._bool_result(context, "on_vm_start", context.on_vm_start(vm_configuration_size))
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_configure(self, root_context_id: int, plugin_configuration_size: int) -> int:
        """Read the plugin's configuration, which is available only now, and call the filter's `on_plugin_start`."""
        try:
            self.vm.active = plugin = self._plugins[root_context_id]
            if plugin_configuration_size:
                buffer = int(BufferType.PLUGIN_CONFIGURATION)
                plugin.configuration = self.vm.call("get_buffer_bytes", buffer, 0, WHOLE)
            if not self._read_settings(plugin):
                return 0
            result = plugin.on_plugin_start(plugin_configuration_size)
            if isinstance(result, Coroutine):
                task = run_in_background(self.vm, plugin, result)
                result = task.value if task.ended else None
            return self._bool_result(plugin, "on_plugin_start", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def _read_settings(self, plugin: PluginContext) -> bool:
        """Convert the configuration to the dataclass declared by the filter. Returns False after logging why it is invalid."""
        settings = declared_settings(type(plugin), self.vm.filter.classes["http"], self.vm.filter.classes["tcp"])
        if settings is not None:
            try:
                plugin.config = build(settings, parse_json(plugin.configuration, "the plugin configuration"))
            except ConfigurationError as error:
                self.vm.call("log", int(LogLevel.ERROR), str(error).encode("utf-8", "backslashreplace"))
                return False
        return True

    def on_done(self, context_id: int) -> int:
        """Call the filter's `on_plugin_done` if the context is a PluginContext. Streams can't delay their end."""
        try:
            if context_id not in self._plugins:
                return 1
            self.vm.active = plugin = self._plugins[context_id]
            return self._bool_result(plugin, "on_plugin_done", plugin.on_plugin_done())
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_log(self, context_id: int) -> None:
        """Call the filter's method for the end of a stream, or the plugin's `on_log` for an access logger."""
        try:
            if context_id in self._plugins:
                self.vm.active = plugin = self._plugins[context_id]
                result = plugin.on_log()  # type: ignore[func-returns-value]
                if result is not None:
                    self._ignored(plugin, "on_log", result)
            elif context_id in self._tcp or self.vm.filter.classes["http"] is HttpContext:
                self.vm.active = connection = self._tcp[context_id]
                result = connection.on_stream_done()  # type: ignore[func-returns-value]
                if result is not None:
                    self._ignored(connection, "on_stream_done", result)
            else:
                self.vm.active = stream = self._http[context_id]
                stream._end()
                result = stream.on_http_stream_done()  # type: ignore[func-returns-value]
                if result is not None:
                    self._ignored(stream, "on_http_stream_done", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_delete(self, context_id: int) -> None:
        """Remove a context that has ended: cancel its tasks, and call the filter's `on_delete`."""
        try:
            self.contexts.fetch()
            context: Any = self.contexts.forget(context_id)
            if context is not None:  # no context is created if none of its callbacks was called
                self.vm.active = context
                context._end()
                cancel_waits(context)
                result = context.on_delete()
                if result is not None:
                    self._ignored(context, "on_delete", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_foreign_function(self, context_id: int, function_id: int, arguments_size: int) -> None:
        """Call the filter's `on_foreign_function`."""
        try:
            tables: tuple[dict[int, Any], ...] = (self._plugins, self._http, self._tcp)
            table = next((t for t in tables if context_id in t), self._plugins)
            self.vm.active = context = table[context_id]
            result = context.on_foreign_function(function_id, arguments_size)
            if result is not None:
                self._ignored(context, "on_foreign_function", result)
        except BaseException as error:
            self.vm.report(error)
            raise
