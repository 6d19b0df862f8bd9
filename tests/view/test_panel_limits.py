"""The panel with large content: messages stay small, and omitted content is counted."""

import json
import os
import signal
import threading

import pytest

from wasmnb import Filter, Proxy
from wasmnb.engine import assemble
from wasmnb.view.panel import panel_of
from wasmnb.view.panel.history import KEPT

TRAITS = (
    "head",
    "tree",
    "rows",
    "detail",
    "log",
    "latency",
    "baseline",
    "lanes",
    "event",
    "shared",
    "python",
    "module",
)
VIEWS = ("Exchanges", "Timeline", "Latency", "State", "Log", "Module")

#: Maximum characters of one trait, which a front end reads in about ten milliseconds.
LIMIT = 1_000_000

MANY_CALLS = """(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 100) "user-agent")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32)
    (local.set $n (i32.const %d))
    (block $done (loop $again
      (br_if $done (i32.eqz (local.get $n)))
      (drop (call $get (i32.const 0) (i32.const 100) (i32.const 10) (i32.const 8) (i32.const 12)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $again)))
    (i32.const 0)))"""

PLAIN = "from wasmnb.sdk import HttpContext\nclass Plain(HttpContext):\n    pass\n"


def filter_of(body, name="made"):
    return Filter.from_source(f"{PLAIN}    def on_http_request_headers(self, n, eos):\n        {body}\n", name)


def sizes(panel):
    """Number of characters of every trait after all views were open."""
    for view in VIEWS:
        panel.perform("look", {"view": view, "fresh": True})
        assert not panel.widget.notice.get("bad"), panel.widget.notice
    return {name: len(json.dumps(getattr(panel.widget, name))) for name in TRAITS}


def small(panel, limit=LIMIT):
    by_name = sizes(panel)
    assert max(by_name.values()) < limit, by_name


@pytest.fixture(scope="module")
def plain():
    return Filter.from_source(PLAIN, "plain")


@pytest.mark.slow
def test_trace_of_a_million_events_is_cut():
    busy = Filter.from_bytes(assemble(MANY_CALLS % 100_000), "busy")
    with Proxy(busy, workers=1, trace_limit=1_000_000, deadline=60) as proxy:
        panel = panel_of(proxy)
        for _ in range(10):
            proxy.get("/", {"user-agent": "x"})
        assert len(proxy.trace) == 1_000_000
        small(panel)
        panel.perform("pick", {"exchange": 10})
        assert panel.widget.detail["cut"]
        assert sum(call["more"] for call in panel.widget.detail["calls"]) > 1000
        assert panel.widget.lanes["total"] > 1_000_000 > 5_000 > panel.widget.lanes["events"]
        seq = next(e.seq for e in proxy.exchanges[-1].first_events(10) if e.name == "on_request_headers")
        panel.perform("event", {"seq": seq})
        assert panel.widget.event["name"] == "on_request_headers"
        assert panel.widget.event["more"] > 1000
        small(panel)


@pytest.mark.slow
def test_exported_trace_is_limited_with_a_note(monkeypatch):
    texts = []
    busy = Filter.from_bytes(assemble(MANY_CALLS % 60_000), "busy")
    with Proxy(busy, workers=1, deadline=60) as proxy:
        panel = panel_of(proxy)
        monkeypatch.setattr(panel.widget, "send_file", lambda *_, **values: texts.append(values["text"]))
        for _ in range(2):
            proxy.get("/", {"user-agent": "x"})
        panel.perform("perfetto", {})
        assert "50,000 events (the newest of 120," in panel.widget.notice["text"]
        assert len(texts[0]) < 30_000_000


@pytest.mark.slow
def test_body_of_fifty_megabytes_is_cut(plain):
    with Proxy(plain, workers=1) as proxy:
        panel = panel_of(proxy)
        exchange = proxy.request("POST", "/", {"content-type": "application/json"}, b"[" + b'"abcdefg",' * 5_300_000 + b"1]")
        assert len(exchange.upstream_request.body) > 50 << 20
        small(panel, 200_000)
        body = panel.widget.detail["directions"][0]["bodies"][0]
        assert body["size"] > 50 << 20
        assert all("cut;" in text or "more" in text for text in body["forms"].values())
        panel.perform("body", {"exchange": 1, "station": "request"})
        assert "more than the panel can send" in panel.widget.notice["text"]


def test_large_and_many_headers_are_cut(plain):
    with Proxy(plain, workers=1) as proxy:
        panel = panel_of(proxy)
        proxy.request("GET", "/" + "p" * 60_000, [("x-long", "v" * (64 << 10)), ("n" * 60_000, "1")])
        small(panel, 100_000)
        rows = {row[1]: row for row in panel.widget.detail["directions"][0]["rows"]}
        assert rows["x-long"][2].endswith("(63,536 more)")
        proxy.request("GET", "/", [(f"x-{n}", "v" * 4000) for n in range(1000)])
        panel.perform("pick", {"exchange": 2})
        small(panel)
        assert panel.widget.detail["directions"][0]["more"] > 500


