"""A plugin: a filter with its configuration, used in a filter chain, as an access logger, a Wasm service or a stats sink."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple, Protocol, TypeVar

from ...abi import KINDS, Callbacks, LogLevel
from ...abi.text import encode_text
from ...abi.wasi import PAUSED_HEADERS
from ...engine import Engine, Runnable
from ...errors import UsageError
from ..trace.log import LogLine
from ..vm.settings import VmSettings
from .typed_config import TypedConfig

__all__ = [
    "FAILURE_POLICIES",
    "FilterLike",
    "Plugin",
    "PluginKey",
    "has_http",
    "require_http",
    "require_network",
    "share_paused_headers",
    "to_config",
    "to_plugins",
    "with_paused_headers",
]

P = TypeVar("P", bound="_HoldsHeaders")

#: Policies for streams whose filter runs in a VM that has failed.
FAILURE_POLICIES = ("FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD")


class PluginKey(NamedTuple):
    """Identity of a plugin inside a VM."""

    name: str
    root_id: str
    config: bytes


class FilterLike(Protocol):
    """Protocol of filters that a proxy can run: a `wasmnb.Filter` or another object with `name` and `image`."""

    name: str

    def image(self, engine: Engine) -> Runnable:
        """Return the filter's module, compiled for this engine."""
        ...


