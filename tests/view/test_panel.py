"""The panel without a browser: contents of its traits, results of its actions."""

import asyncio
import base64
import json
import threading

import pytest

from wasmnb import Filter, Plugin, Proxy, Response
from wasmnb.view import mimebundle
from wasmnb.view.panel import Panel, panel_of
from wasmnb.view.panel.actions import ACTIONS
from wasmnb.view.panel.history import VERSION
from wasmnb.view.documents.proxy.perfetto import chrome_trace

SOURCE = """\
from wasmnb.sdk import HttpContext


class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "nobody")
        if user == "boom":
            raise ValueError("broken")
        self.request_headers["x-greeting"] = f"{self.plugin.config.get('greeting', 'hi')} {user}"
        self.shared_data["last"] = user
        print("saw", user)
"""


@pytest.fixture(scope="module")
def demo():
    return Filter.from_source(SOURCE, "demo")


@pytest.fixture
def proxy(demo):
    with Proxy(demo, workers=2, guest_time=0.0001) as running:
        yield running


@pytest.fixture
def panel(proxy):
    return panel_of(proxy)


def act(panel, name, **values):
    """Perform an action and return the notice."""
    panel.widget.notice = {}
    panel.perform(name, values)
    return panel.widget.notice


def rows_of(panel):
    """The list that a new front end gets."""
    panel.perform("look", {"view": "Exchanges", "fresh": True})
    return json.loads(panel.widget.rows["text"])


def test_proxy_has_one_panel_and_displays_it(proxy, panel):
    assert proxy.panel() is panel
    bundle = mimebundle(proxy)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].startswith("<div")
    assert "demo" in bundle["text/plain"]


def test_every_trait_is_json_and_filled_after_traffic(proxy, panel):
    proxy.get("/", {"x-user": "ann"})
    panel.refresh(everything=True)
    panel.perform("look", {"view": "Module"})
    for name in ("head", "tree", "rows", "detail", "log", "latency", "lanes", "shared", "module"):
        value = getattr(panel.widget, name)
        assert value, name
        json.dumps(value, allow_nan=False).encode()


def test_rows_are_newest_first_with_worker_and_filter_time(proxy, panel):
    for n in range(3):
        proxy.get(f"/{n}", {"x-user": "ann"})
    rows = rows_of(panel)
    assert [row[2] for row in rows] == ["/2", "/1", "/0"]
    assert [row[4] for row in rows] == ["worker-1", "worker-2", "worker-1"]
    assert all(row[6] > 0 for row in rows)


def test_send_shows_the_exchange_and_a_notice(panel):
    said = act(panel, "send", method="POST", path="/x", headers="x-user: ann\nx-a: b: c", body="data", worker="2")
    assert said["text"] == "#1: 200 (done)"
    detail = panel.widget.detail
    rows = {row[1]: row for row in detail["directions"][0]["rows"]}
    assert rows["x-greeting"] == ["+", "x-greeting", None, "hi ann"]
    assert rows["x-a"][2] == "b: c"
    assert detail["row"][4] == "worker-2"
    assert detail["directions"][0]["bodies"][0]["forms"]["text"] == "data"


def test_sent_header_may_be_a_pseudo_header(panel, proxy):
    said = act(panel, "send", path="/other", headers=":method: PUT\n:path: /a:b\n:scheme: http\n:authority: a.test", http2=True)
    assert said["text"] == "#1: 200 (done)"
    request = proxy.exchanges[-1].upstream_request
    assert (request.method, request.path) == ("PUT", "/a:b")


@pytest.mark.parametrize("flags", [
    "-d @{}", "--data-binary @{}", "--data-urlencode @{}", "--data-urlencode name@{}", "--json @{}", "-F f=@{}", "-G -d @{}", "-d @~/../..{}",
])
def test_curl_command_reads_no_file_until_the_author_allows_it(proxy, panel, tmp_path, flags):
    secret = tmp_path / "secret"
    secret.write_text("password")
    line = f"curl {flags.format(secret)} /x"
    before = len(proxy.exchanges)
    notice = act(panel, "curl", line=line)
    assert "not allowed to read the file" in notice["text"]
    assert len(proxy.exchanges) == before
    panel.allow_files()
    act(panel, "curl", line=line)
    if "~" not in flags:
        sent = proxy.exchanges[-1].request
        assert b"password" in sent.body or "password" in sent.path