@pytest.mark.slow
def test_sixty_four_workers_are_shown(plain):
    with Proxy(plain, workers=64) as proxy:
        panel = panel_of(proxy)
        for n in range(256):
            proxy.get(f"/{n}")
        small(panel, 300_000)
        assert len(panel.widget.tree["children"]) == 65
        assert len(panel.widget.latency["threads"]) == 64
        assert panel.widget.python["left"] == 56
        panel.perform("narrow", {"thread": "worker-60"})
        panel.perform("look", {"view": "State"})
        assert "worker-60" in panel.widget.python["threads"]
        panel.perform("python", {})
        assert panel.widget.python["left"] == 0
        assert panel.widget.python["threads"] == ["main", *(f"worker-{n}" for n in range(1, 65))]


@pytest.mark.slow
def test_hundred_thousand_lines_of_one_callback_are_cut():
    chatty = filter_of("for i in range(100_000): print('line', i, 'boom' if i == 7 else '')", "chatty")
    with Proxy(chatty, workers=1, deadline=60) as proxy:
        panel = panel_of(proxy)
        proxy.get("/")
        small(panel)
        log = panel.widget.log
        assert (log["written"], log["kept"], log["matching"], len(log["lines"])) == (100_000, 100_000, 100_000, 500)
        panel.perform("narrow", {"text": "boom"})  # the kernel searches the whole log
        assert [line[5].strip() for line in panel.widget.log["lines"]] == ["line 7 boom"]
        proxy.get("/")
        small(panel)
        assert panel.widget.head["dropped"]["log"] == 100_000


@pytest.mark.slow
def test_long_lines_and_values_share_the_limit_of_a_message():
    big = filter_of("for i in range(300): self.shared_data[f'k{i}'] = 'v' * 60_000; print('x' * 60_000)", "big")
    with Proxy(big, workers=1, deadline=60) as proxy:
        panel = panel_of(proxy)
        proxy.get("/")
        small(panel)
        assert len(panel.widget.log["lines"]) < 300 == panel.widget.log["matching"]
        assert panel.widget.shared["data"]["more"] > 0


@pytest.mark.slow
def test_ten_thousand_newest_exchanges_are_kept(plain):
    with Proxy(plain, workers=2) as proxy:
        panel = panel_of(proxy)
        for _ in range(KEPT + 50):
            proxy.get("/many")
        panel.perform("look", {"view": "Exchanges", "fresh": True})
        rows = json.loads(panel.widget.rows["text"])
        assert (len(rows), panel.widget.rows["total"]) == (KEPT, KEPT + 50)
        assert (rows[0][0], rows[-1][0]) == (KEPT + 50, 51)
        panel.perform("pick", {"exchange": 3})
        assert panel.widget.detail["gone"]
        small(panel)


def press_until(done):
    """Interrupt once, and again if that was lost: Python loses one that comes during a weak reference's callback."""
    seconds = 0.5
    while not done.wait(seconds):
        os.kill(os.getpid(), signal.SIGINT)
        seconds = 20.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("action", ["send", "advance"])
def test_interrupt_stops_an_action_and_the_panel_keeps_working(action):
    source = (
        "from wasmnb.sdk import HttpContext, PluginContext\nclass Root(PluginContext):\n"
        "    def on_plugin_start(self, size):\n        self.set_tick_period(0.001)\n        return True\n"
        "    def on_tick(self):\n        pass\n"
        "class Endless(HttpContext):\n    def on_http_request_headers(self, n, eos):\n"
        "        while self.request_headers.get('x-user') == 'slow': pass\n"
    )
    with Proxy(Filter.from_source(source, "endless"), workers=1, deadline=30) as proxy:
        panel = panel_of(proxy)
        done = threading.Event()
        press = threading.Thread(target=press_until, args=(done,))
        press.start()
        panel.perform(action, {"headers": "x-user: slow", "seconds": 1e6})
        done.set()
        press.join()
        assert panel.widget.notice == {"text": "interrupted", "bad": True}
        panel.perform("send", {"path": "/after"})
        # An interrupted guest cannot continue: its VM has failed, as after a trap.
        assert proxy.exchanges[-1].response.status in ((503,) if action == "send" else (200, 503))
        assert not panel.widget.notice.get("bad")


def test_interrupt_while_the_panel_draws_stops_the_cell(plain, monkeypatch):
    with Proxy(plain, workers=1) as proxy:
        panel = panel_of(proxy)

        def pressed(*_):
            monkeypatch.undo()
            raise KeyboardInterrupt

        monkeypatch.setattr(panel, "refresh", pressed)
        with pytest.raises(KeyboardInterrupt):
            proxy.get("/")
        assert proxy.get("/after").response.status == 200
        panel.refresh(everything=True)
        assert panel.widget.head["state"] == "running"
