"""Content and items of messages: natively, as Wasm in the simulated proxy, and in the real Envoy."""

import gzip
import json
import zlib

import pytest

from wasmnb.compiler import Filter
from wasmnb.host import Plugin, Proxy
from wasmnb.messages import Response

SOURCE = '''
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/mcp":
            content = await self.request.content()
            for message in content.json_rpc():
                self.request_headers["x-tool"] = message.tool
                if message.tool == "delete":
                    return self.send_local_response(200, json=message.error_response(-32602, "not allowed"))

    async def on_http_response_headers(self, num_headers, end_of_stream):
        kind = self.response_headers.get("x-kind")
        if kind == "upper":
            content = await self.response.content()
            content.set(content.text.upper())
        elif kind == "json":
            content = await self.response.content(limit=1000)
            content.set_json({**content.json(), "seen": True})
        elif kind:
            async for item in getattr(self.response, kind)(limit=1000):
                log_info("%s %s", kind, getattr(item, "data", getattr(item, "kind", item)))
            log_info("%s end", kind)

    def on_http_response_body(self, body_size, end_of_stream):
        if b"shout" in self.response_body.get():
            self.response.body = self.response.body.text.upper()
'''

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}
EVENTS = "data: größe\n\nevent: x\ndata: 2\n\n".encode()
MESSAGES = b"".join(b"data: " + json.dumps(CALL).encode() + b"\n\n" for _ in range(2))

RESPONSES = {
    "/gzip": ("upper", {"content-encoding": "gzip"}, [gzip.compress(b"abc" * 100)]),
    "/deflate": ("upper", {"content-encoding": "deflate"}, [zlib.compress(b"abc" * 100)]),
    "/plain": ("upper", {}, [b"ab", b"c" * 1000]),
    "/br": ("upper", {"content-encoding": "br"}, [b"\x1b\x1f"]),
    "/unnamed": ("json", {}, [gzip.compress(b'{"a": 1}')]),
    "/unnamed-text": ("upper", {}, [gzip.compress(b"abc" * 100)]),
    "/latin": ("upper", {}, ["größe".encode("latin-1")]),
    "/broken": ("upper", {"content-encoding": "gzip"}, [b"not gzip"]),
    "/json": ("json", {"content-encoding": "gzip"}, [gzip.compress(b'{"a": 1}')]),
    "/large": ("json", {}, [b"[" + b"1," * 1000 + b"1]"]),
    "/sse": ("sse", {}, [EVENTS[:8], EVENTS[8:30], EVENTS[30:]]),
    "/sse-gzip": ("sse", {"content-encoding": "gzip"}, [gzip.compress(EVENTS)]),
    "/lines": ("lines", {}, [b"one\ntw", b"o\nthree"]),
    "/json-lines": ("json_lines", {}, [b'{"a": 1}\n{"b"', b": 2}\n"]),
    "/rpc": ("json_rpc", {"content-type": "application/json"}, [json.dumps([CALL, CALL]).encode()]),
    "/rpc-events": ("json_rpc", {"content-type": "text/event-stream"}, [MESSAGES[:9], MESSAGES[9:]]),
    "/long-line": ("lines", {}, [b"x" * 600, b"x" * 600]),
}


def upstream(request):
    if request.path not in RESPONSES:
        return Response(200, {"content-type": "text/plain"}, b"shout \xc3\xa4" if request.path == "/shout" else b"")
    kind, headers, chunks = RESPONSES[request.path]
    return Response(200, {"x-kind": kind, **headers}, chunks=chunks)


@pytest.fixture(scope="module", params=["native", "simulated", pytest.param("envoy", marks=[pytest.mark.envoy])])
def proxy(request):
    if request.param == "envoy":
        from wasmnb.envoy import Envoy as make
    else:
        make = Proxy
    filter_ = Filter.native(SOURCE) if request.param == "native" else Filter.from_source(SOURCE)
    with make(Plugin(filter_, allow_on_headers_stop_iteration=True), workers=1, upstream=upstream) as running:
        yield running


def lines_of(exchange, kind):
    return [text.removeprefix(f"{kind} ") for line in exchange.log if (text := line.text).startswith(kind)]


@pytest.mark.parametrize(("path", "decode"), [("/gzip", gzip.decompress), ("/deflate", zlib.decompress)])
def test_content_is_decoded_and_encoded_again(proxy, path, decode):
    exchange = proxy.get(path)
    assert decode(exchange.response.body) == b"ABC" * 100 and exchange.response.headers["content-encoding"] == path[1:]


def test_content_without_encoding_is_written_as_it_is(proxy):
    assert proxy.get("/plain").response.body == b"AB" + b"C" * 1000


def test_content_of_another_character_set_keeps_its_bytes(proxy):
    assert proxy.get("/latin").response.body == "GRößE".encode("latin-1")


def test_json_content_is_changed_inside_its_encoding(proxy):
    assert json.loads(gzip.decompress(proxy.get("/json").response.body)) == {"a": 1, "seen": True}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/br", "content-encoding br can't be decoded"),
        ("/broken", "not valid gzip"),
        ("/large", "limit of 1000 bytes"),
        ("/unnamed", "compressed (content-encoding gzip), and its message has no such header. decompress(data, 'gzip') decodes it."),
        ("/unnamed-text", "The content is not text: it is compressed (content-encoding gzip)"),
    ],
)
def test_unreadable_content_ends_only_its_stream(proxy, path, reason):
    exchange = proxy.get(path)
    assert exchange.response.status == 503
    assert reason in "\n".join(line.text for line in proxy.log)
    assert proxy.get("/plain").response.status == 200


@pytest.mark.parametrize(
    ("path", "items"),
    [
        ("/sse", ["größe", "2"]),
        ("/sse-gzip", ["größe", "2"]),
        ("/lines", ["one", "two", "three"]),
        ("/json-lines", ["{'a': 1}", "{'b': 2}"]),
        ("/rpc", ["request", "request"]),
        ("/rpc-events", ["request", "request"]),
    ],
)
def test_items_arrive_and_the_body_passes_unchanged(proxy, path, items):
    exchange = proxy.get(path)
    kind, _, chunks = RESPONSES[path]
    assert exchange.response.body == b"".join(chunks)
    assert lines_of(exchange, kind) == [*items, "end"]


def test_item_above_the_limit_ends_only_its_stream(proxy):
    proxy.get("/long-line")
    assert "larger than the limit of 1000 bytes" in "\n".join(line.text for line in proxy.log)
    assert proxy.get("/plain").response.status == 200


def test_refused_tool_does_not_reach_the_upstream(proxy):
    exchange = proxy.post("/mcp", body=json.dumps(CALL).encode())
    assert exchange.upstream_request.headers["x-tool"] == "add"
    exchange = proxy.post("/mcp", body=json.dumps({**CALL, "params": {"name": "delete"}}).encode())
    assert exchange.upstream_request is None and json.loads(exchange.response.body)["error"]["message"] == "not allowed"


def test_text_of_a_chunk_is_changed(proxy):
    assert proxy.get("/shout").response.body == "SHOUT Ä".encode()
