"""Timers of the SDK, which share a plugin's tick with the filter's own `on_tick`.

The proxy has one tick period for each plugin. It repeats the tick with this period, and setting the period restarts it. While
timers are active, the SDK sets the period to the time until the next timer or tick of the filter. Otherwise, the period is the
filter's own. The time is read with the hostcall `get_current_time_nanoseconds`, so that a simulated proxy can control it.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Any

from ..diagnostics.hostcall_causes import hostcall_error
from ..interfaces import ContextInterface, VMInterface
from .tasks import Future, Task

__all__ = ["Sleep", "Ticker", "Timer", "TimerHeap", "Timers"]

_MILLISECOND = 1_000_000

#: Limit for the time to wait, in seconds. Larger times could exceed a 64-bit clock in nanoseconds.
_LONGEST = 1e9

#: A heap removes its cancelled timers if there are more than this number of them, and more than half of all timers.
_FEW = 50


class Timer:
    """A function to call at a certain time. To keep cancelling fast, a cancelled timer stays in its heap until it is due."""

    __slots__ = ("_heap", "action", "due")

    def __init__(self, heap: "TimerHeap", due: int, action: Callable[[], None]) -> None:
        self._heap: TimerHeap | None = heap
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Cancel the timer, so that its action is not called."""
        heap, self._heap, self.action = self._heap, None, None
        if heap is not None:
            heap.note_cancelled()

    def take(self) -> Callable[[], None] | None:
        """Detach the timer from its heap, and return its action, or None if the timer was cancelled."""
        self._heap, action = None, self.action
        return action


class TimerHeap:
    """Timers sorted by the time when they are due, in nanoseconds of the proxy's clock."""

    __slots__ = ("_cancelled", "_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0

    def __len__(self) -> int:
        """Return the number of timers, including cancelled ones."""
        return len(self._heap)

    def call_at(self, due: int, action: Callable[[], None]) -> Timer:
        """Add a timer that calls `action` when the clock reaches `due`."""
        timer = Timer(self, due, action)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def is_first(self, timer: Timer) -> bool:
        """Return whether a timer is the next one that is due."""
        return self._heap[0][2] is timer

    def next_due(self) -> int | None:
        """Return the time when the next timer is due, or None if there are no timers except cancelled ones."""
        while self._heap and self._heap[0][2].action is None:
            self._pop()
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: int) -> None:
        """Call the actions of all timers that are due at the time `now`."""
        while self._heap and self._heap[0][0] <= now:
            action = self._pop()
            if action is not None:
                action()

    def note_cancelled(self) -> None:
        """Count a cancelled timer, and remove all cancelled timers if there are too many."""
        self._cancelled += 1
        if self._cancelled > _FEW and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _pop(self) -> Callable[[], None] | None:
        action = heapq.heappop(self._heap)[2].take()
        self._cancelled -= action is None
        return action


class Ticker:
    """The tick of one plugin, which is shared by the filter's `on_tick` and by the SDK's timers."""

    def __init__(self, vm: VMInterface, plugin: Any) -> None:
        self._vm = vm
        self._plugin = plugin
        self.timers = TimerHeap()
        self._own_due = 0
        self._armed = -1
        self.set_own_period(plugin._tick_period)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call a function after some time.

        Parameters
        ----------
        seconds
            Time to wait, rounded to nanoseconds. It is at least a millisecond, and must be below 1e9 seconds.
        action
            Function to call.
        """
        if not isinstance(seconds, int | float) or not seconds < _LONGEST:
            raise TypeError(f"the time to wait must be a number of seconds below {_LONGEST:.0e}, not {seconds!r}")
        now = self._now()
        timer = self.timers.call_at(now + max(round(seconds * 1e9), _MILLISECOND), action)
        if self.timers.is_first(timer):
            self._arm(now)
        return timer

    def set_own_period(self, milliseconds: int) -> None:
        """Set the period of the filter's `on_tick` in milliseconds. 0 means no ticks."""
        now = self._now()
        self._own_due = now + milliseconds * _MILLISECOND
        self._arm(now)

    def tick(self) -> bool:
        """Call all timers that are due. Returns whether the filter's `on_tick` is due as well."""
        now = self._now()
        period = self._plugin._tick_period * _MILLISECOND
        own = bool(period) and now + _MILLISECOND // 2 >= self._own_due
        if own:
            self._own_due = now + period
        try:
            # This terminates, because timers started by an action are due at the next tick at the earliest.
            self.timers.run_due(now)
        finally:
            self._arm(self._now())
        return own

    def _arm(self, now: int) -> None:
        """Set the proxy's tick period to the time until the next timer or tick of the filter."""
        next_due = self.timers.next_due()
        due = [] if next_due is None else [next_due]
        if self._plugin._tick_period:
            due.append(self._own_due)
        period = max(1, math.ceil((min(due) - now) / _MILLISECOND)) if due else 0
        if period == self._armed == self._plugin._tick_period and next_due is None:
            return  # the proxy repeats the tick with the same period
        self._armed = period
        self._vm.enter_plugin(self._plugin)
        status = self._vm.abi.set_tick_period_milliseconds(period)
        if status:
            raise hostcall_error("set_tick_period_milliseconds", status, str(period))

    def _now(self) -> int:
        status, now = self._vm.abi.get_current_time_nanoseconds()
        if status:
            raise hostcall_error("get_current_time_nanoseconds", status)
        return now  # type: ignore[no-any-return]


class Timers:
    """The tickers of one VM, by plugin. A plugin's ticker is created together with its first timer."""

    __slots__ = ("_vm", "by_plugin")

    def __init__(self, vm: VMInterface) -> None:
        self._vm = vm
        self.by_plugin: dict[int, Ticker] = {}

    def of(self, context: ContextInterface) -> Ticker:
        """Return the ticker of a context's plugin."""
        plugin = context._own_plugin()
        ticker = self.by_plugin.get(plugin.context_id)
        if ticker is None:
            self._vm.require("on_tick", "sleep")
            ticker = self.by_plugin[plugin.context_id] = Ticker(self._vm, plugin)
        return ticker


class Sleep(Future):
    """A future that is resolved after a number of seconds."""

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._timer: Timer | None = None

    def arm(self, task: Task) -> None:
        """Start the timer that resolves this future."""
        self._timer = task.vm.timers.of(task.context).call_later(self._seconds, self.resolve)

    def abandon(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
