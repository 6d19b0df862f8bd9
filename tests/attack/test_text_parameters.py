"""Text that is not UTF-8, and half surrogates, as every text parameter: it raises only `WasmnbError`s, and every view can display it."""

import pytest

from wasmnb import Cluster, Filter, Plugin, Response
from wasmnb.errors import WasmnbError
from wasmnb.host import Proxy

SOURCE = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        dict(self.request_headers.items()), dict(self.request.cookies)
        for value in dict(self.request.query).values():
            self.request_headers.add("x-" + value, value)
            log_info(value)
            self.shared_data[value] = value
            counter("c" + value).increment()
            response = await self.http_call("up", path="/" + value, headers=[("a-" + value, value)], body=value)
            log_info(str(response.status) + str(dict(response.headers)))

    def on_http_response_headers(self, num_headers, end_of_stream):
        for name, value in list(self.response_headers.items()):
            self.response_headers.add("y-" + name, value)
"""

TEXTS = ("\ud800", "\udcff", "\udc80\ud800", "a\0b", "\x1b[31m\u202e", "\r\nx: y", "é", "\U0001f600", "", " ", "x" * 70_000)
BYTES = (b"\xff\xfe", b"\0", b"\r\n", b"\xe9")

UP = Cluster(lambda _request: Response(200, {"x": "y"}))


@pytest.fixture(scope="module")
def odd():
    return Filter.native(SOURCE, "odd")


def show(proxy, exchange):
    """Create every representation of a proxy: views, reprs, JSON."""
    shown = [proxy, exchange, proxy.trace, proxy.log, proxy.tree(), proxy.explain(), proxy.metrics, proxy.shared_data, proxy.settings]
    for thing in shown:
        str(thing).encode()
        repr(thing).encode()
        bundle = getattr(thing, "_repr_mimebundle_", dict)() or {}
        [str(value).encode() for value in bundle.values()]
    [str(line).encode() for line in proxy.log]


def use(plugins, send=lambda proxy: proxy.get("/?k=a"), **options):
    with Proxy(plugins, workers=1, **({"clusters": {"up": UP}} | options)) as proxy:
        show(proxy, send(proxy))


def sent(**arguments):
    return lambda odd: use(odd, lambda proxy: proxy.request(**({"method": "GET", "path": "/"} | arguments)))


def routed(**route):
    return lambda odd: use(odd, routes=[{"match": {"prefix": "/"}, "route": {"cluster": "up"}} | route])


#: Parameters that accept text or bytes.
PARAMETERS = {
    "path": lambda t: sent(path=t), "query": lambda t: sent(path=("/?k=" if isinstance(t, str) else b"/?k=") + t),
    "method": lambda t: sent(method=t), "authority": lambda t: sent(authority=t), "header name": lambda t: sent(headers=[(t, "v")]),
    "header value": lambda t: sent(headers=[("n", t)]), "cookie": lambda t: sent(headers={"cookie": t}),
    "trailers": lambda t: sent(method="POST", body=b"x", trailers=[(t, t)]), "body": lambda t: sent(method="POST", body=t),
    "chunk": lambda t: sent(method="POST", chunks=[t]),
    "root_id": lambda t: lambda odd: use(Plugin(odd, root_id=t)), "configuration": lambda t: lambda odd: use(Plugin(odd, config=t)),
    "VM configuration": lambda t: lambda odd: use(Plugin(odd, vm_config=t)), "plugin name": lambda t: lambda odd: use(Plugin(odd, name=t)),
    "upstream header": lambda t: lambda odd: use(odd, upstream=Response(200, [("a", t)])),
    "upstream header name": lambda t: lambda odd: use(odd, upstream=Response(200, [(t, "a")])),
    "upstream body and trailers": lambda t: lambda odd: use(odd, upstream=Response(200, body=t, trailers=[("a", t)])),
    "callout's response": lambda t: lambda odd: use(odd, clusters={"up": Cluster(lambda _: Response(200, [("a", t)], t))}),
    "configuration of an update": lambda t: lambda odd: use(odd, lambda proxy: proxy.update(Plugin(odd, config=t))),
}  # fmt: skip
#: Parameters that accept only text.
TEXT_PARAMETERS = {
    "cluster": lambda t: lambda odd: use(odd, clusters={t: UP, "up": UP}), "vm_id": lambda t: lambda odd: use(Plugin(odd, vm_id=t)),
    "configuration as a mapping": lambda t: lambda odd: use(Plugin(odd, config={t: [t, {t: t}]})),
    "environment": lambda t: lambda odd: use(Plugin(odd, environment={t: t, "A": t})),
    "node": lambda t: lambda odd: use(odd, node={"id": t, "cluster": t, "metadata": {t: t}}),
    "filter name": lambda t: lambda _odd: use(Filter.native(SOURCE, t)),
    "upstream's result": lambda t: lambda odd: use(odd, upstream=lambda _request: t),
    "prefix of a route": lambda t: routed(match={"prefix": t}), "route": lambda t: routed(name=t, route={"cluster": t}),
    "rewrite": lambda t: routed(route={"cluster": "up", "prefix_rewrite": t, "host_rewrite_literal": t}),
    "added header": lambda t: routed(request_headers_to_add=[{"header": {"key": t, "value": t}}]),
    "connection manager": lambda t: lambda odd: use(odd, connection_manager={"server_name": t, "via": t}),
    "source": lambda t: lambda _odd: use(Filter.native(f"{SOURCE}\n# {t}", "x")),
    "file name": lambda t: lambda _odd: use(Filter.native(SOURCE, "x", filename=t)),
    "local response": lambda t: lambda _odd: use(Filter.native(
        "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n"
        f"        self.send_local_response(200, {t!r}, {{'a' + {t!r}: {t!r}}})\n", "x")),
    "queue, property and gRPC": lambda t: lambda _odd: use(Filter.native(
        "class P(PluginContext):\n    def on_plugin_start(self, size):\n"
        f"        register_queue({t!r}).put({t!r})\n        self.shared_data[{t!r}] = {t!r}\n"
        "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n"
        f"        set_property(['a', {t!r}], {t!r}), get_property([{t!r}])\n"
        f"        self.grpc_call('up', {t!r}, {t!r}, metadata=[({t!r}, {t!r})], callback=lambda response: None)\n", "x")),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("parameter", [*PARAMETERS, *TEXT_PARAMETERS])
def test_hostile_text_raises_only_wasmnb_errors_and_is_displayed(parameter, odd):
    for text in TEXTS if parameter in TEXT_PARAMETERS else (*TEXTS, *BYTES):
        try:
            (PARAMETERS | TEXT_PARAMETERS)[parameter](text)(odd)
        except WasmnbError as error:
            str(error).encode()
        except Exception as error:
            raise AssertionError(f"{text[:20]!a}: {type(error).__name__}: {error!a}") from error
