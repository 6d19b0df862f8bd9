"""Where a filter spends its instructions, line by line: `sys.monitoring` on the filter's own code.

The clock is fuel, which counts instructions of Wasm: the proxy answers `get_metric(PROBE)` with it while a profile runs. It
is read when an event comes and again when the event has been dealt with. So what lies between two readings is a line of the
filter, with all that it calls outside the filter, and a constant: the way from the interpreter into the handler and back. The
constant is measured on lines that do nothing, and taken away.
"""

import sys
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

__all__ = ["PROBE", "SHIFT", "Profiler"]

#: Python has it from 3.12 on, and so has every Wasm module of ours.
_monitoring: Any = getattr(sys, "monitoring", None)

#: A metric id that no proxy gives. While a profile runs, its value is the fuel used, and in the lowest bits the number of
#: hostcalls made.
PROBE = 0xFFFFFFFF

#: Bits of the hostcalls.
SHIFT = 16

_LOW = (1 << SHIFT) - 1

#: Lines that do nothing, to measure the constant; and how often they run before they are measured.
_IDLE, _WARM = 64, 20

#: What is known of a line: hits, fuel, hostcalls, charges (readings that ended on it).
_HITS, _FUEL, _CALLS, _CHARGES = range(4)

_Line = list[int]

#: Key of what ran between two visits to the filter's lines: the SDK, and the glue around it.
_AROUND = (0, 0)


class Profiler:
    """One run of a profile.

    Parameters
    ----------
    get_metric
        The hostcall, as the binding has it.
    codes
        Code of the filter, nested code included.

    Attributes
    ----------
    cost
        Fuel that one event costs beyond what is measured inside it.
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
        """Watch the filter's lines from now on."""
        self._lines = {}
        self._watch(self._codes)

    def stop(self) -> dict[str, Any]:
        """End it all.

        Returns
        -------
        dict
            `lines`: [file, line, function, hits, fuel, hostcalls] each. `around`: fuel between two visits to them. `events`
            that were dealt with, and the `cost` of each, which has been taken away.
        """
        monitoring = _monitoring
        monitoring.set_events(self._tool, 0)
        for code in self._codes:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)
        codes = {id(code): code for code in self._codes}
        events = sum(x[_CHARGES] for x in self._lines.values())
        around = self._lines.pop(_AROUND, [0, 0, 0, 0])
        told = [
            [
                codes[at].co_filename,
                number,
                codes[at].co_qualname,
                x[_HITS],
                x[_FUEL] - x[_CHARGES] * self.cost,
                x[_CALLS],
            ]
            for (at, number), x in self._lines.items()
        ]
        outside = around[_FUEL] - around[_CHARGES] * self.cost
        return {"lines": told, "around": outside, "events": events, "cost": self.cost}

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
        monitoring.set_events(self._tool, events.PY_UNWIND)  # cannot be had for some code only
        wanted = sum(handlers)
        for code in codes:
            monitoring.set_local_events(self._tool, code, wanted)

    def _measure(self) -> float:
        """The constant: what a line that does nothing costs when it is watched, without what it costs anyway."""
        source = "def idle():\n" + "    pass\n" * _IDLE
        space: dict[str, Any] = {}
        exec(source, space)  # noqa: S102 - our own text
        idle = space["idle"]
        unwatched = self._run(idle) - self._run(_nothing)
        self._watch([idle.__code__])
        for _ in range(_WARM):
            idle()
        self._lines.clear()
        idle()
        _monitoring.set_local_events(self._tool, idle.__code__, 0)
        watched = [x for (_, number), x in self._lines.items() if number > 2]
        return sum(x[_FUEL] for x in watched) / len(watched) - max(0, unwatched) / _IDLE

    def _run(self, function: Callable[[], None]) -> int:
        """Fuel of a call."""
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
    """What `sys.monitoring` calls for a line, for entering and leaving a function, and for an exception that leaves one.

    The first and the last thing that each does is to read the clock.
    """
    stack: list[_Line] = []  # the line that runs in each active function of the filter
    last = 0  # what the clock said when the last event had been dealt with; 0 before the first

    def of(at: tuple[int, int]) -> _Line:
        found = lines.get(at)
        if found is None:
            found = lines[at] = [0, 0, 0, 0]
        return found

    def charge(found: _Line, now: int) -> None:
        used = now - last if last else 0
        found[_FUEL] += used >> SHIFT
        found[_CALLS] += used & _LOW
        found[_CHARGES] += last != 0

    def line(code: CodeType, number: int) -> None:
        nonlocal last
        now = read(PROBE)[1]
        found = of((id(code), number))
        found[_HITS] += 1
        if stack:
            charge(stack[-1], now)
            stack[-1] = found
        else:
            charge(of(_AROUND), now)
            stack.append(found)
        last = read(PROBE)[1]

    def enter(code: CodeType, _offset: int) -> None:
        nonlocal last
        now = read(PROBE)[1]
        charge(stack[-1] if stack else of(_AROUND), now)
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
