"""Virtual time: a clock that runs the events of all simulated threads.

Every Envoy thread is a single-threaded event loop. In the simulation, each event is assigned to a thread and has a due time. It
runs when the clock has reached that time and the thread is free. Time spent in the guest advances the thread's own time, so a
busy worker delays only its own events. Events of one thread keep their order. Events of different threads with the same due
time run in an order that depends on the seed. With seed 0, they run in the order of their creation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from zlib import crc32

from ..errors import UsageError

__all__ = ["FOLLOWERS", "Clock", "EventOrigin", "Thread", "Timer", "TimerGroup", "check_worker"]

#: Maximum number of events that can follow from one event without a delay. A request causes about ten, a callout three.
FOLLOWERS = 50_000

#: The function that an event runs.
TimerCallback = Callable[[], None]


class Thread:
    """Event loop of one simulated thread, `main` or `worker-N`.

    Attributes
    ----------
    name, number
        Name and number of the thread. The main thread has number 0. Workers are numbered from 1.
    time
        Virtual time in seconds at which the thread is free again.
    seen
        Latest virtual time that a callback on this thread has read from a clock.
    waiting
        Queue of events that became due while the thread was busy, as tuples (position, due time, number, event).
    wake
        Timer that runs the first event of `waiting` when the thread becomes free.
    """

    __slots__ = ("name", "number", "seen", "time", "waiting", "wake")

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"worker-{number}" if number else "main"
        self.time = self.seen = 0.0
        self.waiting: deque[tuple[int, float, int, Timer]] = deque()
        self.wake: Timer | None = None

    def __repr__(self) -> str:
        return f"<Thread {self.name} at {self.time:.6f} s>"


def check_worker(number: int | None, workers: int, *, main: bool = False) -> None:
    """Check that a worker with this number exists.

    Parameters
    ----------
    number
        The number. None (any worker) is always valid.
    workers
        Number of workers in the proxy.
    main
        Whether 0, the number of the main thread, is also valid (default False).

    Raises
    ------
    UsageError
        No worker has this number.
    """
    if number is not None and not (0 if main else 1) <= number <= workers:
        also = ", and 0 is the main thread" if main else ""
        raise UsageError(f"There is no worker {number!r}. Workers are numbered from 1 to {workers}{also}.")


class EventOrigin:
    """Origin of a series of events, each of which was scheduled by the previous event without a delay.

    Attributes
    ----------
    followers
        Number of events in the series so far.
    """

    __slots__ = ("followers",)

    def __init__(self) -> None:
        self.followers = 0


class Timer:
    """A pending event that can be cancelled."""

    __slots__ = ("action", "background", "clock", "origin", "thread")

    def __init__(
        self,
        clock: Clock,
        thread: Thread,
        action: TimerCallback,
        *,
        background: bool,
        origin: EventOrigin | None = None,
    ) -> None:
        self.clock = clock
        self.origin = origin or EventOrigin()
        self.thread = thread
        self.action: TimerCallback | None = action
        self.background = background

    def cancel(self) -> None:
        """Cancel the event if it hasn't run yet."""
        if self.action is not None:
            self.action = None
            self.clock.cancelled(self)


