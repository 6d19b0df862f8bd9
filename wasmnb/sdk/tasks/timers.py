"""Waiting for time to pass: many timers, and the filter's own ticks, on the one tick that a plugin has.

Facts: a plugin has one tick period; setting it restarts the interval; it is re-armed after each tick. So while timers
wait, the period is set to the next thing that is due, whichever it is; when none waits, it is the filter's own again.
The clock is the proxy's (`get_current_time_nanoseconds`), which a simulated proxy makes pass as it likes.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .tasks import Future, Task

if TYPE_CHECKING:
    from ..contexts import PluginContext
    from ..vm import VM

__all__ = ["Sleep", "Ticker", "Timer", "ticker_of"]

_MILLISECOND = 1_000_000


#: Seconds; a clock of 64 bits has not many more.
_LONGEST = 1e9

#: A ticker looks for cancelled timers when it has more than this many of them, and they are the greater part.
_FEW = 50


class Timer:
    """Something to do at a time. `cancel` is cheap: a cancelled timer stays until its time comes, or there are many."""

    __slots__ = ("_ticker", "action", "due")

    def __init__(self, ticker: "Ticker", due: int, action: Callable[[], None]) -> None:
        self._ticker: Ticker | None = ticker
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Do nothing when the time comes."""
        ticker, self._ticker, self.action = self._ticker, None, None
        if ticker is not None:
            ticker.cancelled()

    def take(self) -> Callable[[], None] | None:
        """Its time has come, or it is in the way: what is to be done, if it has not been cancelled."""
        self._ticker, action = None, self.action
        return action


class Ticker:
    """The tick of one plugin, shared by the filter and its timers."""

    def __init__(self, vm: "VM", plugin: "PluginContext") -> None:
        self._vm = vm
        self._plugin = plugin
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._cancelled = 0
        self._own_due = 0
        self._armed = -1
        self.set_own(plugin._tick_period)

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something once `seconds` have passed (not before the next millisecond)."""
        if not isinstance(seconds, int | float) or not seconds < _LONGEST:
            raise TypeError(f"a time to wait is a number of seconds, less than {_LONGEST:.0e}, not {seconds!r}")
        now = self._now()
        timer = Timer(self, now + max(round(seconds * 1e9), _MILLISECOND), action)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        if self._timers[0][2] is timer:
            self._arm(now)
        return timer

    def cancelled(self) -> None:
        """One of the timers has been cancelled: those that have go when they are the greater part."""
        self._cancelled += 1
        if self._cancelled > _FEW and 2 * self._cancelled > len(self._timers):
            self._timers = [entry for entry in self._timers if entry[2].action is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def set_own(self, milliseconds: int) -> None:
        """The filter sets its own period; 0 is none."""
        now = self._now()
        self._own_due = now + milliseconds * _MILLISECOND
        self._arm(now)

    def tick(self) -> bool:
        """A tick: do what is due. True if the filter's own period is over as well."""
        now = self._now()
        period = self._plugin._tick_period * _MILLISECOND
        own = bool(period) and now + _MILLISECOND // 2 >= self._own_due
        if own:
            self._own_due = now + period
        try:
            # What a timer starts is not due before the next tick, so this ends.
            while self._timers and self._timers[0][0] <= now:
                action = self._first()
                if action is not None:
                    action()
        finally:
            self._arm(self._now())
        return own

    def _first(self) -> Callable[[], None] | None:
        """Take the timer that is due first: what it is to do, unless it was cancelled."""
        action = heapq.heappop(self._timers)[2].take()
        self._cancelled -= action is None
        return action

    def _arm(self, now: int) -> None:
        """Set the period to what is due next."""
        while self._timers and self._timers[0][2].action is None:
            self._first()
        due = [t[0] for t in self._timers[:1]]
        if self._plugin._tick_period:
            due.append(self._own_due)
        period = max(1, math.ceil((min(due) - now) / _MILLISECOND)) if due else 0
        if period == self._armed == self._plugin._tick_period and not self._timers:
            return  # the proxy repeats it by itself
        self._armed = period
        self._vm.enter_plugin(self._plugin)
        self._vm.call("set_tick_period_milliseconds", period, about=str(period))

    def _now(self) -> int:
        return self._vm.call("get_current_time_nanoseconds")  # type: ignore[no-any-return]


def ticker_of(task: Task) -> Ticker:
    """The ticker of the plugin that a task belongs to; made when the first timer needs one."""
    plugin: PluginContext = vars(task.context).get("plugin", task.context)
    tickers = task.vm.tickers
    found = tickers.get(plugin.context_id)
    if found is None:
        task.vm.require("on_tick", "sleep")
        found = tickers[plugin.context_id] = Ticker(task.vm, plugin)
    return found


class Sleep(Future):
    """Resolves after some seconds."""

    __slots__ = ("_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._timer: Timer | None = None

    def arm(self, task: Task) -> None:
        """Start the timer."""
        self._timer = ticker_of(task).after(self._seconds, self.resolve)

    def abandon(self) -> None:
        """Stop it."""
        if self._timer is not None:
            self._timer.cancel()
