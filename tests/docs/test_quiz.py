"""The answers of docs/quiz.md, by runs."""

import re
from collections import Counter
from pathlib import Path

import pytest

from wasmnb import Filter, FilterTrap, Plugin, Proxy, Request, Response

PAGE = (Path(__file__).parents[2] / "docs" / "quiz.md").read_text()

STAGES = """
print("top level")

class P(PluginContext):
    def on_plugin_start(self, size):
        print("plugin start")
        return not self.config.get("refuse")

class S(HttpContext):
    seen = 0

    def on_http_request_headers(self, num_headers, end_of_stream):
        S.seen += 1
        self.request_headers["x-seen"] = str(S.seen)
        print("request", self.config.get("name"), S.seen)
        if self.config.get("local"):
            return self.send_local_response(403, "no")
        if self.request.path == "/held":
            return Action.PAUSE

    def on_http_response_headers(self, num_headers, end_of_stream):
        print("response", self.config.get("name"))

    def on_http_stream_done(self):
        print("done")

    def on_delete(self):
        print("deleted")
"""
BODIES = """
class B(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        print(bytes(self.request.body))
        return None if end_of_stream else Action.PAUSE

    def on_http_response_body(self, size, end_of_stream):
        return None if end_of_stream else Action.PAUSE
"""
AWAITS_BODY = """
class A(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await self.request_body()
        self.request_headers["x-late"] = "1"
"""
CALLS = """
class C(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await self.http_call("service", path="/")
        if self.request.path == "/raise":
            raise ValueError("after the wait")
"""
RAISES = """
class R(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/raise":
            raise ValueError("before any wait")
        self.request_headers["x-filter"] = "1"
"""


@pytest.fixture(scope="module")
def filters():
    sources = {"stages": STAGES, "bodies": BODIES, "awaits_body": AWAITS_BODY, "calls": CALLS, "raises": RAISES}
    return {name: Filter.from_source(text, name) for name, text in sources.items()}


def texts(lines):
    return [line.text for line in lines]


def start(filters, *configs, vm_ids=None, workers=1, **settings):
    chain = [
        Plugin(filters["stages"], name=c["name"], root_id=c["name"], vm_id=vm_ids[n] if vm_ids else c["name"], config=c)
        for n, c in enumerate(configs)
    ]
    return Proxy(chain, workers=workers, **settings)


def question_1_2_3(filters):
    with Proxy(filters["stages"], workers=2) as proxy:
        lines = Counter(texts(proxy.log))
        assert (lines["top level"], lines["plugin start"]) == (5, 4)
        threads = Counter(line.thread for line in proxy.log if line.text == "plugin start")
        assert threads == {"main": 2, "worker-1": 1, "worker-2": 1}
        base = [event.name for event in proxy.trace if event.vm == 1 and event.kind == "callback"]
        assert "on_context_create" not in base
        assert "on_configure" not in base


def question_4(filters):
    with Proxy(filters["stages"], workers=2) as proxy:
        starts = len([line for line in proxy.log if line.text == "plugin start"])
        with pytest.raises(FilterTrap):
            proxy.update(filters["stages"], config={"refuse": True})
        added = [line.thread for line in proxy.log if line.text == "plugin start"][starts:]
        assert added == ["main"]
        assert proxy.get("/").response.status == 200


def question_5(filters):
    with Proxy(filters["stages"], workers=2) as proxy:
        assert [proxy.get("/").upstream_request.headers["x-seen"] for _ in range(4)] == ["1", "1", "2", "2"]


def question_6(filters):
    for vm_ids, last in ((("one", "one"), 6), (("one", "two"), 3)):
        with start(filters, {"name": "A"}, {"name": "B"}, vm_ids=vm_ids) as proxy:
            for _ in range(3):
                exchange = proxy.get("/")
            assert [text for text in texts(exchange.log) if text.startswith("request B")] == [f"request B {last}"]


def question_7(filters):
    with Proxy(filters["stages"], workers=2) as proxy:
        ids = [next(e.args["context_id"] for e in proxy.get("/").events if e.name == "on_context_create") for _ in range(2)]
        assert ids == [2, 2]


def question_8(filters):
    with Proxy(filters["stages"], workers=1) as proxy:
        stream = proxy.open("POST", "/")
        stream.reset()
        assert texts(stream.exchange.log) == ["request None 1", "done", "deleted"]


def question_9(filters):
    with start(filters, {"name": "A"}, {"name": "B"}) as proxy:
        assert [t for t in texts(proxy.get("/").log) if t.startswith("response")] == ["response B", "response A"]