def test_curl_command_is_sent(proxy, panel):
    assert act(panel, "curl", line="curl -X PUT http://api.test/z \\\n -H 'x-user: bob' -d k=v")["text"].endswith(
        "200 (done)"
    )
    assert (proxy.exchanges[-1].request.method, proxy.exchanges[-1].request.authority) == ("PUT", "api.test")


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("nonsense", {}, "The action 'nonsense' is unknown"),
        ("send", {"headers": "no colon"}, "name: value"),
        ("send", {"worker": "seven"}, "must be a number"),
        ("send", {"worker": 7}, "no worker 7"),
        ("curl", {"line": "curl --frobnicate"}, "curl command is not supported"),
        ("curl", {"line": "curl 'unclosed"}, "Close its quotes"),
        ("again", {"exchange": 99}, "has discarded this exchange"),
        ("again", {"exchange": None}, "must be a number"),
        ("advance", {"seconds": -1}, "can't advance"),
        ("advance", {"seconds": "soon"}, "number"),
        ("restart", {"workers": 2}, "created by your own code"),
        ("configure", {"config": "{"}, ""),
    ],
)
def test_failing_actions_set_a_notice_and_raise_nothing(panel, name, values, message):
    notice = act(panel, name, **values)
    assert message in notice["text"]
    assert notice["bad"] or name == "configure"


def test_time_upstream_and_configuration_can_be_changed(proxy, panel):
    act(panel, "advance", seconds=5)
    assert proxy.now >= 5
    assert act(panel, "fail")["text"] == "the upstream refuses connections"
    act(panel, "send", path="/")
    assert proxy.exchanges[-1].response.status == 503
    act(panel, "fail")
    assert act(panel, "configure", config='{"greeting": "welcome"}')["text"] == "the new configuration is active"
    act(panel, "send", path="/", headers="x-user: ann")
    assert proxy.exchanges[-1].upstream_request.headers["x-greeting"] == "welcome ann"


def test_failure_is_shown_with_its_traceback(panel):
    act(panel, "send", path="/", headers="x-user: boom")
    assert "ValueError: broken" in panel.widget.detail["failure"]
    assert panel.widget.detail["row"][3] == 503


def test_replace_keeps_the_newest_rows_and_repeats_the_last_request(demo, proxy, panel):
    proxy.get("/old", {"x-user": "old"})
    act(panel, "send", path="/mine", headers="x-user: ann")
    with Proxy(demo, workers=2, config='{"greeting": "welcome"}') as newer:
        panel.replace(newer)
        assert [(exchange.request.path, exchange.upstream_request.headers["x-greeting"]) for exchange in newer.exchanges] == [
            ("/mine", "welcome ann")
        ]
        assert [row[0] for row in rows_of(panel)] == [VERSION + 1, 2, 1]
        assert panel.widget.rows["version"] == 1
        before = {row[1]: row[3] for row in panel.widget.before["directions"][0]["rows"]}
        assert before["x-greeting"] == "hi ann"
        assert panel.widget.baseline["series"]
        act(panel, "pick", exchange=1)
        assert panel.widget.detail["row"][2] == "/old"


def test_panel_of_another_cell_takes_over_the_history_and_closes_the_old_panel(demo, proxy, panel):
    proxy.get("/old")
    with Proxy(demo, workers=2) as newer:
        second = Panel(newer, after=panel)
        assert panel.widget.head["state"] == "closed"
        assert [row[2] for row in rows_of(second)] == ["/old"]
        assert not newer.exchanges
        panel.perform("look", {"view": "Exchanges", "fresh": True})
        assert [row[2] for row in rows_of(panel)] == ["/old"]


