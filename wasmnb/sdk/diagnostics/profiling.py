"""Profiler that counts the Wasm instructions executed by each line of a filter, with `sys.monitoring`.

The clock is fuel, wasmtime's counter of executed instructions. While a profile runs, `get_metric(PROBE)` reads this clock. The
handler of every monitoring event reads the clock when it starts and when it ends. The time between two handlers is the cost of
one line, including all code that the line calls outside of the filter, plus the constant cost of calling a handler. The
constant is measured with lines that do nothing, and subtracted.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from ...abi import HOSTCALLS

__all__ = ["CALLS", "PROBE", "SHIFT", "Profiler"]

#: None before Python 3.12. Always available inside Wasm.
_monitoring: Any = getattr(sys, "monitoring", None)

#: A metric id that no proxy uses. While a profile runs, `get_metric` returns the used fuel for it. The lowest bits contain the
#: number of events in the proxy's trace: if this number is unchanged, no hostcall was made.
PROBE = 0xFFFFFFFF

#: Number of the bits that contain the number of events.
SHIFT = 16

#: Another metric id that no proxy uses. Repeated reads return the hostcalls made between the last two readings of the clock,
#: one by one, as positions in the ABI's table counted from 1. After the last hostcall, 0 is returned.
CALLS = 0xFFFFFFFE

_LOW = (1 << SHIFT) - 1

#: Number of lines that do nothing, with which the constant is measured, and number of runs before the measurement.
_IDLE, _WARM = 64, 20


class _Line:
    """Measurements of one source line: hits, fuel, number of clock readings, and hostcalls by position in the ABI's table."""

    __slots__ = ("calls", "charges", "fuel", "hits")

    def __init__(self) -> None:
        self.hits = self.fuel = self.charges = 0
        self.calls: Counter[int] = Counter()

    def totals(self, cost: float) -> tuple[int, float, dict[str, int]]:
        """Return the number of hits, the fuel without the cost of monitoring, and the hostcalls by name."""
        names = [hostcall.short for hostcall in HOSTCALLS.values()]
        return self.hits, self.fuel - self.charges * cost, {names[at - 1]: n for at, n in self.calls.items()}


#: Key of the fuel used outside of the filter's lines, by the SDK and the glue code.
_OUTSIDE = (0, 0)


class Profiler:
    """Recorder of one profile of a filter.

    Parameters
    ----------
    get_metric
        The binding's hostcall `get_metric`.
    codes
        Code objects of the filter.

    Attributes
    ----------
    cost
        Fuel used to call the handler of one event, which is subtracted from the cost of a line.
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
        """Start to record the filter's lines."""
        self._lines = {}
        self._watch(self._codes)

    def stop(self) -> dict[str, Any]:
        """Stop recording, and return the profile.

        Returns
        -------
        dict
            `lines` is a list of [file, line, function, hits, fuel, hostcalls by name]. `around` is the fuel used outside of
            the filter's lines. `events` is the number of monitoring events, and `cost` the fuel subtracted for each of them.
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
        monitoring.set_events(self._tool, events.PY_UNWIND)  # this event can't be enabled for single code objects
        mask = sum(handlers)
        for code in codes:
            monitoring.set_local_events(self._tool, code, mask)

    def _measure(self) -> float:
        """Measure how much fuel monitoring adds to a line that does nothing."""
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
        """Call a function and return the fuel that the call used."""
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
    """Return the handlers for the start of a line, the start and end of a function, and an exception that leaves a function.

    Each handler reads the clock at its start and at its end.
    """
    stack: list[_Line] = []  # the current line of each active function of the filter
    last = 0  # the clock at the end of the last handler, or 0 before the first one

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
