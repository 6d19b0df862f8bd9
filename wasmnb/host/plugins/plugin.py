"""A plugin: a filter with its configuration, as one entry of a filter chain, an access log or a Wasm service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol

from ...abi import LogLevel
from ...engine import Engine, Runnable
from ...errors import UsageError
from ..trace.log import LogLine
from ..vm.settings import VmSettings

__all__ = ["FAILURE_POLICIES", "KINDS", "FilterLike", "Plugin", "to_config", "to_plugins"]

#: What happens to streams when the VM has failed.
FAILURE_POLICIES = ("FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD")

#: Where a plugin can stand: HTTP filter, network filter, access log, Wasm service on the main thread or on all.
KINDS = ("http", "network", "access_log", "singleton", "service")


class FilterLike(Protocol):
    """What the host runs: `wasmnb.compiler.Filter`, or anything with its name and image."""

    name: str

    def image(self, engine: Engine) -> Runnable:
        """What runs: the module, compiled for an engine."""
        ...


def to_config(value: Any) -> bytes:
    """Configuration as bytes: bytes as they are, text as UTF-8, None as nothing, anything else as JSON.

    Raises
    ------
    UsageError
        It holds what JSON has no form for.
    """
    if value is None:
        return b""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    try:
        return value.encode() if isinstance(value, str) else json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The configuration cannot be written as JSON: {error}.") from None


@dataclass
class Plugin:
    """A filter with its configuration.

    Parameters
    ----------
    filter
        A `Filter`.
    name
        The plugin's name in the configuration; the filter's own if it is empty.
    root_id, vm_id
        As in Envoy's configuration. Plugins with the same vm_id, VM configuration and code share VMs.
    vm_config, config
        VM and plugin configuration: bytes, text, or anything that JSON can write.
    failure_policy
        `FAIL_CLOSED` (Envoy's default), `FAIL_OPEN` or `FAIL_RELOAD`.
    fail_open
        The legacy flag: True lets also the request go on that hit the trap. Not together with `failure_policy`.
    allow_on_headers_stop_iteration
        Lets StopIteration from a headers callback mean just that.
    environment
        Variables that the module sees through WASI.
    allowed_capabilities
        If not empty: names of the only imports and callbacks that the module may use.
    kind
        Where it stands, one of `KINDS`.
    reload_backoff
        Seconds, base interval between two reloads under FAIL_RELOAD.

    Raises
    ------
    UsageError
        A policy or kind that does not exist, or both ways of saying a policy.
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
    kind: str = "http"
    reload_backoff: float = 1.0

    def __post_init__(self) -> None:
        if not hasattr(self.filter, "image"):
            raise UsageError(
                f"A plugin needs a Filter, not {type(self.filter).__name__}: Filter.from_file(path) makes one of a .py or .wasm."
            )
        if self.failure_policy is not None and self.fail_open:
            error = UsageError("only one of fail_open or failure_policy can be set (Envoy refuses both, too)")
            text = "error `only one of fail_open or failure_policy can be set`"
            error.log = [LogLine(0.0, LogLevel.CRITICAL, text, "main", source="envoy")]
            raise error
        if self.policy not in FAILURE_POLICIES:
            raise UsageError(f"failure_policy is one of {', '.join(FAILURE_POLICIES)}, not {self.failure_policy!r}.")
        if self.kind not in KINDS:
            raise UsageError(f"A plugin's kind is one of {', '.join(KINDS)}, not {self.kind!r}.")
        self.name = self.name or self.filter.name
        self.vm_config, self.config = to_config(self.vm_config), to_config(self.config)

    @property
    def policy(self) -> str:
        """The failure policy with its default."""
        return self.failure_policy or "FAIL_CLOSED"

    @property
    def in_wasm(self) -> Plugin:
        """The plugin with its filter as Wasm: itself, unless the filter is native."""
        made = self.filter.compiled if getattr(self.filter, "is_native", False) else self.filter  # type: ignore[attr-defined]
        return self if made is self.filter else replace(self, filter=made)

    @property
    def settings(self) -> VmSettings:
        """What its VMs are made with; of plugins that share VMs the first one's count."""
        return VmSettings(
            self.vm_id.encode(), self.vm_config, tuple(self.environment.items()), frozenset(self.allowed_capabilities)
        )

    @property
    def key(self) -> tuple[str, str, bytes]:
        """What makes it a plugin of its own in a VM: equal ones share a root context."""
        return (self.name, self.root_id, self.config)

    @cached_property
    def code_key(self) -> str:
        """What makes its code the same as another filter's."""
        source = getattr(self.filter, "bundle", None)
        if source is not None:
            kind = "native" if getattr(self.filter, "is_native", False) else "source"
            return f"{kind} " + sha256(source.payload).hexdigest()
        wasm = getattr(self.filter, "wasm", None)
        return f"object {id(self.filter)}" if wasm is None else "wasm " + sha256(wasm).hexdigest()


#: What can be said of one filter without making a `Plugin`.
_OF_ONE = ("config", "vm_config", "root_id", "vm_id", "failure_policy")


def to_plugins(given: Any, single: dict[str, Any], policy: str | None) -> list[Plugin]:
    """What the caller gave as a list of plugins."""
    items = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
    told = policy is not None or any(v not in (None, "") for v in single.values())
    if len(items) == 1 and not isinstance(items[0], Plugin):
        return [Plugin(items[0], failure_policy=policy, **single)]
    if told:
        raise UsageError(f"With plugins, say {', '.join(_OF_ONE)} in each Plugin(...), not in Proxy(...).")
    return [item if isinstance(item, Plugin) else Plugin(item) for item in items]
