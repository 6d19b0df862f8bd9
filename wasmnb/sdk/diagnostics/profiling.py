"""Where a filter spends its instructions, line by line: `sys.monitoring` on the filter's own code.

The clock is fuel, which counts instructions of Wasm: the proxy answers `get_metric(PROBE)` with it while a profile runs. It
is read when an event comes and again when the event has been dealt with. So what lies between two readings is a line of the
filter, with all that it calls outside the filter, and a constant: the way from the interpreter into the handler and back. The
constant is measured on lines that do nothing, and taken away.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

from ...abi import HOSTCALLS

__all__ = ["CALLS", "PROBE", "SHIFT", "Profiler"]

#: Python has it from 3.12 on, and so has every Wasm module of ours.
_monitoring: Any = getattr(sys, "monitoring", None)

#: A metric id that no proxy gives. While a profile runs, its value is the fuel used, and in the lowest bits how many events
#: the proxy has seen: where that number has not changed no hostcall was made.
PROBE = 0xFFFFFFFF

#: Bits of the events.
SHIFT = 16

#: Another such id: asked again and again it tells the hostcalls between the last two readings, each by its place in the
#: ABI's table, from 1; then 0.
CALLS = 0xFFFFFFFE

_LOW = (1 << SHIFT) - 1

#: Lines that do nothing, to measure the constant; and how often they run before they are measured.
_IDLE, _WARM = 64, 20


class _Line:
    """What is known of a line: hits, fuel, charges (readings that ended on it), hostcalls by their place in the table."""

    __slots__ = ("calls", "charges", "fuel", "hits")

    def __init__(self) -> None:
        self.hits = self.fuel = self.charges = 0
        self.calls: Counter[int] = Counter()

    def told(self, cost: float) -> tuple[int, float, dict[str, int]]:
        """Hits, fuel without what watching cost, hostcalls by name."""
        names = [hostcall.short for hostcall in HOSTCALLS.values()]
        return self.hits, self.fuel - self.charges * cost, {names[at - 1]: n for at, n in self.calls.items()}


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
            `lines`: [file, line, function, hits, fuel, hostcalls by name] each. `around`: fuel between two visits to them. `events`
            that were dealt with, and the `cost` of each, which has been taken away.
        """
        monitoring = _monitoring
        monitoring.set_events(self._tool, 0)
        for code in self._codes:
            monitoring.set_local_events(self._tool, code, 0)
        monitoring.free_tool_id(self._tool)
        codes = {id(code): code for code in self._codes}
        events = sum(x.charges for x in self._lines.values())
        _, outside, _ = self._lines.pop(_AROUND, _Line()).told(self.cost)
        told = [
            [codes[at].co_filename, number, codes[at].co_qualname, *line.told(self.cost)]
            for (at, number), line in self._lines.items()
        ]
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
        return sum(x.fuel for x in watched) / len(watched) - max(0, unwatched) / _IDLE

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
            found = lines[at] = _Line()
        return found

    def charge(found: _Line, now: int) -> None:
        used = now - last if last else 0
        found.fuel += used >> SHIFT
        found.charges += last != 0
        if used & _LOW:
            while place := read(CALLS)[1]:
                found.calls[place] += 1

    def line(code: CodeType, number: int) -> None:
        nonlocal last
        now = read(PROBE)[1]
        found = of((id(code), number))
        found.hits += 1
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
