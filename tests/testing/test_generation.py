"""Tests that are written from exchanges: they pass when they run, say what the filter did, and hold no secrets."""

import pytest

from wasmnb import Filter, Plugin, Proxy, Response, UsageError
from wasmnb.host import TcpReply
from wasmnb.testing import write_test

SOURCE = """\
import random, time
from wasmnb.sdk import HttpContext, TcpContext


class Auth(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        if path == "/deny":
            return self.send_local_response(403, "not you\\n", {"x-reason": "denied"})
        if path.startswith("/count"):
            return self.send_local_response(200, str(self.plugin.vm.count()) if hasattr(self.plugin.vm, "count") else "1")
        response = await self.http_call("accounts", path="/check?u=1", headers={"x-token": self.request_headers.get("authorization", "")})
        print("checked", response.status)
        self.request_headers["x-user"] = response.headers.get("x-user", "nobody")
        self.request_headers["x-id"] = "id-%08x" % random.getrandbits(32)
        self.request_headers["x-now"] = str(int(time.time()))
        self.request_headers[":path"] = "/v2" + path
        self.request_headers.pop("cookie", None)

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-filter"] = "auth"
        self.response_headers.pop("x-internal", None)
"""

TCP = """\
from wasmnb.sdk import Action, TcpContext


class Quiet(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        print("got", data_size)
        return Action.CONTINUE
"""


@pytest.fixture(scope="module")
def auth():
    return Filter.from_source(SOURCE, "auth")


@pytest.fixture
def proxy(auth):
    origin = Response(200, {"content-type": "application/json", "x-internal": "1"}, b'{"a": [1, 2]}')
    accounts = Response(200, {"x-user": "ann"}, b"fine")
    with Proxy(auth, workers=2, upstream=lambda request: origin, clusters={"accounts": lambda request: accounts}) as p:
        yield p


def passes(pytester, code, *arguments, outcomes=None):
    pytester.makepyfile(test_written=code)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q", *arguments)
    result.assert_outcomes(**(outcomes or {"passed": 1}))
    return result


pytest_plugins = ["pytester"]


def test_written_test_passes_and_asserts_what_the_filter_did(proxy, pytester):
    proxy.get("/pay?x=1", {"cookie": "a=1", "accept": "*/*"})
    code = write_test(proxy)
    passes(pytester, code)
    for part in (
        "def test_get_pay(wasm_proxy):", 'headers={"x-user": "ann"}', '"x-user": "ann"', r'"x-id": matching(r"^id\-',
        r'"x-now": matching(r"^\d+$")', '"cookie": ABSENT', 'path="/v2/pay?x=1"', '"x-filter": "auth"', '"x-internal": ABSENT',
        "json_of({'a': [1, 2]})", 'callout("accounts", path="/check?u=1"', 'assert_log(x, "checked 200")',
    ):  # fmt: skip
        assert part in code, code
    assert "date" not in code and "x-envoy" not in code
    compile(code, "test.py", "exec")
    assert max(map(len, code.partition("'''\n\n")[2].splitlines())) <= 160


def test_change_of_the_filter_makes_the_written_test_fail(proxy, pytester):
    proxy.get("/pay")
    code = write_test(proxy).replace('"x-user", "nobody"', '"x-user-name", "nobody"')
    passes(pytester, code, outcomes={"failed": 1})


@pytest.mark.slow
def test_several_exchanges_are_one_test_in_their_order(proxy, pytester):
    for path in ("/a", "/deny", "/b"):
        proxy.request("POST", path, {"x": "1"}, body=b"a\xff" + b"x" * 40, worker=2)
    code = write_test(proxy, "1-3", name="test_flow")
    passes(pytester, code)
    assert code.index('"/a"') < code.rindex('"/deny"') < code.index('"/b"')
    assert "assert_not_forwarded(x)" in code and '"x-reason": "denied"' in code and "worker=2" in code
    assert "Exchanges 1, 2, 3 of a proxy." in code


