"""Callbacks of a context's life: VM and plugin start, the end of a stream, foreign functions."""

from collections.abc import Coroutine
from typing import Any

from ...abi import BufferType, LogLevel
from ..callouts.grpc_streams import cancel_streams
from ..config.json_config import parse_json
from ..config.settings import build, declared_settings
from ..contexts import PluginContext
from ..errors import ConfigurationError
from ..http import HttpContext
from ..messages.bodies import WHOLE
from ..tasks.stream_tasks import cancel, run_in_background
from .core import Core

__all__ = ["Lifecycle"]


class Lifecycle(Core):
    """`on_context_create` to `on_delete`."""

    def on_context_create(self, context_id: int, parent_context_id: int) -> None:
        """A context begins; for proxies that call this rather than keep a journal."""
        self.contexts.parents[context_id] = parent_context_id

    def on_vm_start(self, root_context_id: int, vm_configuration_size: int) -> int:
        """The VM starts (once for every plugin)."""
        try:
            vm = self.vm
            assert vm.context is not None
            vm.context.context_id = root_context_id
            vm.active = vm.context
            return self._verdict(vm.context, "on_vm_start", vm.context.on_vm_start(vm_configuration_size))
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_configure(self, root_context_id: int, plugin_configuration_size: int) -> int:
        """A plugin starts: keep its configuration, which cannot be had later."""
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
            return self._verdict(plugin, "on_plugin_start", result)
        except BaseException as error:
            self.vm.report(error)
            raise

    def _read_settings(self, plugin: PluginContext) -> bool:
        """Make the dataclass that the filter declares its configuration as; False (and a line in the log) if it does not fit."""
        settings = declared_settings(type(plugin), self.vm.classes["http"], self.vm.classes["tcp"])
        if settings is not None:
            try:
                plugin.config = build(settings, parse_json(plugin.configuration, "the plugin configuration"))
            except ConfigurationError as error:
                self.vm.call("log", int(LogLevel.ERROR), str(error).encode("utf-8", "backslashreplace"))
                return False
        return True

    def on_done(self, context_id: int) -> int:
        """A context is about to end; only a plugin may put it off."""
        try:
            if context_id not in self._plugins:
                return 1
            self.vm.active = plugin = self._plugins[context_id]
            return self._verdict(plugin, "on_plugin_done", plugin.on_plugin_done())
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_log(self, context_id: int) -> None:
        """A stream is over, or a plugin that is an access logger is told of one."""
        try:
            if context_id in self._plugins:
                self.vm.active = plugin = self._plugins[context_id]
                plugin.on_log()
            elif context_id in self._tcp or self.vm.classes["http"] is HttpContext:
                self.vm.active = connection = self._tcp[context_id]
                connection.on_stream_done()
            else:
                self.vm.active = stream = self._http[context_id]
                stream._over = True
                stream.on_http_stream_done()
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_delete(self, context_id: int) -> None:
        """A context has ended."""
        try:
            self.contexts.fetch()
            context: Any = self.contexts.forget(context_id)
            if context is not None:  # one that never had a callback was never made
                self.vm.active = context
                context._over = True
                cancel(context)
                cancel_streams(context)
                context.on_delete()
        except BaseException as error:
            self.vm.report(error)
            raise

    def on_foreign_function(self, context_id: int, function_id: int, arguments_size: int) -> None:
        """The proxy calls the filter by number."""
        try:
            tables: tuple[dict[int, Any], ...] = (self._plugins, self._http, self._tcp)
            table = next((t for t in tables if context_id in t), self._plugins)
            self.vm.active = context = table[context_id]
            context.on_foreign_function(function_id, arguments_size)
        except BaseException as error:
            self.vm.report(error)
            raise
