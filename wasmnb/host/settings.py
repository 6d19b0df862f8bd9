"""Settings of a proxy: settings that a real Envoy supports as well, and settings of the simulation alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from ..abi import LogLevel
from ..errors import UsageError
from .contexts.stream_info import Listener
from .http.connection_manager.manager import HttpConnectionManager, option_advice
from .http.route_table.reader import to_table
from .http.route_table.route import RouteMatch
from .http.route_table.table import RouteTable
from .http.stream_state import StreamLimits
from .plugins.envoy_filter_config import BuiltIn
from .trace.trace import DEFAULT_LIMIT

if TYPE_CHECKING:
    from .foreign_functions.own_functions import ForeignCall

__all__ = ["LOG_LEVELS", "MAIN_CLUSTER", "ProxySettings", "SimulationSettings", "check_switches"]

#: Name of the main cluster, whose upstream is the parameter `upstream`.
MAIN_CLUSTER = "upstream"

#: Log levels by Envoy's names.
LOG_LEVELS = {
    "trace": LogLevel.TRACE,
    "debug": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "warning": LogLevel.WARN,
    "error": LogLevel.ERROR,
    "critical": LogLevel.CRITICAL,
}

#: Wall-clock time at which virtual time begins: 2026-01-01 00:00:00 UTC.
_START = 1767225600.0

#: Settings that a listener update can change. All others require a new proxy.
_OF_LISTENER = frozenset(
    ("routes", "listener", "buffer_limit", "route_timeout", "idle_timeout", "request_timeout"),
)


def _node() -> Mapping[str, Any]:
    return {"id": "wasmnb", "cluster": "wasmnb"}


#: Virtual seconds that a callback takes in a proxy that counts fuel, unless `guest_time` is a number.
_GUEST_TIME = 1e-4


def check_switches(switches: Iterable[str], proxy: type) -> None:
    """Check the names of HTTP connection manager options that were passed to a proxy as keyword arguments.

    Parameters
    ----------
    switches
        Names of the keyword arguments.
    proxy
        Class of the proxy. The error message also suggests parameters of its constructor.

    Raises
    ------
    UsageError
        The connection manager has no option with this name.
    """
    known = [each.name for each in fields(HttpConnectionManager)]
    for name in switches:
        if name not in known:
            import inspect

            advice = option_advice(name, [*inspect.signature(proxy).parameters, *known])
            raise UsageError(
                f"{name!r} is neither a parameter of {proxy.__name__} nor an option of its connection manager. {advice}"
            )


@dataclass(frozen=True)
class ProxySettings:
    """Settings that the simulated proxy and the real Envoy have in common, except the plugins. Limits default to Envoy's.

    Parameters
    ----------
    workers
        Number of worker threads, at least 1 (default 4).
    upstream
        Upstream of the main cluster, which is named `upstream`: a `Response`, a function that accepts a `Request` and returns
        a `Response`, or a `Cluster`. By default (None), an echo that responds with 200.
    clusters
        Other clusters by name, with values as for `upstream` (default none). A cluster with the value None has no endpoints.
    routes
        A list of routes, each a `RouteMatch` or an Envoy route (a mapping), or an Envoy route configuration (a mapping). A
        request uses the first route that matches. By default, every request is routed to the main cluster.
    listener
        Direction, address, metadata and names of the listener, which filters can read as properties (default `Listener()`).
    node
        Id, cluster and metadata of the node, as in the properties under `xds.node` (default: id and cluster `wasmnb`).
    buffer_limit
        Maximum number of bytes of a body that a filter can buffer (default 1 MiB).
    route_timeout
        Seconds in which the upstream must finish its response (default 15). 0: no limit.
    idle_timeout
        Seconds without traffic after which a stream ends (default 300). 0: no limit.
    request_timeout
        Seconds in which the client must finish its request. 0 (the default): no limit.
    stats_flush_interval
        Seconds between two snapshots of the statistics for stats sinks (default 5).
    log_level
        Lowest level of the lines that the Wasm logger writes (default INFO).
    connection_manager
        Options of the HTTP connection manager, as an `HttpConnectionManager` or as Envoy's message.
    built_in
        Envoy's own HTTP filters in the chain (default none).
    name
        The proxy's name in messages and views. By default, the name of the first plugin.

    Raises
    ------
    UsageError
        `workers` is below 1, or `routes` or `connection_manager` contains a field that is unknown or has the wrong type.
    """

    workers: int = 4
    upstream: Any = None
    clusters: Mapping[str, Any] = field(default_factory=dict)
    routes: Sequence[RouteMatch | Mapping[str, Any]] | RouteTable | Mapping[str, Any] = (RouteMatch(),)
    listener: Listener = field(default_factory=Listener)
    node: Mapping[str, Any] = field(default_factory=_node)
    buffer_limit: int = StreamLimits.buffer
    route_timeout: float = StreamLimits.route_timeout
    idle_timeout: float = StreamLimits.idle_timeout
    request_timeout: float = StreamLimits.request_timeout
    stats_flush_interval: float = 5.0
    log_level: LogLevel = LogLevel.INFO
    connection_manager: HttpConnectionManager | Mapping[str, Any] = field(default_factory=HttpConnectionManager)
    built_in: Sequence[BuiltIn] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers= must be at least 1, not {self.workers}.")
        _ = self.table, self.manager  # so that both kinds of proxy raise for invalid ones here

    @classmethod
    def of(cls, *, log_level: LogLevel | str, **arguments: Any) -> Self:
        """Create the settings from the arguments of a proxy's constructor.

        Parameters
        ----------
        log_level
            A level, or Envoy's name for it, such as "warning".
        arguments
            Other settings by name. None selects the default.

        Raises
        ------
        UsageError
            A setting isn't valid.
        """
        level = LOG_LEVELS.get(log_level) if isinstance(log_level, str) else log_level
        if level is None:
            raise UsageError(f"log_level= must be a LogLevel or one of {', '.join(LOG_LEVELS)}, not {log_level!r}.")
        return cls(log_level=level, **{name: value for name, value in arguments.items() if value is not None})

    @property
    def limits(self) -> StreamLimits:
        """Limits for the size and duration of a stream."""
        return StreamLimits(self.buffer_limit, self.route_timeout, self.idle_timeout, self.request_timeout)

    @property
    def table(self) -> RouteTable:
        """Route table for the workers, made from `routes`."""
        return to_table(self.routes, self.listener.virtual_host)

    @property
    def manager(self) -> HttpConnectionManager:
        """Options of the HTTP connection manager."""
        return HttpConnectionManager.of(self.connection_manager)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy` or `Envoy`."""
        return _values(self)

    def for_update(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings after a listener update.

        Parameters
        ----------
        changes
            New values of settings by name.

        Raises
        ------
        UsageError
            A setting doesn't exist, or only a new proxy can change it.
        """
        for name in changes.keys() - _OF_LISTENER:
            raise UsageError(
                f"A listener update can't change {name!r}, only {', '.join(sorted(_OF_LISTENER))}. Start a new proxy with clone()."
            )
        return replace(self, **changes) if changes else self

    def changed(self, name: str) -> Any:
        """Return the value of a setting, or None if it is the default, which Envoy's configuration can omit."""
        value = getattr(self, name)
        return None if value == getattr(_DEFAULTS, name) else value


_DEFAULTS = ProxySettings()


@dataclass(frozen=True)
class SimulationSettings:
    """Settings that only the simulated proxy has. See `Proxy` for details.

    Parameters
    ----------
    seed
        Seed of random ids, and of the order of events with the same time on different threads (default 0).
    deadline
        Real seconds after which a call into a filter traps (default 5), accurate to 0.1 s.
    memory_limit
        Maximum size in bytes of a VM's memories and tables. Also the maximum that all filters together can store in the
        proxy (default 1 GiB).
    guest_time
        Virtual seconds that a callback takes. `"measured"` (the default) is its real duration. With `"frozen"`, callbacks
        take no time, and the monotonic clock shows the same time as the wall clock.
    fuel
        Whether to count the instructions of every callback (default False).
    fuel_limit
        Number of instructions after which a callback traps, at least 1. A limit implies `fuel`. None (the default): no limit.
    foreign
        The user's foreign functions by name (default none).
    show_locals
        Whether tracebacks of Python filters show local variables (default False).
    start_time
        Wall-clock time at which virtual time begins, in seconds since 1970 (default: the start of 2026, UTC).
    trace_limit
        Maximum number of events in the trace (default 200,000).

    Raises
    ------
    UsageError
        `guest_time` isn't a valid duration, or `fuel_limit` is below 1.
    """

    seed: int = 0
    deadline: float = 5.0
    memory_limit: int = 1 << 30
    guest_time: float | str = "measured"
    fuel: bool = False
    fuel_limit: int | None = None
    foreign: Mapping[str, Callable[[ForeignCall], Any]] = field(default_factory=dict)
    show_locals: bool = False
    start_time: float = _START
    trace_limit: int = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        _ = self.fixed_time
        if self.fuel_limit is not None:
            if self.fuel_limit < 1:
                raise UsageError(
                    f"fuel_limit= must be at least 1 instruction, not {self.fuel_limit}. Omit it for no limit."
                )
            object.__setattr__(self, "fuel", True)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy`."""
        return _values(self)

    @property
    def fixed_time(self) -> float | None:
        """Virtual seconds that every callback takes, or None if a callback takes its real duration."""
        if self.guest_time == "measured":
            return _GUEST_TIME if self.fuel else None
        if self.frozen:
            return 0.0
        try:
            seconds = float(self.guest_time)
        except (TypeError, ValueError):
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise UsageError(
                f"guest_time= must be 'measured', 'frozen' or a number of seconds (at least 0), not {self.guest_time!r}."
            )
        return seconds

    @property
    def frozen(self) -> bool:
        """Whether callbacks take no time, and both clocks of a filter show the same time."""
        return self.guest_time == "frozen"


def _values(settings: Any) -> dict[str, Any]:
    return {f.name: getattr(settings, f.name) for f in fields(settings)}
