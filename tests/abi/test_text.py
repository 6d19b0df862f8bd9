"""Text becomes bytes in one place, which never fails."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wasmnb
from wasmnb import Request
from wasmnb.abi.text import decode_text, encode_text
from wasmnb.host import Cluster, Plugin, Proxy
from wasmnb.messages import Headers

ROOT = Path(wasmnb.__file__).parent

#: Floors whose text can come from any source. The SDK documents how each log and traceback handles surrogates.
FLOORS = ("abi", "parsing", "host", "sdk", "traffic")

#: Modules that may encode text: `abi/text.py`, and those that only encode text known to be ASCII, such as checked names and JSON.
ALLOWED = {"abi/text.py", "sdk/messages/headers.py", "sdk/loading/parts.py", "sdk/dispatch/introspection.py"}


@given(st.binary())
def test_bytes_come_back_as_they_were(data):
    assert encode_text(decode_text(data)) == data


@given(st.text(st.characters(codec=None), max_size=20) | st.sampled_from(["\ud800", "a\udfff", "\udc80\ud800", "\ud83d\ude00"]))
def test_any_text_becomes_utf8_or_the_bytes_that_it_stands_for(text):
    assert isinstance(encode_text(text), bytes)
    assert Headers([(text or "a", text)]).raw


def test_half_of_a_surrogate_pair_becomes_the_replacement_character():
    assert encode_text("a\ud800b") == "a\ufffdb".encode()
    assert encode_text("\udcff") == b"\xff"


def plain_encodes(path):
    """Lines that encode text without specifying how surrogates are handled."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "encode":
            if len(node.args) < 2 and not node.keywords and not isinstance(node.func.value, ast.Constant):
                yield node.lineno


@pytest.mark.parametrize("floor", FLOORS)
def test_other_modules_do_not_turn_text_into_bytes(floor):
    places = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / floor).rglob("*.py")
        if str(path.relative_to(ROOT)) not in ALLOWED
        for line in plain_encodes(path)
    }
    assert places == set()


FILTER = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        name = "x-" + self.request.query["k"]
        if self.request.path.startswith("/callout"):
            response = await self.http_call("up", headers={name: "v"})
            self.send_local_response(200, body=str(response.status))
        elif self.request.path.startswith("/response"):
            self.send_local_response(200, headers=[(name, "v")])
        elif self.request.path.startswith("/half"):
            self.request_headers["x-half"] = "\\ud800" + str("\\ud800" in self.request_headers)
        else:
            self.request_headers.add(name, "v")
"""


@pytest.fixture(scope="module", params=["wasm", "native"])
def proxy(request):
    make = wasmnb.Filter.native if request.param == "native" else wasmnb.Filter.from_source
    filter = make(FILTER, name="f")
    with Proxy(filter, workers=1, clusters={"up": Cluster()}) as proxy:
        yield proxy


def test_header_name_that_is_not_utf8_is_answered_as_envoy_does(proxy):
    assert proxy.get("/router?k=%FF").response.status == 503
    assert proxy.get("/callout?k=%FF").response.body == b"503"
    assert proxy.get("/response?k=%FF").response.status in {200, 502}
    assert proxy.get("/router?k=a").response.status == 200


def test_half_of_a_surrogate_pair_in_a_header_is_sent_as_the_replacement_character(proxy):
    exchange = proxy.get("/half?k=a")
    assert exchange.response.status == 200
    assert exchange.upstream_request.headers.raw and exchange.upstream_request.headers["x-half"] == "\ufffdFalse"


@pytest.mark.parametrize("text", ["\ud800", "\udcff", "a\udfff\n"])
def test_plugin_takes_any_text_in_its_names(proxy, text):
    plugin = Plugin(proxy.plugins[0].filter, name=text, root_id=text, vm_id=text, vm_config=text, config=text, environment={"K": text})
    with Proxy(plugin, workers=1, node={"id": text, "cluster": text, "metadata": {text: text}}) as other:
        assert other.request("GET", "/router?k=a", headers=[("x", text.strip())]).response.status == 200
        shown = repr(other) + str(other.tree()) + str(other.log)
        assert shown.encode().decode().replace("\n", "").isprintable()
    assert Request.of("GET", "/", headers=[(text.strip(), text.strip())], body=text).body is not None