def test_panel_of_a_closed_proxy_keeps_the_last_state(demo):
    proxy = Proxy(demo, workers=2)
    panel = panel_of(proxy)
    proxy.get("/last")
    proxy.close()
    panel.settle()
    assert panel.widget.head["state"] == "closed"
    assert rows_of(panel)[0][2] == "/last"
    assert "worker-2" in json.dumps(panel.widget.tree)


@pytest.mark.slow
def test_files_are_sent_to_the_browser(proxy, panel, monkeypatch):
    messages = []
    monkeypatch.setattr(panel.widget, "send", messages.append)
    proxy.get("/")
    act(panel, "perfetto")
    act(panel, "download")
    trace, module = (message for message in messages if message["kind"] == "file")
    assert json.loads(trace["text"])["traceEvents"]
    assert base64.b64decode(module["base64"]).startswith(b"\0asm")
    assert (trace["name"], module["name"]) == ("demo-trace.json", "demo.wasm")


def test_exchange_is_saved_as_a_test_with_one_click(proxy, panel, monkeypatch):
    messages = []
    monkeypatch.setattr(panel.widget, "send", messages.append)
    proxy.get("/pay", {"x-user": "ann", "authorization": "Bearer s3cret"})
    act(panel, "test", exchange=1)
    (file,) = (message for message in messages if message["kind"] == "file")
    assert file["name"] == "test_demo_1.py" and "def test_get_pay(wasm_proxy):" in file["text"]
    assert "s3cret" not in file["text"]
    compile(file["text"], file["name"], "exec")


def test_trace_for_perfetto_has_threads_callbacks_and_the_hostcalls_inside(proxy):
    proxy.get("/", {"x-user": "ann"})
    events = chrome_trace(list(proxy.trace), "demo")["traceEvents"]
    assert {e["args"]["name"] for e in events if e["ph"] == "M"} >= {"demo", "main", "worker-1", "worker-2"}
    top = next(e for e in events if e["name"] == "on_request_headers")
    inner = [e for e in events if e["name"] == "replace_header_map_value"]
    assert inner
    assert all(top["ts"] <= e["ts"] and e["ts"] + e["dur"] <= top["ts"] + top["dur"] + 1e-6 for e in inner)
    assert json.dumps(events)


def test_hostile_text_is_printable_in_every_trait(proxy, panel):
    nasty = "<script>\x00\x1b[2J\u202e</script>"
    proxy.request("GET", "/x", [("x-user", nasty.encode() + b"\xff"), (b"x-\xfe", nasty)], nasty)
    panel.refresh(everything=True)
    text = json.dumps(
        [getattr(panel.widget, n) for n in ("rows", "detail", "log", "lanes", "shared", "tree")], ensure_ascii=False
    )
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u0000" not in text.replace("\\\\", "")


@pytest.mark.slow
def test_large_content_is_cut_and_counted(demo):
    chatty = Filter.from_source(
        "from wasmnb.sdk import HttpContext\nclass X(HttpContext):\n"
        "    def on_http_request_headers(self, n, eos):\n        for i in range(20000): print('line', i)\n",
        "chatty",
    )
    with Proxy(chatty, workers=1) as proxy:
        panel = panel_of(proxy)
        proxy.request("POST", "/", [("x-long", "v" * 50_000)], b"x" * 5_000_000)
        panel.refresh(everything=True)
        sizes = {n: len(json.dumps(getattr(panel.widget, n))) for n in ("rows", "detail", "log", "lanes")}
        assert max(sizes.values()) < 1_000_000, sizes
        assert panel.widget.log["matching"] == 20_000
        assert len(panel.widget.log["lines"]) == 500
        assert "more" in json.dumps(panel.widget.detail["directions"][0]["rows"])


