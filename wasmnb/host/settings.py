"""Settings of a proxy: those that a real Envoy has as well, and those of the simulation alone."""

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
from .http.stream_state import Limits
from .plugins.built_in import BuiltIn
from .trace.trace import DEFAULT_LIMIT

if TYPE_CHECKING:
    from .foreign_functions.own_functions import ForeignCall

__all__ = ["LOG_LEVELS", "MAIN_CLUSTER", "ProxySettings", "SimulationSettings", "check_switches"]

#: Name of the cluster that `upstream` stands for.
MAIN_CLUSTER = "upstream"

#: Envoy's name of a log level -> the level.
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

#: Settings that a listener update can change; all others need a new proxy.
_OF_LISTENER = frozenset(
    ("routes", "listener", "buffer_limit", "route_timeout", "idle_timeout", "request_timeout"),
)


def _node() -> Mapping[str, Any]:
    return {"id": "wasmnb", "cluster": "wasmnb"}


#: Virtual seconds that a callback takes in a proxy that counts fuel, unless `guest_time` is a number.
_GUEST_TIME = 1e-4


def check_switches(switches: Iterable[str], proxy: type) -> None:
    """Check the names of options of the HTTP connection manager, which a proxy takes as keyword arguments.

    Parameters
    ----------
    switches
        The names.
    proxy
        The class whose constructor got them. The error suggests names of its parameters as well.

    Raises
    ------
    UsageError
        There is no such option.
    """
    known = [each.name for each in fields(HttpConnectionManager)]
    for name in switches:
        if name not in known:
            import inspect

            advice = option_advice(name, [*inspect.signature(proxy).parameters, *known])
            raise UsageError(
                f"{proxy.__name__} has no parameter {name!r}, and its connection manager has no such option. {advice}"
            )


