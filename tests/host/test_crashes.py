"""Every known way to crash Envoy: the SDK raises before it, and the simulated proxy says so for modules of any language."""

import pytest

from tests.foreign.toolchain import scripted_guest
from wasmnb import Filter, Proxy, Response
from wasmnb.abi.crashes import CRASHES, crashes_of
from wasmnb.compiler import inspect_module
from wasmnb.view import facts_text

#: Crash -> methods of an HttpContext that would cause it.
IN_PYTHON = {
    "resume_before_response": """
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.continue_response()
""",
    "resume_own_end": """
    def on_http_response_body(self, body_size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        self.continue_response()
""",
    "close_own_end": None,  # the SDK returns Pause for the filter
    "reply_twice": """
    def on_http_response_headers(self, num_headers, end_of_stream):
        self.send_local_response(403)
        self.send_local_response(404)
""",
    "reply_at_end": """
    def on_http_stream_done(self):
        self.send_local_response(403)
""",
    "close_twice": """
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.close()
        self.close()
""",
    "close_at_end": """
    def on_http_stream_done(self):
        self.close()
""",
    "body_outside": """
    def on_http_request_body(self, body_size, end_of_stream):
        self.http_call("upstream", path="/", callback=self.answered)
        return DataStatus.STOP_ITERATION_AND_WATERMARK

    def answered(self, response):
        self.request_body.get()
""",
}

#: The same as rules of the scripted guest.
_CALL = "http_call upstream :method=GET&:path=/&:authority=a _ _ 500"
SCRIPTS = {
    "resume_before_response": "on_request_headers: continue_stream RESPONSE",
    "resume_own_end": "on_response_body#1: return 1\non_response_body#2: return 1\non_response_body: continue_stream RESPONSE",
    "close_own_end": "on_response_trailers: close_stream RESPONSE",
    "reply_twice": "on_response_headers: send_local_response 403 d b _ -1; send_local_response 404 d b _ -1",
    "reply_at_end": "on_log: send_local_response 403 d b _ -1",
    "close_twice": "on_response_headers: close_stream REQUEST; close_stream REQUEST",
    "close_at_end": "on_log: close_stream REQUEST",
    "body_outside": f"on_request_body: {_CALL}; return 2\non_http_call_response: set_effective_context stream; get_buffer_bytes HTTP_REQUEST_BODY 0 9",
}

UPSTREAM = Response(200, chunks=[b"aa", b"bb"])
TRAILERS = Response(200, chunks=[b"aa", b"bb"], trailers=[("x-t", "1")])


def test_every_crash_is_tried():
    assert set(IN_PYTHON) == set(SCRIPTS) == set(CRASHES)


@pytest.mark.parametrize("name", [name for name, source in IN_PYTHON.items() if source])
def test_sdk_prevents_the_crash(name):
    filter_ = Filter.native("class Crashing(HttpContext):" + IN_PYTHON[name], "crashing")
    with Proxy(filter_, workers=1, upstream=UPSTREAM) as proxy:
        exchange = proxy.request("POST", "/", body=b"abc", wait=2.0)
        assert exchange.crash is None
        text = "\n".join(line.text for line in proxy.log)
    if name in ("reply_twice", "close_twice"):  # an exception after the first one would be another reply
        assert f"is ignored: {CRASHES[name].text}" in text
        return
    assert "StreamStateError" in text
    if name != "resume_before_response":  # its message has its own wording
        assert CRASHES[name].instead in text


def test_sdk_pauses_after_a_close_in_response_trailers():
    source = (
        "class Closing(HttpContext):\n    def on_http_response_trailers(self, num_trailers):\n        self.close()\n"
    )
    with Proxy(Filter.native(source, "closing"), workers=1, upstream=TRAILERS) as proxy:
        exchange = proxy.get("/")
    assert exchange.crash is None
    assert exchange.state == "reset"


@pytest.mark.parametrize("name", SCRIPTS)
def test_module_of_another_language_marks_the_exchange(name):
    upstream = TRAILERS if name == "close_own_end" else UPSTREAM
    with Proxy(Filter.from_file(scripted_guest()), config=SCRIPTS[name], workers=1, upstream=upstream) as proxy:
        exchange = proxy.request("POST", "/", body=b"abc", wait=2.0)
        crash = CRASHES[name]
        assert exchange.crash is crash
        assert exchange.state == "crashed"
        assert "Envoy 1.40 crashes here" in exchange.notes[0]
        assert f"{crash.text}. {crash.instead}" in str(proxy.explain(exchange))
        assert crash.text in exchange._repr_mimebundle_()["text/plain"].replace("\n", " ")
        assert any(crash.text in line.text for line in proxy.log)
        after = proxy.get("/after", {"x-script": "on_response_headers: return 0"}, wait=1.0)  # the simulation goes on
        assert after.number == exchange.number + 1


def test_inspection_lists_the_crashes_of_the_imports():
    data = scripted_guest().read_bytes()
    text = facts_text(inspect_module(data), "scripted.wasm", len(data))
    for crash in CRASHES.values():
        assert crash.action in text
    assert crashes_of(["log"]) == []
    assert crashes_of(["close_stream"]) == [c for c in CRASHES.values() if "close_stream" in c.hostcalls]
