"""Profiles of a filter: the instructions that each of its lines executes, measured with `sys.monitoring`.

The clock is fuel, which counts instructions of Wasm: `get_metric(PROBE)` returns it while a profile runs. It is read at the
start and at the end of each event's handler. So the difference between two readings is the cost of one line of the filter,
including everything that it calls outside of the filter, plus a constant: the path from the interpreter into the handler and
back. The constant is measured on lines that do nothing, and subtracted.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from ...abi import HOSTCALLS

__all__ = ["CALLS", "PROBE", "SHIFT", "Profiler"]

#: Available from Python 3.12 on, and in every Wasm module of wasmnb.
_monitoring: Any = getattr(sys, "monitoring", None)

#: A metric id that no proxy uses. While a profile runs, its value is the fuel used, and in the lowest bits the number of the
#: proxy's events: if it has not changed, no hostcall was made.
PROBE = 0xFFFFFFFF

#: Number of bits for the number of events.
SHIFT = 16

#: Another such id: repeated reads return the hostcalls between the last two readings, one by one, as positions in the ABI's
#: table (counted from 1), and then 0.
CALLS = 0xFFFFFFFE

_LOW = (1 << SHIFT) - 1

#: Number of lines that do nothing, for measuring the constant, and number of runs before the measurement.
_IDLE, _WARM = 64, 20


class _Line:
    """Counts of a line: hits, fuel, charges (readings added to it), and hostcalls by their position in the table."""

    __slots__ = ("calls", "charges", "fuel", "hits")

    def __init__(self) -> None:
        self.hits = self.fuel = self.charges = 0
        self.calls: Counter[int] = Counter()

    def totals(self, cost: float) -> tuple[int, float, dict[str, int]]:
        """Return hits, fuel without the cost of monitoring, and hostcalls by name."""
        names = [hostcall.short for hostcall in HOSTCALLS.values()]
        return self.hits, self.fuel - self.charges * cost, {names[at - 1]: n for at, n in self.calls.items()}


#: Key of the fuel between the filter's lines: the SDK and the glue.
_OUTSIDE = (0, 0)


class Profiler:
    """Records one profile.

    Parameters
    ----------
    get_metric
        The binding's hostcall `get_metric`.
    codes
        Code objects of the filter.

    Attributes
    ----------
    cost
        Fuel that one event costs outside of the readings in its handler.
    """

    def __init__(self, get_metric: Callable[[int], Any], codes: Iterable[CodeType]) -> None:
        self._read = get_metric
        self._codes = [nested for code in codes for nested in _all(code)]
        self._lines: dict[tuple[int, int], _Line] = {}
        self._tool = _monitoring.PROFILER_ID
        _monitoring.use_tool_id(self._tool, "wasmnb")
        self.cost = 0.0
        self.cost = self._measure()

    def start(self) -> None:
        """Start to monitor the filter's lines."""
        self._lines = {}
        self._watch(self._codes)

    def stop(self) -> dict[str, Any]:
        """Stop and return the profile.

        Returns
        -------
        dict
            `lines`: a list of [file, line, function, hits, fuel, hostcalls by name]. `around`: fuel used outside of the
            filter's lines. `events`: number of events. `cost`: fuel of each event, which has been subtracted.
        """
        monitoring = _monitoring
        monitoring.set_events(self._tool, 0)
        for code in self._codes:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)
        codes = {id(code): code for code in self._codes}
        events = sum(line.charges for line in self._lines.values())
        _, outside, _ = self._lines.pop(_OUTSIDE, _Line()).totals(self.cost)
        lines = [
            [codes[at].co_filename, number, codes[at].co_qualname, *line.totals(self.cost)]
            for (at, number), line in self._lines.items()
        ]
        return {"lines": lines, "around": outside, "events": events, "cost": self.cost}

    def _watch(self, codes: list[CodeType]) -> None:
        monitoring, events = _monitoring, _monitoring.events
        line, enter, leave, unwind = _handlers(self._read, self._lines, {id(code) for code in codes})
        handlers = {
            events.LINE: line,
            events.PY_START: enter,
            events.PY_RESUME: enter,
            events.PY_RETURN: leave,
            events.PY_YIELD: leave,
        }
        for event, handler in handlers.items():
            monitoring.register_callback(self._tool, event, handler)
        monitoring.register_callback(self._tool, events.PY_UNWIND, unwind)
        monitoring.set_events(self._tool, events.PY_UNWIND)  # not available for single code objects
        mask = sum(handlers)
        for code in codes:
            monitoring.set_local_events(self._tool, code, mask)

    def _measure(self) -> float:
        """Return the constant: what monitoring adds to the cost of a line that does nothing."""
        source = "def idle():\n" + "    pass\n" * _IDLE
        namespace: dict[str, Any] = {}
        exec(source, namespace)  # noqa: S102 - our own text
        idle = namespace["idle"]
        unmonitored = self._run(idle) - self._run(_nothing)
        self._watch([idle.__code__])
        for _ in range(_WARM):
            idle()
        self._lines.clear()
        idle()
        _monitoring.set_local_events(self._tool, idle.__code__, 0)
        monitored = [line for (_, number), line in self._lines.items() if number > 2]
        return sum(line.fuel for line in monitored) / len(monitored) - max(0, unmonitored) / _IDLE

    def _run(self, function: Callable[[], None]) -> int:
        """Return the fuel of a call."""
        for _ in range(_WARM):
            function()
        before: int = self._read(PROBE)[1]
        function()
        used: int = self._read(PROBE)[1] - before
        return used >> SHIFT


def _nothing() -> None:
    pass


def _all(code: CodeType) -> Iterable[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all(constant)


def _handlers(read: Callable[[int], Any], lines: dict[tuple[int, int], _Line], known: set[int]) -> tuple[Any, ...]:
    """Return the handlers for a line, for entering and leaving a function, and for an exception that leaves one.

    Each reads the clock first and last.
    """
    stack: list[_Line] = []  # the line that runs in each active function of the filter
    last = 0  # the clock at the end of the last handler; 0 before the first

    def of(at: tuple[int, int]) -> _Line:
        entry = lines.get(at)
        if entry is None:
            entry = lines[at] = _Line()
        return entry

    def charge(entry: _Line, now: int) -> None:
        used = now - last if last else 0
        entry.fuel += used >> SHIFT
        entry.charges += last != 0
        if used & _LOW:
            while place := read(CALLS)[1]:
                entry.calls[place] += 1

    def line(code: CodeType, number: int) -> None:
        nonlocal last
        now = read(PROBE)[1]
        entry = of((id(code), number))
        entry.hits += 1
        if stack:
            charge(stack[-1], now)
            stack[-1] = entry
        else:
            charge(of(_OUTSIDE), now)
            stack.append(entry)
        last = read(PROBE)[1]

    def enter(code: CodeType, _offset: int) -> None:
        nonlocal last
        now = read(PROBE)[1]
        charge(stack[-1] if stack else of(_OUTSIDE), now)
        stack.append(of((id(code), code.co_firstlineno)))
        last = read(PROBE)[1]

    def leave(_code: CodeType, _offset: int, _value: object) -> None:
        nonlocal last
        now = read(PROBE)[1]
        if stack:
            charge(stack.pop(), now)
        last = read(PROBE)[1]

    def unwind(code: CodeType, offset: int, error: BaseException) -> None:
        if id(code) in known:
            leave(code, offset, error)

    return line, enter, leave, unwind
