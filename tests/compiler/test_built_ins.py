"""The built-in functions of the glue return the same as the Python functions of the SDK."""

import ast
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmnb import Filter, Proxy
from wasmnb.abi import decode_pairs, encode_pairs
from wasmnb.engine import default_engine
from wasmnb.sdk.messages.pairs import read_text_pairs, serialised

WRITER = """
import ast
from wasmnb.sdk import HttpContext
from wasmnb.sdk.messages.pairs import serialised

class Writer(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        pairs = ast.literal_eval(bytes(self.request_body).decode())
        try:
            result = serialised(self._vm.abi, pairs).hex()
        except (TypeError, ValueError) as error:
            result = f"{type(error).__name__}: {error}"
        self.send_local_response(200, result)
"""

SETTER = """
import ast
from wasmnb.sdk import HttpContext

class Setter(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        name, value = ast.literal_eval(self.request_headers["probe"])
        result = "done"
        try:
            self.request_headers[name] = value
        except (TypeError, ValueError) as error:
            result = f"{type(error).__name__}: {error}"
        headers = [(k, v) for k, v in self.request_headers.raw if k.startswith(b"x")]
        self.send_local_response(200, ascii((result, headers)))
"""

REPLIER = """
import ast
from collections import OrderedDict
from types import MappingProxyType
from wasmnb.sdk import HttpContext

class Names(dict):
    def items(self):
        return [("x-mine", "yes")]

class Values(list):
    def __iter__(self):
        return iter([("x-mine", "yes")])

WAYS = {"as it is": lambda pairs: pairs, "dict": dict, "ordered": OrderedDict, "view": lambda pairs: MappingProxyType(dict(pairs)),
    "tuple": tuple, "iterator": iter, "items": lambda pairs: dict(pairs).items(), "own dict": Names, "own list": Values}

class Replier(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        status, body, way, headers, details, grpc_status = ast.literal_eval(self.request_headers["probe"])
        try:
            return self.send_local_response(status, body, WAYS[way](headers), details=details, grpc_status=grpc_status)
        except (TypeError, ValueError) as error:
            self.send_local_response(500, f"{type(error).__name__}: {error}")
"""

READER = """
from wasmnb.sdk import HttpContext
from wasmnb.sdk.messages.pairs import read_pairs, read_text_pairs

class Reader(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        print(ascii((read_pairs(self._vm.abi, 0), read_text_pairs(self._vm.abi, 0))))
"""

TEXTS = st.text(st.characters(max_codepoint=0xFFFF), max_size=6)
PARTS = st.one_of(TEXTS, st.binary(max_size=6), st.integers(-5, 10**20), st.just("x" * 3000))


@pytest.fixture(scope="module")
def writer():
    with Proxy(Filter.from_source(WRITER), workers=1) as proxy:
        yield lambda pairs: proxy.post("/", body=ascii(pairs).encode()).response.body.decode()


def expected(pairs):
    try:
        return serialised(object(), pairs).hex()
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