def question_10_11(filters):
    with start(filters, {"name": "A"}, {"name": "B", "local": True}, {"name": "C"}) as proxy:
        exchange = proxy.get("/")
        assert [t for t in texts(exchange.log) if t.startswith("re")] == ["request A 1", "request B 1", "response B", "response A"]
        assert exchange.upstream_request is None


def question_12_13(filters):
    continuing = Filter.from_source(
        "class H(HttpContext):\n"
        "    async def on_http_request_headers(self, num_headers, end_of_stream):\n"
        "        if self.request.path == '/awaits':\n"
        "            await self.http_call('service', path='/')\n"
        "    def on_http_request_trailers(self, num_trailers):\n"
        "        pass\n",
        "continuing",
    )
    held = Filter.from_source(
        "class P(PluginContext):\n"
        "    waiting = None\n"
        "    def on_plugin_start(self, size):\n"
        "        self.set_tick_period(1)\n"
        "    def on_tick(self):\n"
        "        if self.waiting:\n"
        "            self.waiting.continue_request()\n"
        "            self.waiting = None\n"
        "class H(HttpContext):\n"
        "    def on_http_request_headers(self, num_headers, end_of_stream):\n"
        "        if self.request.path == '/held':\n"
        "            self.plugin.waiting = self\n"
        "            return Action.PAUSE\n",
        "held",
    )
    with Proxy(held, workers=1) as proxy:
        stream = proxy.open("GET", "/held", end=True)
        assert proxy.get("/").response.status == 200
        assert not stream.exchange.done
        proxy.advance(1.5)
        assert stream.exchange.response.status == 200
    with Proxy(continuing, workers=1, clusters={"service": Response(200, latency=0.1)}) as proxy:
        assert proxy.get("/awaits").response.status == 200


def question_14(filters):
    with Proxy(filters["calls"], workers=1, clusters={"service": Response(200, latency=0.1)}, guest_time=0.0001) as proxy:
        exchanges = proxy.send_at([(0.001, Request()) for _ in range(100)])
        assert 0.15 < max(e.started + e.duration for e in exchanges) < 0.25


def question_15(filters):
    with Proxy(filters["bodies"], workers=1) as proxy:
        assert texts(proxy.post("/", chunks=[b"a", b"b", b"c"]).log)[-1] == "b'abc'"


def question_16(filters):
    with Proxy(filters["bodies"], workers=1, buffer_limit=1000) as proxy:
        assert proxy.post("/", chunks=[b"x" * 600] * 2).response.status == 413
    with Proxy(filters["bodies"], workers=1, buffer_limit=1000, upstream=Response(200, chunks=[b"x" * 600] * 2)) as proxy:
        cut = proxy.get("/")
        assert (cut.response.status, cut.state) == (200, "reset")
    holding = Filter.from_source(
        "class H(HttpContext):\n"
        "    async def on_http_response_headers(self, num_headers, end_of_stream):\n"
        "        await self.response_body()\n",
        "holding",
    )
    plugin = Plugin(holding, allow_on_headers_stop_iteration=True)
    with Proxy(plugin, workers=1, buffer_limit=1000, upstream=Response(200, chunks=[b"x" * 600] * 2)) as proxy:
        assert proxy.get("/").response.status == 500


def question_17(filters):
    for holds, late in ((True, "1"), (False, None)):
        with Proxy(Plugin(filters["awaits_body"], allow_on_headers_stop_iteration=holds), workers=1) as proxy:
            stream = proxy.open("POST", "/")
            proxy.advance(0.05)
            stream.send_body(b"x", end=True)
            assert stream.exchange.upstream_request.headers.get("x-late") == late


def question_18(filters):
    with Proxy(filters["raises"], workers=2) as proxy:
        statuses = [proxy.get("/raise", worker=1).response.status]
        statuses += [proxy.get("/", worker=n).response.status for n in (1, 2, 1)]
        assert statuses == [503, 503, 200, 503]


def question_19(filters):
    with Proxy(filters["raises"], workers=1, failure_policy="FAIL_OPEN") as proxy:
        assert proxy.get("/raise").response.status == 503
        later = proxy.get("/")
        assert (later.response.status, later.upstream_request.headers.get("x-filter")) == (200, None)


def question_20(filters):
    with Proxy(filters["calls"], workers=1, clusters={"service": Response(200)}) as proxy:
        assert [proxy.get(path).response.status for path in ("/raise", "/")] == [503, 200]
        assert proxy.state == "running"


CHECKS = [value for name, value in list(globals().items()) if name.startswith("question_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_answer_is_right(check, filters):
    check(filters)


def test_every_question_has_a_check_and_a_chapter():
    numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\.\*\* ", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 21))
    checked = [int(n) for check in CHECKS for n in check.__name__.split("_")[1:]]
    assert checked == numbers
    assert PAGE.count("<details>") == PAGE.count("[Chapter ") == 20
