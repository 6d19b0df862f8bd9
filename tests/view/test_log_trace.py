"""Log lines and traces."""

import pytest

from wasmnb.abi import LogLevel, Status
from wasmnb.view import log_html, log_text, trace_html, trace_text


def test_empty_log_has_a_message():
    assert log_text([]) == "The log is empty."


def test_tracebacks_keep_their_lines(samples):
    text = log_text([samples.Line("Traceback:\n  File\nKeyError", LogLevel.CRITICAL)])
    lines = text.splitlines()
    assert [line.strip() for line in lines[-2:]] == ["File", "KeyError"]
    assert "critical" in text


@pytest.mark.slow
def test_hundred_thousand_lines_are_cut_and_counted(samples):
    text = log_text([samples.Line(f"line {n}") for n in range(100_000)])
    assert text.startswith("100,000 lines, the last 200 shown")
    assert "line 99999" in text
    assert len(text.splitlines()) < 220


def test_hostcalls_are_inside_their_callback(samples):
    lines = trace_text(samples.events()).splitlines()
    assert lines[2].startswith("on_request_headers(")
    assert lines[3].startswith('├─ get_header_map_value(REQUEST_HEADERS, "x-user") → "ann"')
    assert lines[5].startswith("on_response_headers(")


def test_status_that_is_not_ok_is_shown(samples):
    event = samples.Event(1, "hostcall", "get_property", {"path": b"a"}, None, Status.NOT_FOUND)
    assert "→ NOT_FOUND" in trace_text([event])


def test_dropped_events_are_counted(samples):
    assert "7 older events not shown" in trace_text(samples.events(), dropped=7)


def test_long_traces_are_cut(samples):
    events = [samples.Event(n, "callback", "on_tick") for n in range(5000)]
    assert "… 3,800 more events" in trace_text(events)
    assert len(trace_html(events)) < 200_000


def test_html_of_the_log_holds_the_same_lines(samples):
    html = log_html([samples.Line("a\nb")])
    assert "a\nb</pre>" in html