@settings(max_examples=3 * settings.default.max_examples // 2)
@given(st.lists(st.tuples(PARTS, PARTS), max_size=5))
def test_pairs_are_written_as_python_writes_them(writer, pairs):
    assert writer(pairs) == expected(pairs)


@pytest.mark.parametrize(
    "pairs",
    [{}, {"a": "b"}, (), (("a", "b"),), [("a",)], [("a", "b", "c")], ["ab"], [["a", "b"]], [("a", None)], [("a", 1.5)], [5], None],
)
def test_invalid_pairs_raise_the_same_errors_as_in_python(writer, pairs):
    assert writer(pairs).partition(" (")[0] == expected(pairs).partition(" (")[0]  # newer Pythons say more


@pytest.fixture(scope="module")
def setters():
    """The same filter in Wasm and natively."""
    with (
        Proxy(Filter.from_source(SETTER), workers=1) as wasm,
        Proxy(Filter.native(SETTER), workers=1) as native,
    ):
        yield [
            lambda pair, proxy=proxy: ast.literal_eval(proxy.get("/", {"probe": ascii(pair)}).response.body.decode())
            for proxy in (wasm, native)
        ]


NAMES = st.one_of(st.text("abcx-", max_size=5), st.just("a\n"), st.just(b"b")).map(
    lambda name: b"x" + name if isinstance(name, bytes) else "x" + name
)


@pytest.mark.full
@settings(max_examples=3 * settings.default.max_examples // 2)
@given(NAMES, st.one_of(PARTS, st.sampled_from(["a\nb", "a\r", b"\n", "\udcff", "\ud800", True, None, 1.5])))
def test_native_header_set_matches_wasm(setters, name, value):
    wasm, native = (setter((name, value)) for setter in setters)
    assert wasm == native
    broken = any(c in repr(part) for part in (name, value) for c in ("\\n", "\\r"))
    expected = "TypeError" if isinstance(value, bool | float | None) else "ValueError" if broken else "done"
    assert wasm[0].startswith(expected)


@pytest.fixture(scope="module")
def repliers():
    """The same filter in Wasm, where a local response is one built-in function, and natively: status, body and headers of a response."""

    def ask(proxy, arguments):
        response = proxy.get("/", {"probe": ascii(arguments)}).response
        return response.status, response.body, [pair for pair in response.headers.raw if pair[0] not in (b"date",)], proxy.exchanges[-1].details

    with Proxy(Filter.from_source(REPLIER), workers=1) as wasm, Proxy(Filter.native(REPLIER), workers=1) as native:
        yield [lambda arguments, proxy=proxy: ask(proxy, arguments) for proxy in (wasm, native)]


BODIES = st.one_of(PARTS, st.sampled_from([bytearray(b"ab"), None, True, 1.5, "\udcff", "\ud800", "a\nb"]))
WAYS = st.sampled_from(["as it is", "dict", "ordered", "view", "tuple", "iterator", "items", "own dict", "own list"])
REPLIED = st.lists(st.tuples(NAMES, st.one_of(st.text("ab\u00fc\n", max_size=4), st.binary(max_size=3), st.integers(0, 9))), max_size=3)


@settings(max_examples=3 * settings.default.max_examples // 2, deadline=None)
@given(st.integers(199, 600), BODIES, WAYS, REPLIED, st.sampled_from(["", "why", b"\xff", "\u00fc", 5, None]), st.sampled_from([-1, 0, 7, 2**32 - 1, None, "7"]))
def test_local_response_in_wasm_matches_native(repliers, status, body, way, headers, details, grpc_status):
    wasm, native = (ask((status, body, way, headers, details, grpc_status)) for ask in repliers)
    assert wasm == native


@pytest.mark.parametrize(
    "headers",
    [[("a",)], [("a", "b", "c")], ["ab"], [["x-a", "b"]], [("x-a", None)], [("x-a", "b\rc")], [("x\n", "b")], "ab", 5, None, [5], ((),), {1: 2}],
)
def test_local_response_with_unusual_headers_matches_native_mode(repliers, headers):
    wasm, native = (ask((200, "ok", "as it is", headers, "", -1)) for ask in repliers)
    assert wasm == native


@pytest.fixture(scope="module")
def reader():
    """Create a VM whose header map has the given bytes, and return the parsed pairs as bytes and as text."""
    given_, said = {}, []

    def resolve(what):
        if what.name == "proxy_log":
            return lambda level, at, size: said.append(vm.memory.read(at, size).decode()) or 0
        if what.name != "proxy_get_header_map_pairs":
            return lambda *_: 0

        def pairs(_, at, size):
            data = given_["data"]
            where = vm.function("proxy_on_memory_allocate")(len(data) or 1)
            vm.memory.write(where, data)
            vm.memory.write_u32(at, where)
            vm.memory.write_u32(size, len(data))
            return 0

        return pairs

    vm = Filter.from_source(READER).image(default_engine()).instantiate(resolve)
    vm.function("_initialize")()
    create, headers, delete = (vm.function(f"proxy_on_{n}") for n in ("context_create", "request_headers", "delete"))
    create(1, 0)

    def read(data):
        given_["data"] = data
        said.clear()
        create(2, 1)
        headers(2, 0, 1)
        delete(2)
        return ast.literal_eval(said[0])

    return read


class Binding:
    def __init__(self, data):
        self.get_header_map_pairs = lambda _: (0, data)


LENGTHS = st.one_of(st.integers(0, 8), st.just(2**31), st.just(2**32 - 1))


@settings(max_examples=3 * settings.default.max_examples // 2)
@given(
    st.one_of(
        st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=5).map(encode_pairs),
        st.binary(max_size=40),
        st.builds(
            lambda count, sizes, rest: struct.pack("<I", count) + b"".join(struct.pack("<I", s) for s in sizes) + rest,
            LENGTHS, st.lists(LENGTHS, max_size=6), st.lists(st.sampled_from([b"\0", b"a", b"ab\0"])).map(b"".join),
        ),
    )
)  # fmt: skip
def test_broken_header_map_is_parsed_as_in_python(reader, data):
    assert reader(data) == (decode_pairs(data) or [], read_text_pairs(Binding(data), 0))