@dataclass(frozen=True)
class ProxySettings:
    """Settings other than the plugins that the simulated proxy and the real Envoy have in common. Limits default to Envoy's.

    Parameters
    ----------
    workers
        Number of worker threads, at least 1 (default 4).
    upstream
        What responds to requests of the main cluster, which is named `upstream`: a `Response`, a function from `Request` to
        `Response`, or a `Cluster`. None (the default): an echo that responds with 200.
    clusters
        Other clusters by name, each with a value as for `upstream` (default none). Here None is a cluster without endpoints.
    routes
        A list of `RouteMatch`es, or of Envoy's routes as mappings, of which the first that matches is used; or a whole route
        configuration of Envoy as a mapping. By default every request goes to the main cluster.
    listener
        Direction, address, metadata and names of the listener, which properties show (default `Listener()`).
    node
        Id, cluster and metadata of the node, which the properties under `xds.node` show (default: id and cluster `wasmnb`).
    buffer_limit
        Most bytes of a body that a filter can hold back (default 1 MiB).
    route_timeout
        Seconds in which the upstream must finish its response (default 15). 0: no limit.
    idle_timeout
        Seconds without traffic after which a stream ends (default 300). 0: no limit.
    request_timeout
        Seconds in which the client must finish its request. 0 (the default): no limit.
    stats_flush_interval
        Seconds between two snapshots of the statistics, which stats sinks get (default 5).
    log_level
        Lowest level that the Wasm logger writes (default INFO).
    connection_manager
        Options of the HTTP connection manager, as an `HttpConnectionManager` or as Envoy's message.
    built_in
        Envoy's own HTTP filters in the chain (default none).
    name
        The proxy's name in messages and views. By default, that of the first plugin.

    Raises
    ------
    UsageError
        `workers` is below 1, or `routes` or `connection_manager` has an unknown field or one of the wrong type.
    """

    workers: int = 4
    upstream: Any = None
    clusters: Mapping[str, Any] = field(default_factory=dict)
    routes: Sequence[RouteMatch | Mapping[str, Any]] | RouteTable | Mapping[str, Any] = (RouteMatch(),)
    listener: Listener = field(default_factory=Listener)
    node: Mapping[str, Any] = field(default_factory=_node)
    buffer_limit: int = Limits.buffer
    route_timeout: float = Limits.route_timeout
    idle_timeout: float = Limits.idle_timeout
    request_timeout: float = Limits.request_timeout
    stats_flush_interval: float = 5.0
    log_level: LogLevel = LogLevel.INFO
    connection_manager: HttpConnectionManager | Mapping[str, Any] = field(default_factory=HttpConnectionManager)
    built_in: Sequence[BuiltIn] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(f"workers must be at least 1, not {self.workers}.")
        _ = self.table, self.manager  # so that both kinds of proxy raise for invalid ones here

    @classmethod
    def of(cls, *, log_level: LogLevel | str, **arguments: Any) -> Self:
        """Return the settings for the arguments of a proxy's constructor.

        Parameters
        ----------
        log_level
            A level, or Envoy's name for it, such as "warning".
        arguments
            Other settings by name. None stands for the default.

        Raises
        ------
        UsageError
            A setting isn't valid.
        """
        level = LOG_LEVELS.get(log_level) if isinstance(log_level, str) else log_level
        if level is None:
            raise UsageError(f"log_level must be a LogLevel or one of {', '.join(LOG_LEVELS)}, not {log_level!r}.")
        return cls(log_level=level, **{name: value for name, value in arguments.items() if value is not None})

    @property
    def limits(self) -> Limits:
        """The limits of a stream."""
        return Limits(self.buffer_limit, self.route_timeout, self.idle_timeout, self.request_timeout)

    @property
    def table(self) -> RouteTable:
        """The routes as workers use them."""
        return to_table(self.routes, self.listener.virtual_host)

    @property
    def manager(self) -> HttpConnectionManager:
        """The options of the HTTP connection manager."""
        return HttpConnectionManager.of(self.connection_manager)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy` or `Envoy`."""
        return _values(self)

    def for_update(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings after a listener update.

        Parameters
        ----------
        changes
            New values by the names of the settings.

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
        """Return a setting, or None if it has its default, so that Envoy's configuration can leave it out."""
        value = getattr(self, name)
        return None if value == getattr(_DEFAULTS, name) else value


_DEFAULTS = ProxySettings()


@dataclass(frozen=True)
class SimulationSettings:
    """Settings that only the simulated proxy has. `Proxy` documents them in detail.

    Parameters
    ----------
    seed
        Seed of random ids, and of the order in which threads run if they have events at the same time (default 0).
    deadline
        Real seconds after which a call into a filter traps (default 5), exact to 0.1 s.
    memory_limit
        Most bytes that the memories and tables of a VM can have, and that all filters together can store in the proxy
        (default 1 GiB).
    guest_time
        Virtual seconds that a callback takes; `"measured"` (the default): as long as it really took; `"frozen"`: no time, and
        the monotonic clock shows the same time as the wall clock.
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
        Number of events that the trace keeps (default 200,000).

    Raises
    ------
    UsageError
        `guest_time` isn't a time, or `fuel_limit` is below 1.
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
                    f"fuel_limit must be at least 1 instruction, not {self.fuel_limit}. For no limit, leave it out."
                )
            object.__setattr__(self, "fuel", True)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy`."""
        return _values(self)

    @property
    def fixed_time(self) -> float | None:
        """Virtual seconds that every callback takes. None: as long as it really took."""
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
                f"guest_time must be 'measured', 'frozen' or a number of seconds, at least 0, not {self.guest_time!r}."
            )
        return seconds

    @property
    def frozen(self) -> bool:
        """Whether callbacks take no time, and both clocks of a filter show the same time."""
        return self.guest_time == "frozen"


def _values(settings: Any) -> dict[str, Any]:
    return {f.name: getattr(settings, f.name) for f in fields(settings)}
