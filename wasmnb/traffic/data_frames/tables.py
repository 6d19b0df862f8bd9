"""Convert exchanges, callbacks, hostcalls, metrics and log lines to pandas, polars or Arrow tables.

The columns are documented in `SCHEMAS` in `columns`. The three libraries are optional, so install the one that you use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from ..._display import visible
from ...abi import MetricType
from ...errors import UsageError
from ...host.trace.filter_times import FilterTimes
from .columns import SCHEMAS, Columns

if TYPE_CHECKING:
    from ...host import Event, Proxy

__all__ = ["EventTables", "ReportTables", "Tables", "TablesMixin", "metric_rows", "row_of", "tables_of"]


class TablesMixin:
    """Mixin that adds `to_pandas`, `to_polars` and `to_arrow` to a class with a method `table`."""

    def table(self, name: str) -> Columns:
        """Return the table called `name`, for example `exchanges`."""
        raise NotImplementedError

    def to_pandas(self, table: str = "exchanges") -> Any:
        """Return a table as a pandas DataFrame.

        Parameters
        ----------
        table
            `exchanges` (the default), `callbacks`, `hostcalls`, `metrics` or `logs`.

        Raises
        ------
        UsageError
            The table doesn't exist or wasn't collected, or pandas is not installed.
        """
        return _library("pandas").DataFrame(self._named(table).as_arrays())

    def to_polars(self, table: str = "exchanges") -> Any:
        """Return a table as a polars DataFrame. The parameter and the errors are those of `to_pandas`."""
        return _library("polars").DataFrame(self._named(table).as_arrays())

    def to_arrow(self, table: str = "exchanges") -> Any:
        """Return a table as a pyarrow Table. The parameter and the errors are those of `to_pandas`."""
        return _library("pyarrow").table(self._named(table).as_arrays())

    def _named(self, name: str) -> Columns:
        if name not in SCHEMAS:
            raise UsageError(f"The table {name!r} doesn't exist. Use one of {', '.join(SCHEMAS)}.")
        return self.table(name)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"The package {name} is not installed. Run `pip install {name}`.") from None


class EventTables:
    """The tables of callbacks, hostcalls and log lines. They have one row for each event of the trace or line of the log.

    Attributes
    ----------
    tables
        The tables by name.
    """

    def __init__(self) -> None:
        self.tables = {name: Columns(SCHEMAS[name]) for name in ("callbacks", "hostcalls", "logs")}

    def add_events(self, events: Iterable[Event], index_of: Callable[[int | None], int]) -> None:
        """Append the callbacks and hostcalls of a trace to their tables.

        Parameters
        ----------
        events
            Events of the trace. Events of other kinds are ignored.
        index_of
            Function that returns the index of the exchange with a number, and -1 for None.
        """
        callbacks, hostcalls = self.tables["callbacks"], self.tables["hostcalls"]
        for event in events:
            place = (index_of(event.exchange), event.thread, _number(event.vm), _number(event.context))
            if event.kind == "callback":
                result = "" if event.result is None else getattr(event.result, "name", str(event.result))
                callbacks.add(
                    event.seq, event.time, *place, event.name, event.guest_ns / 1e9, event.host_ns / 1e9, result, _number(event.fuel)
                )  # fmt: skip
            elif event.kind == "hostcall":
                status = "" if event.status is None else getattr(event.status, "name", str(event.status))
                hostcalls.add(event.seq, _number(event.parent), *place, event.name, status, event.host_ns / 1e9)

    def add_lines(self, lines: Iterable[Any], index_of: Callable[[int | None], int]) -> None:
        """Append log lines to their table. `index_of` is described at `add_events`."""
        for line in lines:
            level = line.level.name.lower()
            self.tables["logs"].add(line.time, level, line.source, index_of(line.exchange), line.thread, line.text)

    def extend(self, other: EventTables) -> None:
        """Append the rows of the next shard to each table."""
        for name, table in self.tables.items():
            table.extend(other.tables[name])


class ReportTables(TablesMixin):
    """Base class of reports that contain the tables of their traffic.

    Attributes
    ----------
    rows, metrics
        The tables of exchanges and metrics.
    events
        The tables of callbacks, hostcalls and log lines, or None if they were not collected (`events=False`).
    """

    #: Name of the function that returns the report, for error messages.
    function: ClassVar[str]
    rows: Columns
    metrics: Columns
    events: EventTables | None

    def table(self, name: str) -> Columns:
        """Return the table called `name`. The names are listed at `to_pandas`.

        Raises
        ------
        UsageError
            The table wasn't collected.
        """
        if name in ("exchanges", "metrics"):
            return self.rows if name == "exchanges" else self.metrics
        if self.events is None:
            raise UsageError(f"The table {name!r} was not collected. Use {self.function}(..., events=True).")
        return self.events.tables[name]


def metric_rows(proxy: Any, shard: int = 0) -> Columns:
    """Return the table of the metrics of a proxy's filters. `shard` is the value of the column `shard` (default 0)."""
    rows = Columns(SCHEMAS["metrics"])
    for metric in proxy.metrics.all():
        samples = metric.samples if metric.kind is MetricType.HISTOGRAM else []
        value = float(sum(samples)) if metric.kind is MetricType.HISTOGRAM else float(metric.value)
        rows.add(metric.name, metric.kind.name.lower(), value, len(samples), shard)
    return rows


