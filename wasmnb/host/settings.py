"""Settings of a proxy: those that a real Envoy shares, and those of the simulation alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from ..abi import LogLevel
from ..errors import UsageError
from .contexts.stream_info import Listener
from .http.connection.manager import HttpConnectionManager
from .http.routing.reader import to_table
from .http.routing.route import RouteMatch
from .http.routing.table import RouteTable
from .http.stream_state import Limits
from .plugins.built_in import BuiltIn
from .trace.trace import DEFAULT_LIMIT

if TYPE_CHECKING:
    from .foreign.own_functions import ForeignCall

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
    """Check the names of switches of the connection manager.

    Parameters
    ----------
    switches
        The names.
    proxy
        Class whose constructor takes them. Names of its parameters are suggested as well.

    Raises
    ------
    UsageError
        There is no such switch.
    """
    known = [each.name for each in fields(HttpConnectionManager)]
    for name in switches:
        if name not in known:
            import inspect
            from difflib import get_close_matches

            close = get_close_matches(name, [*inspect.signature(proxy).parameters, *known], 1)
            advice = f" Did you mean {close[0]!r}?" if close else ""
            raise UsageError(
                f"{proxy.__name__} has no parameter {name!r}, and its connection manager has no such switch.{advice}"
            )


@dataclass(frozen=True)
class ProxySettings:
    """Settings around the plugins that the simulated proxy and the real Envoy share. The defaults are Envoy's.

    Parameters
    ----------
    workers
        Number of worker threads, at least 1.
    upstream
        Responder of the main cluster, `upstream`: a `Response`, a function from `Request` to `Response`, a `Cluster`, or
        None for an echo that responds with 200.
    clusters
        Other clusters by name, given as `upstream` is; None for one without endpoints.
    routes
        `RouteMatch`es or Envoy's routes as mappings, the first match counts; or a whole route configuration of Envoy. By
        default every request goes to the main cluster.
    listener
        Direction, metadata and names that properties show.
    node
        Id, cluster and metadata that the properties under `xds.node` show.
    buffer_limit
        Bytes of a body that a filter may hold (1 MiB).
    route_timeout
        Seconds that the upstream may take for a whole response (15); 0 for no limit.
    idle_timeout
        Seconds without traffic after which a stream ends (300); 0 for no limit.
    request_timeout
        Seconds that the client may take for a whole request; 0, the default, for no limit.
    stats_flush_interval
        Seconds between two snapshots of the statistics that stats sinks get (5).
    log_level
        Level of the Wasm logger (INFO); lines below it are not written.
    connection_manager
        Switches of the HTTP connection manager, as an `HttpConnectionManager` or as Envoy's message.
    built_in
        Envoy's own HTTP filters in the chain.
    name
        The proxy's name in messages and views; empty for the first plugin's.

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
            raise UsageError(f"A proxy needs at least one worker, not {self.workers}.")
        _ = self.table, self.manager  # both proxies refuse invalid ones here

    @classmethod
    def of(cls, *, log_level: LogLevel | str, **arguments: Any) -> Self:
        """Return settings from a constructor's arguments.

        Parameters
        ----------
        log_level
            A level, or Envoy's name of it ("warning").
        arguments
            Other settings; None stands for the default.

        Raises
        ------
        UsageError
            A setting isn't valid.
        """
        level = LOG_LEVELS.get(log_level) if isinstance(log_level, str) else log_level
        if level is None:
            raise UsageError(f"log_level is a LogLevel or one of {', '.join(LOG_LEVELS)}, not {log_level!r}.")
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
        """The switches of the connection manager."""
        return HttpConnectionManager.of(self.connection_manager)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy` or `Envoy`."""
        return _values(self)

    def for_update(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings after a listener update.

        Parameters
        ----------
        changes
            Setting -> new value.

        Raises
        ------
        UsageError
            A setting doesn't exist, or only a new proxy can change it.
        """
        for name in changes.keys() - _OF_LISTENER:
            raise UsageError(
                f"A listener update can't change {name!r}, only {', '.join(sorted(_OF_LISTENER))}. Start a new proxy for that."
            )
        return replace(self, **changes) if changes else self

    def changed(self, name: str) -> Any:
        """Return a setting, or None if it has its default: then Envoy's configuration doesn't need it."""
        value = getattr(self, name)
        return None if value == getattr(_DEFAULTS, name) else value


_DEFAULTS = ProxySettings()


@dataclass(frozen=True)
class SimulationSettings:
    """Settings that only the simulated proxy has.

    Parameters
    ----------
    seed
        Decides random ids, and which thread runs first at the same moment.
    deadline
        Real seconds that one entry into a filter may take (5, exact to 0.1 s).
    memory_limit
        Bytes that all memories and tables of a VM may have, and that all filters may store in the proxy (1 GiB).
    guest_time
        Virtual seconds that a callback takes, `"measured"` for the time that it really took, or `"frozen"`: callbacks take no
        time, and the monotonic clock shows what the wall clock shows.
    fuel
        Count the instructions of every callback.
    fuel_limit
        Instructions that a callback may run before it traps; None for no limit. A limit implies `fuel`.
    foreign
        Foreign functions by name.
    show_locals
        Show local variables in tracebacks of Python filters.
    start_time
        Wall-clock time, seconds since 1970, at which virtual time begins.
    trace_limit
        Number of events that the trace keeps.

    Raises
    ------
    UsageError
        `guest_time` is not a time, or `fuel_limit` is not a number of instructions.
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
                raise UsageError(f"fuel_limit is a number of instructions from 1, not {self.fuel_limit}.")
            object.__setattr__(self, "fuel", True)

    def arguments(self) -> dict[str, Any]:
        """Return the settings as arguments of `Proxy`."""
        return _values(self)

    @property
    def fixed_time(self) -> float | None:
        """Virtual seconds that every callback takes; None for the time that it really took."""
        if self.guest_time == "measured":
            return _GUEST_TIME if self.fuel else None
        if self.frozen:
            return 0.0
        try:
            seconds = float(self.guest_time)
        except (TypeError, ValueError):
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise UsageError(f"guest_time is 'measured', 'frozen' or a number of seconds, not {self.guest_time!r}.")
        return seconds

    @property
    def frozen(self) -> bool:
        """Whether both clocks of a filter show the same time, which moves only with `Proxy.advance`."""
        return self.guest_time == "frozen"


def _values(settings: Any) -> dict[str, Any]:
    return {f.name: getattr(settings, f.name) for f in fields(settings)}
