"""The examples of docs/sdk.md behave as the page says."""

import doctest
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from wasmnb import Filter, FilterTrap, Proxy, Response
from wasmnb.host import Cluster, GrpcServer, TcpReply

PAGE = Path(__file__).parents[2] / "docs" / "sdk.md"


@dataclass
class Example:
    """A filter of the page and the session below it."""

    line: int
    source: str
    session: str
    first_line: int


def examples():
    text = PAGE.read_text()
    matches = re.finditer(r"^```python\n(.*?)^```\n+```pycon\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [Example(_line(text, m.start(1)), m[1], m[2], _line(text, m.start(2))) for m in matches]


def _line(text, position):
    return text.count("\n", 0, position) + 1


def service(request):
    good = request.headers.get("authorization") == "good"
    return Response(200, body=b'{"user": "ann"}', latency=0.05) if good else Response(401, latency=0.05)


CLUSTERS = {
    "service": service,
    "grpc": GrpcServer(
        {
            "/pkg.Greeter/Hello": lambda message: b"hello " + message,
            "/pkg.Greeter/Chat": lambda message: b"echo " + message,
        },
        headers=[("x-init", "yes")],
    ),
    "echo": Cluster(lambda data: TcpReply(data)),
}


@pytest.mark.parametrize("mode", ["native", "wasm"])
@pytest.mark.parametrize("example", examples(), ids=lambda e: f"line {e.line}")
def test_example_behaves_as_the_page_says(example, mode):
    make = Filter.native if mode == "native" else Filter.from_source
    filter_ = make(example.source, filename="sdk.md", first_line=example.line)
    upstream = Response(200, {"content-length": "5"}, b"hello")
    names = {"filter": filter_, "FilterTrap": FilterTrap, "Proxy": Proxy}
    with ExitStack() as stack:
        if "tcp_proxy" in example.session:
            names["tcp_proxy"] = _TcpProxy(stack, filter_)
        else:
            names["proxy"] = stack.enter_context(Proxy(filter_, workers=1, upstream=upstream, clusters=CLUSTERS, guest_time=0))
        test = doctest.DocTestParser().get_doctest(example.session, names, "docs/sdk.md", str(PAGE), example.first_line - 1)
        differences = []
        doctest.DocTestRunner(verbose=False).run(test, out=differences.append, clear_globs=False)
    assert not differences, "".join(differences)


class _TcpProxy:
    """A proxy for connections to an echo server."""

    def __init__(self, stack, filter_):
        from wasmnb import Plugin

        self._proxy = stack.enter_context(Proxy([Plugin(filter_, kind="network")], workers=1, clusters=CLUSTERS, guest_time=0))

    def connect(self):
        return self._proxy.connect(cluster="echo")


def test_every_filter_of_the_page_has_a_session():
    assert PAGE.read_text().count("```python") == len(examples())
