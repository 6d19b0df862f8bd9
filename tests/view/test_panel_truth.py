"""Times, faults, replaced proxies and the clock are displayed consistently in the panel and in the cell's output."""

import json
import re

import pytest

from wasmnb import Filter, Proxy, Request, Response, diff, load, replay, tables_of
from wasmnb.traffic.recorded import RecordedExchange
from wasmnb.view import exchange_text
from wasmnb.view.mimebundle import mimebundle, static_bundle
from wasmnb.view.panel import Panel, panel_of
from wasmnb.view.render.units import duration

SOURCE = """\
class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") == "hold":
            return Action.PAUSE
        print("saw", self.request_headers[":path"])

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-gate"] = "open"

    def on_http_stream_done(self):
        for _ in range(20_000): pass
"""


@pytest.fixture(scope="module")
def gate():
    return Filter.native(SOURCE, "gate")


@pytest.mark.parametrize("options", [{}, {"guest_time": 0.001}, {"guest_time": 0.0}])
def test_time_in_the_filter_is_the_same_everywhere_and_part_of_the_total(gate, options):
    with Proxy(gate, workers=2, **options) as proxy:
        panel = panel_of(proxy)
        for n in range(6):
            proxy.get(f"/{n}")
        panel.refresh(everything=True)
        for exchange in proxy.exchanges:
            panel.perform("pick", {"exchange": exchange.number})
            total, inside = panel.widget.detail["row"][5:7]
            text = exchange_text(exchange).splitlines()[0]
            assert exchange.filter_ns <= exchange.duration * 1e9
            assert inside <= total
            assert inside == round(exchange.filter_ns / 1e3, 1)
            assert f"{duration(exchange.filter_ns)} in the filter" in text
            assert f"{duration(exchange.duration * 1e9)} in total" in text


@pytest.mark.parametrize("options", [{}, {"guest_time": 0.001}])
def test_time_in_the_filter_is_the_same_in_reports_and_tables(gate, options):
    with Proxy(gate, workers=2, **options) as proxy:
        panel = panel_of(proxy)
        report = load(proxy, requests=6)
        spent = [exchange.filter_ns for exchange in proxy.exchanges]
        panel.perform("look", {"view": "Exchanges", "fresh": True})
        rows = sorted(json.loads(panel.widget.rows["text"]))
        assert [row[6] for row in rows] == [round(ns / 1e3, 1) for ns in spent]
        for table in (report.rows, tables_of(proxy).table("exchanges")):
            assert table.as_lists()["filter_seconds"] == [ns / 1e9 for ns in spent]
        assert report.filter.count == 6
        assert report.filter.maximum == max(spent)


@pytest.mark.slow
def test_replay_counts_a_fixed_callback_time_and_a_comparison_measures(gate):
    recorded = [RecordedExchange(Request("GET", f"/{n}"), Response(200)) for n in range(3)]
    assert replay(gate, recorded, guest_time=0.001).rows.as_lists()["filter_seconds"] == [0.003] * 3
    assert diff(gate, gate, recorded).old_filter.maximum not in (0, 200_000)


def test_record_of_the_access_log_is_in_the_panel_and_its_flags_in_the_text(gate):
    with Proxy(gate, workers=1) as proxy:
        panel = panel_of(proxy)
        usual = proxy.post("/", body=b"abc")
        panel.perform("pick", {"exchange": 1})
        record = panel.widget.detail["record"]
        assert record.startswith("200 · no flags · via_upstream · cluster upstream at ")
        assert " · 3 bytes received, 3 bytes sent · " in record
        assert "access log" not in exchange_text(usual)
        proxy.clusters["upstream"].alive = False
        failed = proxy.get("/")
        panel.perform("pick", {"exchange": 2})
        assert "503 · UF (upstream connection failure) · upstream_reset" in panel.widget.detail["record"]
        assert f"access log  {panel.widget.detail['record']}" in exchange_text(failed)
        held = proxy.open("GET", "/", {"x-user": "hold"}, end=True)
        panel.perform("pick", {"exchange": 3})
        assert panel.widget.detail["record"] == ""
        held.reset()


def test_wait_for_a_busy_worker_is_shown_separately(gate):
    with Proxy(gate, workers=1, guest_time=0.01) as proxy:
        first, second = proxy.send_at([(0.0, _request("/1")), (0.001, _request("/2"))])
        assert first.waited == 0
        assert 0 < second.waited < second.duration
        assert f"{duration(second.waited * 1e9)} of it before worker-1 was free" in exchange_text(second)
        panel = panel_of(proxy)
        panel.perform("pick", {"exchange": 2})
        assert panel.widget.detail["row"][9] == pytest.approx(second.waited * 1e6, abs=0.1)