def test_pauses_and_callouts_are_spans_of_the_timeline():
    source = (
        "from wasmnb.sdk import Action, HttpContext\nclass X(HttpContext):\n"
        "    def on_http_request_headers(self, n, eos):\n"
        "        self.http_call('auth', path='/check', callback=self.checked)\n        return Action.PAUSE\n"
        "    def checked(self, response):\n        self.continue_request()\n"
    )
    clusters = {"auth": Response(200, latency=0.25)}
    with Proxy(Filter.from_source(source, "ask"), workers=1, clusters=clusters, guest_time=0.0001) as proxy:
        panel = panel_of(proxy)
        assert proxy.get("/").response.status == 200
        panel.refresh(everything=True)
        spans = {span[3]: span for span in panel.widget.lanes["spans"]}
        assert spans["paused"][4] == "#1 paused by on_request_headers"
        assert spans["callout"][4] == "http to auth/check: answered"
        assert all(0.2 < span[2] - span[1] < 0.3 for span in spans.values())
        assert {span[0] for span in spans.values()} == {"worker-1"}


def test_messages_from_another_thread_wait_for_the_simulation_thread(demo, monkeypatch):
    """As in a kernel with subshells: navigation is processed between events, other actions after the cell."""
    done = []

    def noted(name):
        action = ACTIONS[name]
        return lambda *args: (done.append((name, threading.current_thread())), action(*args))[1]

    for name in ("pick", "send"):
        monkeypatch.setitem(ACTIONS, name, noted(name))

    async def cell():
        with Proxy(demo, workers=1) as proxy:
            panel = panel_of(proxy)
            proxy.get("/first")
            receive = panel.widget.receive
            asked = [{"action": "send", "path": "/sent"}, {"action": "pick", "exchange": 1}]
            other = threading.Thread(target=lambda: [receive(None, content, []) for content in asked])
            other.start()
            other.join()
            proxy.get("/second")
            assert [name for name, _ in done] == ["pick"]
            assert panel.widget.detail["row"][2] == "/first"
            await asyncio.sleep(0)
            assert [name for name, _ in done] == ["pick", "send"]
            assert [exchange.request.path for exchange in proxy.exchanges] == ["/first", "/second", "/sent"]

    asyncio.run(cell())
    assert {thread for _, thread in done} == {threading.main_thread()}


def test_python_state_is_listed_by_thread():
    source = (
        "from wasmnb.sdk import HttpContext, PluginContext\nclass Root(PluginContext):\n"
        "    def on_plugin_start(self, size):\n        self.seen = 0\n        return True\n"
        "class Count(HttpContext):\n    def on_http_request_headers(self, n, eos):\n        self.plugin.seen += 1\n"
    )
    with Proxy(Filter.from_source(source, "count"), workers=2) as proxy:
        panel = panel_of(proxy)
        for worker in (1, 1, 2):
            proxy.get("/", worker=worker)
        act(panel, "look", view="State")
        seen = next(v for v in panel.widget.python["variables"] if v["name"] == "seen")
        assert seen["differs"]
        assert dict((thread, value) for value, threads in seen["values"] for thread in threads) == {
            "main": "0", "worker-1": "2", "worker-2": "1",
        }  # fmt: skip


def test_figures_are_compared_with_those_of_one_thread(proxy, panel):
    for worker in (1, 2, 2):
        proxy.get("/", worker=worker)
    act(panel, "look", view="Latency")
    counts = {t["name"]: t["count"] for t in panel.widget.latency["threads"]}
    assert counts == {"worker-1": 1, "worker-2": 2}
    act(panel, "narrow", thread="worker-2")
    assert (panel.widget.latency["of"], panel.widget.latency["series"][0]["count"]) == ("worker-2", 2)
    act(panel, "against", against="worker-1")
    assert (panel.widget.baseline["of"], panel.widget.baseline["series"][0]["count"]) == ("worker-1", 1)
    assert "no latencies named" in act(panel, "against", against="yesterday")["text"]
    act(panel, "keep")
    assert panel.widget.latency["against"] == "baseline"


def test_log_is_filtered_by_level_thread_context_and_text(proxy, panel):
    for user in ("ann", "bob", "boom"):
        proxy.get("/", {"x-user": user}, worker=1 if user == "ann" else 2)
    act(panel, "look", view="Log")
    assert panel.widget.log["matching"] == len(proxy.log)
    for scope, said in (
        ({"thread": "worker-1"}, ["saw ann"]),
        ({"text": "saw"}, ["saw ann", "saw bob"]),
        ({"exchange": 2}, ["saw bob"]),
    ):
        act(panel, "narrow", **scope)
        assert [line[5] for line in panel.widget.log["lines"]] == said
    act(panel, "narrow", level="critical")
    assert "ValueError: broken" in panel.widget.log["lines"][0][5]
    assert "The log level 'loud' is unknown" in act(panel, "narrow", level="loud")["text"]


