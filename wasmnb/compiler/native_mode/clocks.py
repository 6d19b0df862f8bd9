"""The modules `time` and `datetime` for a native filter. As in Wasm, they use the proxy's virtual clock and UTC."""

from __future__ import annotations

import calendar
import datetime as dt
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .wasi_services import WasiServices

__all__ = ["make_datetime", "make_time"]


def _copy(module: ModuleType, **replaced: Any) -> ModuleType:
    """Return a copy of a module in which some attributes are replaced."""
    copy = ModuleType(module.__name__, module.__doc__)
    copy.__dict__.update(vars(module))
    copy.__dict__.update(replaced)
    return copy


def make_time(services: WasiServices) -> ModuleType:
    """Return a `time` module that reads the proxy's clocks. `sleep` blocks in real time, as it would block a
    worker in Envoy.
    """
    wall, monotonic = services.wall_ns, services.monotonic_ns

    def seconds(clock: Callable[[], int]) -> Callable[[], float]:
        return lambda: clock() / 1e9

    def gmtime(secs: float | None = None) -> time.struct_time:
        return time.gmtime(wall() / 1e9 if secs is None else secs)

    replaced: dict[str, Any] = {
        "time": seconds(wall), "time_ns": wall,
        "monotonic": seconds(monotonic), "monotonic_ns": monotonic,
        "perf_counter": seconds(monotonic), "perf_counter_ns": monotonic,
        "gmtime": gmtime, "localtime": gmtime, "mktime": lambda t: float(calendar.timegm(t)),
        "ctime": lambda secs=None: time.asctime(gmtime(secs)),
        "asctime": lambda t=None: time.asctime(gmtime() if t is None else t),
        "strftime": lambda form, t=None: time.strftime(form, gmtime() if t is None else t),
        "timezone": 0, "altzone": 0, "daylight": 0, "tzname": ("UTC", "UTC"),
    }  # fmt: skip
    return _copy(time, **replaced)


class _StandIn(type):
    """Metaclass of the replacements for `datetime` and `date`, which create and recognise instances of the real classes."""

    real: type[Any]

    def __call__(cls, *args: Any, **named: Any) -> Any:
        return cls.real(*args, **named) if "real" in cls.__dict__ else super().__call__(*args, **named)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.real) if "real" in cls.__dict__ else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type[Any]) -> bool:
        return issubclass(subclass, cls.real) if "real" in cls.__dict__ else super().__subclasscheck__(subclass)


def make_datetime(services: WasiServices) -> ModuleType:
    """Return a `datetime` module whose `now` and `today` read the proxy's clock, and whose local time is UTC."""
    utc = dt.UTC

    def at(seconds: float, tz: dt.tzinfo | None) -> dt.datetime:
        moment = dt.datetime.fromtimestamp(seconds, tz or utc)
        return moment if tz is not None else moment.replace(tzinfo=None)

    def now(tz: dt.tzinfo | None = None) -> dt.datetime:
        return at(services.wall_ns() // 1000 / 1e6, tz)

    moment = {
        "real": dt.datetime,
        "now": staticmethod(now),
        "utcnow": staticmethod(now),
        "today": staticmethod(now),
        "fromtimestamp": staticmethod(lambda seconds, tz=None: at(seconds, tz)),
    }
    day = {
        "real": dt.date,
        "today": staticmethod(lambda: now().date()),
        "fromtimestamp": staticmethod(lambda seconds: at(seconds, None).date()),
    }
    return _copy(
        dt,
        datetime=_StandIn("datetime", (dt.datetime,), moment),
        date=_StandIn("date", (dt.date,), day),
    )