class Clock:
    """Scheduler that runs the events of all simulated threads.

    Parameters
    ----------
    seed
        Seed that determines the order of events with the same time on different threads (default 0).
    start
        Wall-clock time at virtual second 0, in seconds since 1970 (default 0).

    Attributes
    ----------
    now
        Virtual seconds since the start.
    running
        The thread whose event is running, or None between events.
    watchers
        Functions to call between events, when no callback is running. The panel, for example, updates itself then.
    """

    def __init__(self, seed: int = 0, start: float = 0.0) -> None:
        self.seed = seed
        self.start = start
        self.now = 0.0
        self.running: Thread | None = None
        self._heap: list[tuple[float, int, float, int, Timer]] = []  # runs at, position, due time, number
        self._created = 0
        self._cancelled = 0
        self._foreground = 0
        self._origin: EventOrigin | None = None  # of the current event
        #: Called with the thread when an endless series of events is dropped.
        self.on_endless_events: Callable[[Thread], None] = lambda _thread: None
        self.watchers: list[TimerCallback] = []

    def time(self) -> float:
        """Return the virtual time of the running thread in seconds. Between events, return the time of the clock."""
        return self.running.time if self.running is not None else self.now

    def wall_ns(self) -> int:
        """Return the simulated wall-clock time in nanoseconds since 1970."""
        return int((self.start + self.time()) * 1e9)

    # -- scheduling ------------------------------------------------------------------------------------------

    def call_soon(self, thread: Thread, action: TimerCallback) -> Timer:
        """Schedule an action of a thread without a delay. `settle` runs it."""
        return self._add(self.time(), thread, action, background=False, origin=self._origin)

    def call_later(self, seconds: float, thread: Thread, action: TimerCallback) -> Timer:
        """Schedule an action of a thread after a delay in virtual seconds. `settle` doesn't wait for this action."""
        origin = None if seconds > 0 else self._origin
        return self._add(self.time() + seconds, thread, action, background=True, origin=origin)

    def _add(
        self, when: float, thread: Thread, action: TimerCallback, *, background: bool, origin: EventOrigin | None
    ) -> Timer:
        timer = Timer(self, thread, action, background=background, origin=origin)
        timer.origin.followers += 1
        if timer.origin.followers > FOLLOWERS:
            timer.action = None
            if timer.origin.followers == FOLLOWERS + 1:
                self.on_endless_events(thread)
            return timer
        self._created += 1
        self._foreground += not background
        heappush(self._heap, (when, self._position(thread, when), when, self._created, timer))
        return timer

    def _position(self, thread: Thread, when: float) -> int:
        """Return the sort key of a thread for events at the same time. Events of one thread have equal keys and keep their
        order.
        """
        return crc32(b"%d %d %r" % (self.seed, thread.number, when)) if self.seed else 0

    def clear(self) -> None:
        """Remove all pending events."""
        self._heap.clear()
        self._foreground = self._cancelled = 0

    def cancelled(self, timer: Timer) -> None:
        """Count a cancelled timer, and remove all cancelled timers from the heap once they make up half of it."""
        self._foreground -= not timer.background
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[4].action is not None]
            heapify(self._heap)
            self._cancelled = 0

    # -- running -------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an event scheduled with `call_soon` is pending."""
        return self._foreground > 0

    def next_time(self) -> float | None:
        """Return the virtual time of the next event in seconds, or None if no event is pending."""
        while self._heap and self._heap[0][4].action is None:
            heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def step(self, limit: float | None = None) -> bool:
        """Run the next event and return True. Return False if no event is due by `limit` (default: no limit)."""
        while True:
            when = self.next_time()
            if when is None or (limit is not None and when > limit):
                return False
            _, position, due, number, timer = heappop(self._heap)
            thread = timer.thread
            if timer is thread.wake:
                thread.wake = None
                timer = thread.waiting.popleft()[3]
            elif thread.time > when or thread.waiting:
                # The thread is busy: the event waits behind its other events, and events of free threads run first.
                thread.waiting.append((position, due, number, timer))
                self._wake(thread)
                continue
            if timer.action is not None:
                break
            self._wake(thread)
        try:
            self._run(when, timer)
        finally:
            self._wake(timer.thread)
        for watcher in self.watchers:
            watcher()
        return True

    def _wake(self, thread: Thread) -> None:
        """Schedule the first waiting event of a thread for the time when the thread becomes free."""
        if thread.waiting and thread.wake is None:
            position, due, number, _ = thread.waiting[0]
            thread.wake = Timer(self, thread, _nothing, background=True)
            heappush(self._heap, (thread.time, position, due, number, thread.wake))

    def _run(self, when: float, timer: Timer) -> None:
        action, timer.action = timer.action, None
        self._foreground -= not timer.background
        self.now = max(self.now, when)
        thread = timer.thread
        thread.time = max(thread.time, when)
        self.running, self._origin = thread, timer.origin
        try:
            if action is not None:
                action()
        finally:
            self.running = self._origin = None

    def settle(self) -> None:
        """Run until no event scheduled with `call_soon` is pending. Timers that become due in the meantime also run."""
        while self._foreground:
            if not self.step():
                return

    def advance(self, seconds: float) -> None:
        """Advance the clock by some virtual seconds and run all events that become due."""
        end = self.now + seconds
        while self.step(end):
            pass
        self.now = max(self.now, end)


def _nothing() -> None:
    """Do nothing. When the timer that wakes a thread is due, the thread's first waiting event runs instead of this action."""


class TimerGroup:
    """Pending events of one object, all on the same thread, which can be cancelled together.

    Parameters
    ----------
    clock, thread
        The clock that schedules the events, and the thread that runs them.
    """

    __slots__ = ("_clock", "_thread", "_timers")

    def __init__(self, clock: Clock, thread: Thread) -> None:
        self._clock = clock
        self._thread = thread
        self._timers: list[Timer] = []

    def call_soon(self, action: TimerCallback) -> None:
        """Schedule `action` without a delay."""
        self._timers.append(self._clock.call_soon(self._thread, action))

    def call_later(self, seconds: float, action: TimerCallback) -> None:
        """Schedule `action` after some virtual seconds."""
        self._timers.append(self._clock.call_later(seconds, self._thread, action))

    def cancel(self) -> None:
        """Cancel all events that haven't run yet."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
