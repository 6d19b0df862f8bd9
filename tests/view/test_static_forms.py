"""HTML and text of every displayable class without scripts, with hostile content."""

import re
from html.parser import HTMLParser

import pytest

from wasmnb import Filter, LoadPhase, LoadPlan, Plugin, Proxy, Response, diff, forecast, load, replay, write_traffic
from wasmnb.compiler import inspect_module
from wasmnb.envoy import export
from wasmnb.notebook.magics.results import LogResult, TraceResult
from wasmnb.traffic import profile
from wasmnb.view.mimebundle import DOCUMENTS, static_bundle

pytestmark = pytest.mark.slow  # the exported filter is a release module

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&</pre></table>\x1b[31m\u202e"
#: The same text, as far as Envoy accepts it in a request.
WIRE = "<script>alert(1)</script><img/src=x/onerror=alert(1)>\"'&</pre></table>"
#: Tags and attributes that even strict sanitisers keep.
TAGS = {
    "div", "p", "span", "strong", "code", "ins", "del", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "details", "summary", "pre", "img",
}  # fmt: skip
ATTRIBUTES = {"class", "style", "open", "alt", "width", "src"}
SOURCE = """\
from wasmnb.sdk import Counter, HttpContext

NASTY = {nasty!r}
hits = Counter("hits<b>")


class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        hits.increment()
        self.kept = NASTY  # the last line that every request reaches
        self.request_headers["x-nasty"] = "<b>" + self.request_headers.get("x-user", "")
        self.shared_data[NASTY] = NASTY
        print(NASTY)
        if self.request_headers.get("x-user") == "boom":
            raise ValueError(NASTY)
"""


@pytest.fixture(scope="module")
def proxy():
    hostile = Filter.from_source(SOURCE.format(nasty=HOSTILE), HOSTILE)
    with Proxy(hostile, workers=2, upstream=Response(200, [("x-up", WIRE)], HOSTILE)) as running:
        for user in ("ann", "boom", "<i>"):
            running.request("POST", "/" + WIRE, [("x-user", user), ("cookie", WIRE)], HOSTILE)
        yield running


@pytest.fixture(scope="module")
def samples(proxy, tmp_path_factory):
    """An object of every displayable class."""

    objects = {
        "Proxy": proxy,
        "TreeNode": proxy.tree(),
        "Exchange": proxy.exchanges[1],
        "Log": proxy.log,
        "LogResult": LogResult(proxy.log),
        "Trace": proxy.trace,
        "TraceResult": TraceResult(proxy.trace),
        "Metrics": proxy.metrics,
        "SharedData": proxy.shared_data,
        "Filter": proxy.plugins[0].filter,
        "FilterInfo": proxy.plugins[0].filter.info,
        "ModuleFacts": inspect_module(b"\0asm\1\0\0\0" + HOSTILE.encode()),
        "Export": export(Plugin(proxy.plugins[0].filter, vm_config=HOSTILE), tmp_path_factory.mktemp("x") / HOSTILE[:7]),
        "ProfileReport": profile(proxy, requests=20, path="/", headers={"x-user": "ann"}),
        "LoadReport": load(proxy, requests=30, headers={"x-user": "ann"}),
        "PlanReport": load(proxy, LoadPlan(["/" + WIRE], [LoadPhase(0.1, rate=100.0)])),
        "Forecast": forecast(Plugin(proxy.plugins[0].filter, name=HOSTILE), measured=False),
    }
    recording = tmp_path_factory.mktemp("traffic") / "traffic.jsonl"
    write_traffic(list(proxy.exchanges)[-3:], recording)
    objects["ReplayReport"] = replay(proxy.plugins[0].filter, recording, workers=1)
    objects["DiffReport"] = diff(proxy.plugins[0].filter, None, recording)
    return objects


class Reader(HTMLParser):
    """The markup of a form, and the visible text."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.sources, self.text = set(), set(), [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


#: Classes with their own tests of hostile text among the tests of their floor.
ELSEWHERE = {"EnvoyExchange", "TcpExchange", "Parity", "ProfileReport", "PythonState"}


@pytest.fixture(scope="module")
def forms(samples):
    """The display data of each object."""
    return {name: static_bundle(shown) for name, shown in samples.items()}


def test_every_displayable_class_is_tested(samples):
    assert set(samples) | ELSEWHERE >= set(DOCUMENTS), "a class that views draw needs a sample here"


def test_static_html_has_no_scripts_or_external_resources(forms):
    for name, bundle in forms.items():
        read = Reader(bundle["text/html"])
        assert read.tags <= TAGS, name
        assert read.attributes <= ATTRIBUTES, name
        assert all(source.startswith("data:image/png;base64,") for source in read.sources), name
        assert not re.search(r"url\(|expression\(|javascript:", "".join(re.findall(r'style="([^"]*)"', bundle["text/html"])))


def test_hostile_text_is_shown_as_text(forms):
    for name, bundle in forms.items():
        for form in bundle.values():
            assert "\x1b" not in form, name
            assert "\u202e" not in form, name
    for name in ("Proxy", "Exchange", "LogResult", "SharedData"):
        assert "<script>alert(1)</script>" in Reader(forms[name]["text/html"]).text, name
        assert "<script>alert(1)</script>" in forms[name]["text/plain"], name


def test_printed_text_has_no_terminal_control_codes(proxy):
    refused = proxy.get("/" + HOSTILE)
    for shown in (repr(proxy), str(proxy.log), *map(repr, proxy.exchanges), repr(refused), *map(str, proxy.log)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_html_without_styles_keeps_signs_and_words(forms):
    """The text without attributes."""
    bare = {name: Reader(re.sub(r"<(\w+)[^>]*>", r"<\1>", b["text/html"])).text for name, b in forms.items()}
    assert "proxy_on_request_headers failed: ValueError" in bare["Exchange"]
    assert "x-user" in bare["Exchange"]
    assert "5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers" in bare["TreeNode"]
    assert "on_request_headers" in bare["LoadReport"]
    assert "hits" in bare["Metrics"]
    assert "critical" in bare["LogResult"]


def test_charts_are_pictures_with_a_table(forms):
    read = Reader(forms["LoadReport"]["text/html"])
    assert read.sources
    assert {"img", "table"} <= read.tags
    assert "p99" in read.text
    assert "p99" in forms["LoadReport"]["text/plain"]