def _number(value: int | None) -> int:
    return -1 if value is None else value


class Tables(TablesMixin):
    """Exchanges, trace, metrics and log of a simulated proxy as tables. The column `index` is the exchange's number minus 1.

    Parameters
    ----------
    proxy
        A simulated proxy.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def table(self, name: str) -> Columns:
        """Return the table called `name`. It contains the data that the proxy currently keeps."""
        proxy = self._proxy
        if name == "metrics":
            return metric_rows(proxy)
        if name == "exchanges":
            return _exchange_rows(proxy)
        collected = EventTables()
        if name == "logs":
            collected.add_lines(proxy.log, _index)
        else:
            collected.add_events(proxy.trace, _index)
        return collected.tables[name]

    def __repr__(self) -> str:
        return f"<Tables of {visible(self._proxy.name)}: {', '.join(SCHEMAS)}>"


def _index(number: int | None) -> int:
    return -1 if number is None else number - 1


def _exchange_rows(proxy: Proxy) -> Columns:
    rows, times = Columns(), FilterTimes()
    for callback in proxy.trace.callbacks():
        times.add(callback)
    for exchange in proxy.exchanges:
        request = getattr(exchange, "request", None)
        if request is not None:
            rows.add(*row_of(exchange, _index(exchange.number), exchange.worker, 0, times.take(exchange)))
    return rows


def row_of(exchange: Any, index: int, worker: int, recorded_status: int, filter_ns: int) -> tuple[Any, ...]:
    """Return an HTTP exchange as a row of the table `exchanges`."""
    request, response = exchange.request, exchange.response
    status, size = (0, 0) if response is None else (response.status, len(response.body))
    return (
        index, worker, request.method, request.path, recorded_status, status, exchange.state, exchange.duration, filter_ns / 1e9,
        len(request.body), size,
    )  # fmt: skip


def tables_of(proxy: Proxy) -> Tables:
    """Return the exchanges, callbacks, hostcalls, metrics and log lines of a simulated proxy as tables.

        wasmnb.tables_of(auth).to_pandas("hostcalls")

    Parameters
    ----------
    proxy
        A simulated proxy.

    Raises
    ------
    UsageError
        `proxy` isn't a simulated proxy.
    """
    from ...host import Proxy as Simulated

    if not isinstance(proxy, Simulated):
        raise UsageError(
            f"tables_of() requires a Proxy, not {type(proxy).__name__}. For a report, call its to_pandas()."
        )
    return Tables(proxy)