def to_config(value: Any) -> bytes:
    """Convert a configuration to the bytes that the module receives.

    Parameters
    ----------
    value
        Bytes, text (encoded as UTF-8), None (empty), a `TypedConfig`, or any other value that can be written as JSON.

    Raises
    ------
    UsageError
        The value can't be written as JSON.
    """
    if value is None:
        return b""
    if isinstance(value, bytes | bytearray | memoryview):
        return value if isinstance(value, TypedConfig) else bytes(value)
    try:
        return encode_text(value if isinstance(value, str) else json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The configuration can't be written as JSON: {error}.") from None


def with_paused_headers(environment: Mapping[str, str], *plugins: str) -> dict[str, str]:
    """Add names of plugins to the environment variable that tells the SDK which plugins can pause headers."""
    names = environment.get(PAUSED_HEADERS, "")
    known = (names, *names.split(","))
    return {**environment, PAUSED_HEADERS: ",".join(filter(None, (names, *(p for p in plugins if p not in known))))}


class _HoldsHeaders(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def allow_on_headers_stop_iteration(self) -> bool: ...
    @property
    def environment(self) -> Mapping[str, str]: ...


def share_paused_headers(plugins: Iterable[P]) -> list[P]:
    """Give all plugins that can pause headers the same environment, so that they can share VMs."""
    chain = list(plugins)
    pausing: list[Any] = [plugin for plugin in chain if plugin.allow_on_headers_stop_iteration]
    names = dict.fromkeys(plugin.name for plugin in pausing)
    if len(names) < 2:
        return chain
    changed = {id(p): replace(p, environment=with_paused_headers(p.environment, *names)) for p in pausing}
    return [changed.get(id(plugin), plugin) for plugin in chain]


def _filter_of(holder: Any) -> Any:
    """Return the filter of a running proxy, such as the variable of a `%%wasmfilter` cell. Return other objects unchanged."""
    plugins = getattr(holder, "plugins", None)
    if plugins is None:
        return holder
    if len(plugins) != 1:
        names = ", ".join(repr(plugin.name) for plugin in plugins) or "none"
        raise UsageError(
            f"{holder.name!r} must have exactly one filter, but has {names}. Pass one of them: {holder.name}.plugins[0].filter."
        )
    return getattr(plugins[0], "filter", holder)


@dataclass
class Plugin:
    """A filter with its configuration, for a proxy or a filter chain.

    Parameters
    ----------
    filter
        A `Filter`, or a running proxy with one filter.
    name
        Name of the plugin in Envoy's configuration. By default, the filter's name.
    root_id, vm_id
        Ids as in Envoy's configuration (default empty). Plugins with the same vm_id, VM configuration and code share VMs.
    vm_config, config
        Configuration of the VM and of the plugin (default empty): bytes, text, or a value to write as JSON. Use a `TypedConfig`
        for a Struct or another protobuf message, which the module receives serialised.
    failure_policy
        What happens to streams when the VM has failed: `FAIL_CLOSED` (the default, as in Envoy), `FAIL_OPEN` or `FAIL_RELOAD`.
    fail_open
        Envoy's older alternative to `failure_policy` (default False). With True, even the request that caused the trap
        continues. Use either `fail_open` or `failure_policy`.
    allow_on_headers_stop_iteration
        Whether StopIteration from a headers callback pauses only the headers, and not the body (default False). With True,
        `await self.request_body()` pauses the headers, so that they can still be changed when the body has arrived.
    environment
        Environment variables that the module can read through WASI (default none).
    allowed_capabilities
        Names of the imports and callbacks that the module can use. By default (empty), all imports and callbacks are allowed.
    kind
        "http", "network", "access_log", "singleton" (a Wasm service on the main thread), "service" (a Wasm service on all
        threads) or "stat_sink". By default, the kind depends on the filter's callbacks: "http" if it handles requests, else
        "network" if it handles connections, else "access_log" if it defines `on_log`, else "stat_sink" if it defines
        `on_stats_update`, else "http".
    reload_backoff
        Shortest time between two reloads under FAIL_RELOAD, in seconds (default 1).
    filter_name
        Name of the HTTP filter in the chain, as used in `typed_per_filter_config` of routes (default
        `envoy.filters.http.wasm`).
    disabled
        Whether the filter runs only on routes that enable it (default False).

    Raises
    ------
    UsageError
        The policy or kind doesn't exist, both `fail_open` and `failure_policy` are set, or Envoy calls none of the filter's
        callbacks for this kind.
    """

    filter: FilterLike
    name: str = ""
    root_id: str = ""
    vm_id: str = ""
    vm_config: Any = b""
    config: Any = b""
    failure_policy: str | None = None
    fail_open: bool = False
    allow_on_headers_stop_iteration: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    allowed_capabilities: Sequence[str] = ()
    kind: str = ""
    reload_backoff: float = 1.0
    filter_name: str = "envoy.filters.http.wasm"
    disabled: bool = False

    def __post_init__(self) -> None:
        self.filter = _filter_of(self.filter)
        if not hasattr(self.filter, "image"):
            raise UsageError(
                f"filter= must be a Filter, not {type(self.filter).__name__}. "
                "Load a .py or .wasm file with Filter.from_file(path)."
            )
        if self.failure_policy is not None and self.fail_open:
            error = UsageError("fail_open= and failure_policy= can't both be set, as in Envoy. Remove one of them.")
            text = "error `only one of fail_open or failure_policy can be set`"
            error.log = [LogLine(0.0, LogLevel.CRITICAL, text, "main", source="envoy")]
            raise error
        if self.policy not in FAILURE_POLICIES:
            raise UsageError(
                f"failure_policy= must be one of {', '.join(FAILURE_POLICIES)}, not {self.failure_policy!r}."
            )
        self.name = self.name or self.filter.name
        self.kind = self._checked_kind()
        self.vm_config, self.config = to_config(self.vm_config), to_config(self.config)

    def _checked_kind(self) -> str:
        """Return the kind of the plugin, which by default depends on the filter's callbacks. Raises `UsageError` if the kind is
        unknown or doesn't match the callbacks.
        """
        callbacks: Callbacks = getattr(self.filter, "callbacks", Callbacks())
        kind = self.kind or callbacks.kind
        if kind not in KINDS:
            raise UsageError(f"kind= must be one of {', '.join(KINDS)}, not {kind!r}.")
        if problem := callbacks.problem(kind):
            raise UsageError(f"{self.name!r} can't be of kind {kind!r}: {problem}. Use kind={callbacks.kind!r}.")
        return kind

    @property
    def policy(self) -> str:
        """The failure policy (default `FAIL_CLOSED`)."""
        return self.failure_policy or "FAIL_CLOSED"

    @property
    def in_wasm(self) -> Plugin:
        """The same plugin with its filter compiled to Wasm. If the filter isn't native, this is the plugin itself."""
        if not getattr(self.filter, "is_native", False):
            return self
        return replace(self, filter=self.filter.compiled)  # type: ignore[attr-defined]

    @property
    def settings(self) -> VmSettings:
        """Settings of the plugin's VMs. If several plugins share VMs, those of the first plugin apply."""
        return VmSettings(
            encode_text(self.vm_id),
            self.vm_config,
            tuple(sorted(self.variables.items())),
            frozenset(self.allowed_capabilities),
        )

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of the module, including those that the SDK reads."""
        return (
            with_paused_headers(self.environment, self.name)
            if self.allow_on_headers_stop_iteration
            else dict(self.environment)
        )

    @property
    def key(self) -> PluginKey:
        """Identity of the plugin inside a VM. Plugins with equal keys share a root context."""
        return PluginKey(self.name, self.root_id, self.config)

    @cached_property
    def code_key(self) -> str:
        """Identity of the filter's code. Filters with equal keys have the same code."""
        source = getattr(self.filter, "bundle", None)
        if source is not None:
            kind = "native" if getattr(self.filter, "is_native", False) else "source"
            return f"{kind} " + sha256(source.payload).hexdigest()
        wasm = getattr(self.filter, "wasm", None)
        return f"object {id(self.filter)}" if wasm is None else "wasm " + sha256(wasm).hexdigest()


def to_plugins(filters: Any, failure_policy: str | None, **single: Any) -> list[Plugin]:
    """Convert the filters and settings passed to a proxy to plugins.

    Parameters
    ----------
    filters
        A filter, a plugin, a list of these, or None.
    failure_policy, single
        Settings of a single filter, with the names of `Plugin`. None and empty text select the default.

    Raises
    ------
    UsageError
        Settings of a single filter were passed together with several filters or with a `Plugin`.
    """
    items = list(filters) if isinstance(filters, list | tuple) else [] if filters is None else [filters]
    passed = [name for name, value in {"failure_policy": failure_policy, **single}.items() if value not in (None, "")]
    if len(items) == 1 and not isinstance(items[0], Plugin):
        return [Plugin(items[0], failure_policy=failure_policy, **single)]
    if passed:
        names = ", ".join(f"{name}=" for name in passed)
        raise UsageError(
            f"{names} can't be set for a Proxy with several filters, or for one that was created from a Plugin. "
            f"Pass {'it' if len(passed) == 1 else 'them'} to each Plugin(...) instead."
        )
    return share_paused_headers(item if isinstance(item, Plugin) else Plugin(item) for item in items)


def has_http(plugins: Sequence[Any]) -> bool:
    """Return whether a proxy with these plugins accepts HTTP requests. A proxy with only network filters doesn't."""
    kinds = {plugin.kind for plugin in plugins}
    return "network" not in kinds or bool(kinds & {"http", "access_log"})


def require_http(plugins: Sequence[Any]) -> None:
    """Check that a proxy with these plugins accepts HTTP requests.

    Raises
    ------
    UsageError
        The plugins include a network filter, and neither an HTTP filter nor an access logger.
    """
    if not has_http(plugins):
        names = [plugin.name for plugin in plugins if plugin.kind == "network"]
        raise UsageError(
            f"{names[0]!r} is a network filter: it gets the bytes of connections and no HTTP requests. "
            "Send bytes with connect().send(b'...') or %wasmtcp."
        )


def require_network(plugins: Sequence[Any]) -> None:
    """Check that a proxy with these plugins accepts plain TCP connections.

    Raises
    ------
    UsageError
        No plugin is a network filter.
    """
    if not any(plugin.kind == "network" for plugin in plugins):
        raise UsageError(
            "The proxy has no network filter. Add a filter with a TcpContext, or a Plugin with kind='network'."
        )
