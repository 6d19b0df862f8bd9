"""The log and its filter."""

import time

import pytest

from tests.host.host_kit import scripted_proxy
from wasmnb import Filter, Proxy
from wasmnb.abi import LogLevel
from wasmnb.host.trace.log import LogFilter, LogLine, by_time
from wasmnb.host.vm.vm import Vm

LINE = LogLine(0.5, LogLevel.WARN, "denied /pay", "worker-2", vm=4, context=7, exchange=3, root=1)


@pytest.mark.parametrize(
    "criteria",
    [
        {}, {"level": "warn"}, {"thread": "worker-2"}, {"vm": 4}, {"root": 1}, {"context": 7}, {"exchange": 3},
        {"text": "denied"}, {"level": "info", "thread": "worker-2", "vm": 4, "text": "/pay"},
    ],
)  # fmt: skip
def test_line_matches_its_own_criteria(criteria):
    assert LogFilter(**criteria).matches(LINE)


@pytest.mark.parametrize(
    "criteria",
    [
        {"level": "error"}, {"thread": "main"}, {"vm": 5}, {"root": 2}, {"context": 1}, {"exchange": 1},
        {"text": "allowed"}, {"vm": 4, "exchange": 1},
    ],
)  # fmt: skip
def test_line_does_not_match_other_criteria(criteria):
    assert not LogFilter(**criteria).matches(LINE)


def test_lines_stay_in_order_when_the_machine_delays_a_hostcall(monkeypatch):
    """The delay is the host's, and not counted: the next line would be earlier."""
    write_log, delays = Vm.write_log, []

    def delayed(*args):
        if delays:
            time.sleep(delays.pop())
        return write_log(*args)

    monkeypatch.setattr(Vm, "write_log", delayed)
    with scripted_proxy("on_request_headers: log 2 first; log 2 second", guest_time="measured") as proxy:
        delays.append(0.05)
        lines = proxy.get("/").log
    assert not delays
    assert len(lines) > 2 and by_time(lines) == list(lines)


@pytest.mark.parametrize(("changes", "lines"), [("5, -5, -1, -1", 1), ("-5", 1), ("5, -5", 0), ("-1, 1, -1", 1)])
def test_gauge_that_falls_below_0_is_logged_once(changes, lines):
    source = f"""
g = Gauge("inside")
class H(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for change in [{changes}]: g.add(change)
"""
    with Proxy(Filter.native(source), workers=1) as proxy:
        exchange = proxy.get("/")
        reported = [line for line in exchange.log if "The gauge inside fell below 0 and is now" in line.text]
    assert len(reported) == lines