def _request(path):
    from wasmnb import Request

    return Request("GET", path)


def test_held_request_has_its_time_so_far(gate):
    with Proxy(gate, workers=1) as proxy:
        exchange = proxy.get("/", {"x-user": "hold"}, wait=1.0)
        proxy.advance(2.0)
        assert exchange.duration == 0
        assert exchange.elapsed > 1.9
        assert "s so far" in exchange_text(exchange).splitlines()[0]
        assert re.search(r"GET .*\d\.\d\d s  paused", static_bundle(proxy)["text/plain"])
        panel = panel_of(proxy)
        assert panel.widget.detail["row"][5] == pytest.approx(exchange.elapsed * 1e6, abs=0.1)


def test_advance_without_events_is_drawn_after_the_cell(gate):
    with Proxy(gate, workers=1) as proxy:
        panel = panel_of(proxy)
        panel.settle()
        before = panel.widget.head["clock"]
        proxy.advance(7)
        panel.settle()
        assert panel.widget.head["clock"] != before
        proxy.clusters["upstream"].alive = False
        panel.settle()
        assert panel.widget.head["clusters"] == [["upstream", False]]


def test_stopped_upstream_and_injected_trap_are_displayed(gate):
    with Proxy(gate, workers=2) as proxy:
        panel = panel_of(proxy)
        proxy.clusters["upstream"].alive = False
        proxy.inject_trap(2, callback="on_request_headers")
        panel.refresh(everything=True)
        assert panel.widget.head["faults"] == ["worker-2: the next on_request_headers traps"]
        text = static_bundle(proxy)["text/plain"]
        assert "The cluster upstream is stopped" in text
        assert "the next on_request_headers traps in VM" in text
        refused = proxy.get("/", worker=1)
        assert "upstream is stopped in this simulation" in exchange_text(refused)
        trapped = proxy.get("/", worker=2)
        assert trapped.failure.injected
        assert "injected by inject_trap" in exchange_text(trapped)
        panel.refresh(everything=True)
        assert panel.widget.head["faults"] == []
        panel.perform("pick", {"exchange": 1})
        assert "upstream is stopped" in panel.widget.detail["reasons"][0]
        panel.perform("pick", {"exchange": 2})
        assert any("injected" in text for text in panel.widget.detail["explanations"])


def test_replaced_panel_names_the_new_cell_and_refuses_actions(gate):
    with Proxy(gate, workers=1) as old, Proxy(gate, workers=1) as new:
        panel = panel_of(old)
        old.get("/kept")
        newer = Panel(new, after=panel, replaced_by="cell 8")
        old.discard()
        panel.perform("look", {"view": "Exchanges", "fresh": True})
        assert (panel.widget.head["state"], panel.widget.head["reason"]) == ("closed", "replaced by cell 8")
        assert panel.widget.notice == {}
        panel.perform("send", {"path": "/"})
        assert "replaced by cell 8" in panel.widget.notice["text"]
        assert panel.widget.detail["row"][2] == "/kept"
        assert newer.widget.head["summary"].endswith("0 exchanges (and 1 of earlier versions)")


def test_log_is_in_the_order_of_time(gate):
    source = "class P(PluginContext):\n    def on_plugin_start(self, size):\n        print('started')\n"
    with Proxy(Filter.native(source, "p"), workers=3) as proxy:
        panel = panel_of(proxy)
        panel.perform("look", {"view": "Log"})
        lines = panel.widget.log["lines"]
        assert [line[0] for line in lines] == sorted(line[0] for line in lines)
        assert {line[6] for line in lines} == {vm.number for vm in proxy.vms if vm.role != "base"} | {2}
        times = re.findall(r"^\[([\d.]+)\]", str(proxy.log), re.MULTILINE)
        assert times == sorted(times, key=float)
        assert "VM3" in static_bundle(proxy)["text/plain"]


def test_upstream_error_keeps_its_status(gate):
    with Proxy(gate, workers=1, upstream=Response(503)) as proxy:
        assert "stopped" not in exchange_text(proxy.get("/"))


def test_proxy_gets_a_panel_only_where_panels_are_shown(gate, request):
    from wasmnb._hooks import shows_panels

    widget = "application/vnd.jupyter.widget-view+json"
    with Proxy(gate, workers=1) as proxy:
        assert widget not in mimebundle(proxy)
        provider = shows_panels.provider()
        request.addfinalizer(lambda: shows_panels.connect(lambda: provider))
        shows_panels.connect(lambda: lambda: True)
        assert widget in mimebundle(proxy)
        assert widget in proxy.panel()._repr_mimebundle_()
    closed = Proxy(gate, workers=1)
    closed.close()
    assert widget not in mimebundle(closed)