@pytest.mark.slow
def test_secrets_are_masked_everywhere(proxy, pytester):
    proxy.get("/pay?token=s3cret-1", {"authorization": "Bearer s3cret-2", "x-api-key": "s3cret-3"})
    code = write_test(proxy)
    assert "s3cret" not in code and "Bearer ***" in code and "3 secrets masked." in code
    passes(pytester, code)
    assert "s3cret-2" in write_test(proxy, mask=False)


@pytest.mark.slow
def test_dependence_on_earlier_requests_is_noted(pytester):
    source = """\
from wasmnb.sdk import HttpContext

class Once(HttpContext):
    seen = 0

    def on_http_request_headers(self, num_headers, end_of_stream):
        Once.seen += 1
        if Once.seen > 1:
            return self.send_local_response(429, "slow down")
"""
    with Proxy(Filter.native(source, "once"), workers=1) as proxy:
        proxy.get("/")
        proxy.get("/")
        alone, both = write_test(proxy, "2"), write_test(proxy, "1-2")
    assert "# The recorded outcome was different: 429, not forwarded. Earlier requests matter." in alone
    assert "did something else" not in both and "429" in both
    passes(pytester, both)
    passes(pytester, alone)


@pytest.mark.slow
def test_settings_that_matter_are_written(auth, pytester):
    plugin = Plugin(auth, config={"a": 'quote " and \\'}, root_id="r", allow_on_headers_stop_iteration=True)
    with Proxy(plugin, workers=1, buffer_limit=1000, clusters={"accounts": Response(0)}) as proxy:
        proxy.get("/pay")
        code = write_test(proxy)
    assert "buffer_limit=1000" in code and "upstream(failing())" in code and "from wasmnb import Plugin" in code
    passes(pytester, code)


def test_connection_is_written_with_its_bytes(pytester):
    filter_ = Filter.native(TCP, "quiet")
    with Proxy(Plugin(filter_, kind="network"), workers=1, upstream=lambda data: TcpReply(b"hello " + data)) as proxy:
        proxy.connect().send(b"ann\xff").end()
        code = write_test(proxy)
    assert "connection.send(" in code and "hello ann" in code and "tcp_reply(" in code
    passes(pytester, code)


@pytest.mark.parametrize(
    ("selection", "message"),
    [("9", "no exchange 9"), ("x", "is not a selection of exchanges"), ("1-", "is not a selection of exchanges"), ("2-1", "no exchange 2-1")],
)
def test_invalid_selection_raises_usage_error(proxy, selection, message):
    with pytest.raises(UsageError, match="has no exchange yet"):
        write_test(proxy)
    proxy.get("/deny")
    with pytest.raises(UsageError, match=message):
        write_test(proxy, selection)


LATE = """\
from wasmnb.sdk import HttpContext


class Late(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-from"] = self.properties.source.address
        self.request_headers["x-tier"] = str(self.properties["metadata"]["filter_metadata"].get("com.example", {}).get("tier"))

    def on_http_stream_done(self):
        print("done", self.properties.get("response.code", "none"))
"""


@pytest.mark.parametrize(("upstream", "options", "code", "asserted"), [
    (Response(200, latency=10.0), {"timeout": 2}, 'proxy.request("GET", "/x", timeout=2)', 'assert x.state == "reset"'),
    (Response(200, chunks=[b"a", b"b"], delays=[0, 30]), {"timeout": 2.5}, "delays=[0, 30]", 'assert_response(x, 200, body="a")'),
    (Response(200), {"http2": True}, 'proxy.request("GET", "/x", http2=True)', "assert_response(x, 200)"),
    (Response(200), {"properties": {"source.address": "9.9.9.9:1"}}, "properties={'source.address': '9.9.9.9:1'}", '"x-from": "9.9.9.9:1"'),
    (Response(200), {"metadata": {"com.example": {"tier": "gold"}}}, "metadata={'com.example': {'tier': 'gold'}}", '"x-tier": "gold"'),
])  # fmt: skip
def test_options_of_the_client_are_repeated(pytester, upstream, options, code, asserted):
    with Proxy(Filter.native(LATE, "late"), workers=1, upstream=upstream) as proxy:
        proxy.get("/x", **options)
        written = write_test(proxy)
    assert code in written and asserted in written and "did something else" not in written
    passes(pytester, written)