def test_tick_trap_and_configure_set_a_notice(proxy, panel):
    assert "nothing ticked" in act(panel, "tick")["text"]
    assert act(panel, "trap", worker=2, callback="on_request_headers")["text"].endswith("on worker-2 will trap")
    act(panel, "send", worker=2)
    assert panel.widget.detail["row"][3] == 503
    assert any("failed on context" in text for text in panel.widget.detail["explanations"])
    assert "doesn't export the callback" in act(panel, "trap", callback="on_nothing")["text"]
    assert "no cluster" in act(panel, "fail", cluster="elsewhere")["text"]
    assert "no plugin" in act(panel, "configure", plugin=3)["text"]


def test_configure_changes_one_plugin_of_a_chain(demo):
    chain = [Plugin(demo, name="one", config={"greeting": "a"}), Plugin(demo, name="two", config={"greeting": "b"})]
    with Proxy(chain, workers=1) as proxy:
        panel = panel_of(proxy)
        act(panel, "configure", plugin=1, config='{"greeting": "c"}')
        assert [p.config for p in proxy.plugins] == [b'{"greeting": "a"}', b'{"greeting": "c"}']


def test_file_is_sent_in_chunks_and_edit_fills_the_form(proxy, panel, monkeypatch):
    forms = []
    monkeypatch.setattr(panel.widget, "send_form", forms.append)
    for first, part in ((True, b"one"), (False, b"two")):
        act(panel, "upload", first=first, last=not first, buffers=[part])
    act(panel, "send", method="POST", uploaded=True, chunking="4", trailers="x-sum: 1", http2=True, authority="api.test")
    request = proxy.exchanges[-1].request
    assert (request.chunks, request.trailers.items(), request.authority) == (
        [b"onet", b"wo"],
        [("x-sum", "1")],
        "api.test",
    )
    act(panel, "edit", exchange=1)
    assert (forms[0]["body"], forms[0]["trailers"], forms[0]["authority"]) == ("onetwo", "x-sum: 1", "api.test")
    assert (forms[0]["http2"], forms[0]["options"]) == (True, "")
    assert "at most" in act(panel, "send", body="x" * 20_000, chunking="1")["text"]
    assert "size of a chunk must be a number" in act(panel, "send", body="x", chunking="few")["text"]


def test_edited_request_keeps_its_options_unless_they_are_switched_off(proxy, panel, monkeypatch):
    forms = []
    monkeypatch.setattr(panel.widget, "send_form", forms.append)
    proxy.get("/", timeout=0.5, properties={"source.address": "10.0.0.1:80"})
    act(panel, "edit", exchange=1)
    assert forms[0]["options"] == "timeout=0.5, properties={'source.address': '10.0.0.1:80'}"
    act(panel, "send", path="/with", options=True)
    act(panel, "send", path="/without", options=False)
    assert [exchange.timeout for exchange in proxy.exchanges] == [0.5, 0.5, None]
    proxy.get("/plain")
    act(panel, "edit", exchange=4)
    act(panel, "send", path="/other", options=True)
    assert (forms[1]["options"], proxy.exchanges[-1].timeout) == ("", None)


def test_request_is_repeated_with_its_options_after_an_edit(demo, proxy, panel):
    proxy.get("/", timeout=0.5, http2=True)
    with Proxy(demo, workers=2) as newer:
        panel.replace(newer)
        assert [(exchange.timeout, exchange.http2) for exchange in newer.exchanges] == [(0.5, True)]


def test_request_from_a_cell_is_repeated_after_an_edit(demo, proxy, panel):
    proxy.get("/from-a-cell", {"x-user": "ann"})
    with Proxy(demo, workers=2, config='{"greeting": "welcome"}') as newer:
        panel.replace(newer)
        assert [exchange.request.path for exchange in newer.exchanges] == ["/from-a-cell"]
        assert panel.widget.before["number"] == panel.widget.picked == VERSION + 1


