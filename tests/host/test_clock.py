"""Virtual time: order, busy threads, seeds."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from wasmnb.host.clock import Clock, Thread, Timer, TimerGroup


def test_events_run_by_time_then_by_creation():
    clock, thread, ran = Clock(), Thread(1), []
    for name, seconds in [("c", 2.0), ("a", 1.0), ("b", 1.0)]:
        clock.call_later(seconds, thread, lambda n=name: ran.append((n, clock.now)))
    clock.advance(3)
    assert ran == [("a", 1.0), ("b", 1.0), ("c", 2.0)]
    assert clock.now == 3


def test_busy_thread_delays_only_its_own_events():
    clock, busy, idle, ran = Clock(), Thread(1), Thread(2), []

    def work():
        busy.time += 5
        ran.append("work")

    clock.call_later(1, busy, work)
    clock.call_later(2, busy, lambda: ran.append(("busy", clock.time())))
    clock.call_later(2, idle, lambda: ran.append(("idle", clock.time())))
    clock.call_later(3, busy, lambda: ran.append(("later", clock.time())))
    clock.advance(10)
    assert ran == ["work", ("idle", 2.0), ("busy", 6.0), ("later", 6.0)]


def test_settle_does_not_wait_for_timers():
    clock, thread, ran = Clock(), Thread(0), []
    clock.call_later(1, thread, lambda: ran.append("timer"))
    clock.call_soon(thread, lambda: clock.call_soon(thread, lambda: ran.append("soon")))
    clock.settle()
    assert (ran, clock.now) == (["soon"], 0.0)


def test_cancelled_event_does_not_run_and_leaves_the_heap():
    clock, thread = Clock(), Thread(0)
    timers = [clock.call_later(i, thread, lambda: 1 / 0) for i in range(1000)]
    while timers:
        timer = timers.pop()
        timer.cancel()
        timer.cancel()
    assert sum(isinstance(thing, Timer) and thing.clock is clock for thing in gc.get_objects()) < 200
    clock.advance(2000)


@given(st.integers(1, 5), st.integers(0, 3))
def test_seed_determines_the_order_of_threads(threads, seed):
    def run():
        clock, ran = Clock(seed), []
        loops = [Thread(n) for n in range(threads)]
        for moment in (1.0, 2.0, 3.0):
            for loop in loops:
                for n in range(2):
                    clock.call_later(moment, loop, lambda e=(moment, loop.number, n): ran.append(e))
        clock.advance(5)
        return ran

    first = run()
    assert first == run()
    for thread in range(threads):  # no event overtakes another of its thread
        own = [e for e in first if e[1] == thread]
        assert own == sorted(own)


def test_seeds_differ_in_the_order_of_threads():
    def order(seed):
        clock, ran = Clock(seed), []
        for n in range(6):
            clock.call_later(1.0, Thread(n), lambda n=n: ran.append(n))
        clock.advance(1)
        return ran

    assert order(0) == [0, 1, 2, 3, 4, 5]
    assert len({tuple(order(s)) for s in range(8)}) > 1


def test_cancelled_group_runs_none_of_its_events():
    clock, thread = Clock(), Thread(0)
    kept, cancelled, ran = TimerGroup(clock, thread), TimerGroup(clock, thread), []
    for group, name in ((kept, "kept"), (cancelled, "cancelled")):
        group.call_soon(lambda n=name: ran.append((n, "soon")))
        group.call_later(1.0, lambda n=name: ran.append((n, "later")))
    cancelled.cancel()
    clock.advance(2.0)
    assert ran == [("kept", "soon"), ("kept", "later")]
