"""Virtual time: one clock, one event loop for each simulated thread, and a seeded order where time leaves it open.

Facts: every Envoy thread is a single-threaded event loop. Here an event belongs to a thread and a moment; it runs when
the clock has come to that moment and its thread is free. Time spent in the guest moves the thread's own time on, so
that a busy worker delays its own events and nobody else's. Events of one thread never overtake each other; events of
different threads at the same moment run in an order drawn from the seed (seed 0: the order in which they were made).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from zlib import crc32

__all__ = ["Clock", "Thread", "Timer", "TimerGroup"]

#: What an event runs.
Action = Callable[[], None]


class Thread:
    """One event loop: `main` or `worker-N`.

    Attributes
    ----------
    name, number
        The main thread has number 0, workers count from 1.
    time
        The thread's own time in virtual seconds: never behind what it has done so far.
    waiting
        Events that came due while it was busy, first come first served: (place, due since, number, event).
    wake
        What will look at them as soon as it is free.
    """

    __slots__ = ("name", "number", "time", "waiting", "wake")

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"worker-{number}" if number else "main"
        self.time = 0.0
        self.waiting: deque[tuple[int, float, int, Timer]] = deque()
        self.wake: Timer | None = None

    def __repr__(self) -> str:
        return f"<Thread {self.name} at {self.time:.6f} s>"


class Timer:
    """A pending event; `cancel` makes it harmless."""

    __slots__ = ("action", "background", "clock", "thread")

    def __init__(self, clock: Clock, thread: Thread, action: Action, *, background: bool) -> None:
        self.clock = clock
        self.thread = thread
        self.action: Action | None = action
        self.background = background

    def cancel(self) -> None:
        """Do not run, if it has not run yet."""
        if self.action is not None:
            self.action = None
            self.clock.cancelled(self)


class Clock:
    """The scheduler of all threads.

    Parameters
    ----------
    seed
        Decides which of several threads goes first at the same moment.
    start
        Wall-clock time (seconds since 1970) of virtual second 0.
    """

    def __init__(self, seed: int = 0, start: float = 0.0) -> None:
        self.seed = seed
        self.start = start
        self.now = 0.0
        self.running: Thread | None = None
        self._heap: list[tuple[float, int, float, int, Timer]] = []  # runs at, place, due since, number
        self._made = 0
        self._dead = 0
        self._prompt = 0
        #: Called between events, outside any callback: a panel draws itself then. Each looks itself whether it is time.
        self.watchers: list[Action] = []

    def time(self) -> float:
        """Virtual seconds as the running thread sees them; between events, as everybody does."""
        return self.running.time if self.running is not None else self.now

    def wall_ns(self) -> int:
        """Wall clock, nanoseconds since 1970."""
        return int((self.start + self.time()) * 1e9)

    # -- making events ------------------------------------------------------------------------------------------

    def call_soon(self, thread: Thread, action: Action) -> Timer:
        """Run `action` on `thread` as its next free event; part of the same piece of work as what runs now."""
        return self._add(self.time(), thread, action, background=False)

    def call_later(self, seconds: float, thread: Thread, action: Action) -> Timer:
        """Run `action` after so many virtual seconds; nobody waits for it."""
        return self._add(self.time() + seconds, thread, action, background=True)

    def _add(self, when: float, thread: Thread, action: Action, *, background: bool) -> Timer:
        timer = Timer(self, thread, action, background=background)
        self._made += 1
        self._prompt += not background
        heappush(self._heap, (when, self._draw(thread, when), when, self._made, timer))
        return timer

    def _draw(self, thread: Thread, when: float) -> int:
        """Position of a thread among others at one moment. The same for all its events there, so that they keep their order."""
        return crc32(f"{self.seed} {thread.number} {when!r}".encode()) if self.seed else 0

    def cancelled(self, timer: Timer) -> None:
        """Take note of a cancelled timer; sweep the heap when half of it is dead."""
        self._prompt -= not timer.background
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[4].action is not None]
            heapify(self._heap)
            self._dead = 0

    # -- running them -------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an event is pending that somebody waits for."""
        return self._prompt > 0

    def next_time(self) -> float | None:
        """Moment of the next event, or None if there is none."""
        while self._heap and self._heap[0][4].action is None:
            heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def step(self, limit: float | None = None) -> bool:
        """Run the next event, unless it lies after `limit`; False if there is none."""
        while True:
            when = self.next_time()
            if when is None or (limit is not None and when > limit):
                return False
            _, place, due, made, timer = heappop(self._heap)
            thread = timer.thread
            if timer is thread.wake:
                thread.wake = None
                timer = thread.waiting.popleft()[3]
            elif thread.time > when or thread.waiting:
                # Busy until then: it waits its turn, behind others that wait and the events of threads that are free.
                thread.waiting.append((place, due, made, timer))
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
        """Have the first event that waits for a thread run as soon as the thread is free."""
        if thread.waiting and thread.wake is None:
            place, due, made, _ = thread.waiting[0]
            thread.wake = Timer(self, thread, _nothing, background=True)
            heappush(self._heap, (thread.time, place, due, made, thread.wake))

    def _run(self, when: float, timer: Timer) -> None:
        action, timer.action = timer.action, None
        self._prompt -= not timer.background
        self.now = max(self.now, when)
        thread = timer.thread
        thread.time = max(thread.time, when)
        self.running = thread
        try:
            if action is not None:
                action()
        finally:
            self.running = None

    def settle(self) -> None:
        """Run all that is to be done at this moment, and what follows from it; timers that come due meanwhile run, too."""
        while self._prompt:
            if not self.step():
                return

    def advance(self, seconds: float) -> None:
        """Let virtual time pass and run everything that comes due in it."""
        end = self.now + seconds
        while self.step(end):
            pass
        self.now = max(self.now, end)


def _nothing() -> None:
    """The action of a wake-up, which runs an event of the queue instead."""


class TimerGroup:
    """Pending events of one owner on one thread, which can be cancelled together.

    Parameters
    ----------
    clock, thread
        The clock, and the thread of all events.
    """

    __slots__ = ("_clock", "_thread", "_timers")

    def __init__(self, clock: Clock, thread: Thread) -> None:
        self._clock = clock
        self._thread = thread
        self._timers: list[Timer] = []

    def call_soon(self, action: Action) -> None:
        """Run `action` as the thread's next free event."""
        self._timers.append(self._clock.call_soon(self._thread, action))

    def call_later(self, seconds: float, action: Action) -> None:
        """Run `action` after some virtual seconds."""
        self._timers.append(self._clock.call_later(seconds, self._thread, action))

    def cancel(self) -> None:
        """Cancel all events that have not run."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