@pytest.mark.slow
def test_timeline_around_an_exchange_has_its_events_and_window(proxy, panel):
    first = proxy.get("/first")
    for n in range(600):
        proxy.get(f"/{n}")
    assert act(panel, "around", exchange=1) == {}
    lanes = panel.widget.lanes
    assert (lanes["around"], lanes["window"]) == (1, [first.started, first.finished])
    assert 1 in {bar[5] for bar in lanes["bars"]}
    act(panel, "around", exchange=None)
    assert 1 not in {bar[5] for bar in panel.widget.lanes["bars"]}


TCP_SOURCE = """\
class Shout(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        if self.downstream_data.get() == b"boom":
            raise ValueError("broken")
        self.downstream_data = self.downstream_data.get().upper()
"""


@pytest.fixture
def shout():
    with Proxy(Filter.native(TCP_SOURCE, "shout"), workers=2) as running:
        yield running


def test_panel_of_a_network_filter_sends_bytes(shout):
    panel = panel_of(shout)
    assert panel.widget.head["listeners"] == ["tcp"]
    notice = act(panel, "connect", data=r"hello\r\n", worker="2", half_close=True)
    assert notice == {"text": "#1: 7 bytes received (done)", "bad": False}
    assert (shout.exchanges[0].sent, shout.exchanges[0].received, shout.exchanges[0].worker) == (b"hello\r\n", b"HELLO\r\n", 2)
    (row,) = rows_of(panel)
    assert (row[1], row[7]) == ("TCP", "done")


def test_bytes_of_a_connection_are_sent_again_and_edited(shout, monkeypatch):
    panel = panel_of(shout)
    act(panel, "connect", data=r"it's\x00")
    assert act(panel, "again", exchange=1)["text"] == "#2: 5 bytes received (done)"
    assert shout.exchanges[1].sent == b"it's\0"
    forms = []
    monkeypatch.setattr(panel.widget, "send_form", forms.append)
    act(panel, "edit", exchange=1)
    assert forms == [{"data": r"it's\x00"}]


@pytest.mark.parametrize(("values", "message"), [
    ({"data": r"\xZZ"}, "invalid escape"), ({"data": "x", "worker": "9"}, "no worker 9"), ({"data": "x", "worker": "y"}, "must be a number"),
])  # fmt: skip
def test_invalid_bytes_set_a_notice(shout, values, message):
    notice = act(panel_of(shout), "connect", **values)
    assert notice["bad"] and message in notice["text"]


def test_request_to_a_network_filter_sets_a_notice(shout):
    notice = act(panel_of(shout), "send", path="/")
    assert notice["bad"] and "is a network filter" in notice["text"]


def test_failed_connection_has_its_state_and_traceback(shout):
    panel = panel_of(shout)
    assert act(panel, "connect", data="boom")["text"].endswith("(failed)")
    assert rows_of(panel)[0][7] == "failed" and "ValueError: broken" in panel.widget.detail["failure"]


def test_next_version_of_a_network_filter_repeats_the_last_bytes(shout, demo):
    panel = panel_of(shout)
    act(panel, "connect", data="hello")
    with Proxy(Filter.native(TCP_SOURCE.replace("upper", "title"), "shout"), workers=2) as second:
        panel.replace(second)
        assert second.exchanges[0].received == b"Hello"
        with Proxy(demo, workers=1) as http:
            panel.replace(http)
            assert not http.exchanges and panel.widget.head["listeners"] == ["http"]


def test_state_view_shows_the_only_receiver_of_a_queue():
    source = 'class P(PluginContext):\n    def on_plugin_start(self, size):\n        register_queue("news")\n'
    with Proxy(Filter.native(source, "news"), workers=3) as proxy:
        panel = panel_of(proxy)
        panel.perform("look", {"view": "State"})
        (row,) = panel.widget.shared["queues"]["rows"]
        assert row[4].startswith("worker-3 VM") and "the last that registered it; 2 other workers that did get no items" in row[4]
