"""A chain in the panel: every view separates plugins that share a VM."""

import json

import pytest

from wasmnb import Filter, Plugin, Proxy
from wasmnb.view.panel import panel_of

SOURCE = """\
from wasmnb.sdk import Action, HttpContext


class Tag(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        print(self.plugin.config, "saw", self.request_headers[":path"])
        if self.request_headers.get("x-hold") == self.plugin.config:
            self.held = True
            return Action.PAUSE
"""


@pytest.fixture(scope="module")
def tag():
    return Filter.from_source(SOURCE, "tag")


@pytest.fixture
def proxy(tag):
    plugins = [Plugin(tag, name=name, config=f'"{name}"') for name in ("one", "two")]
    with Proxy(plugins, workers=2, guest_time=0.0001) as running:
        for n in range(6):
            running.get(f"/{n}")
        yield running


@pytest.fixture
def panel(proxy):
    return panel_of(proxy)


def nodes(tree, kind):
    own = [tree] if tree.get("kind") == kind else []
    return own + [node for child in tree["children"] for node in nodes(child, kind)]


def choose(panel, name, thread, view):
    """Select the node of a plugin in the tree, and open a view."""
    node = next(n for n in nodes(panel.widget.tree, "plugin") if (n["name"], n["scope"]["thread"]) == (name, thread))
    panel.perform("look", {"view": view})
    panel.perform("narrow", node["scope"])
    return node["scope"]


def test_plugins_of_one_vm_have_separate_scopes(panel):
    one, two = (choose(panel, name, "worker-1", "Log") for name in ("one", "two"))
    assert one["vm"] == two["vm"]
    assert one["root"] != two["root"]


def test_plugin_scope_filters_the_log(panel):
    choose(panel, "two", "worker-2", "Log")
    assert [line[5] for line in panel.widget.log["lines"]] == ["two saw /1", "two saw /3", "two saw /5"]


def test_plugin_scope_filters_callbacks_and_hides_requests(panel):
    choose(panel, "two", "worker-2", "Latency")
    counts = {s["name"]: s["count"] for s in panel.widget.latency["series"]}
    assert counts["on_request_headers"] == 3
    assert "request" not in counts
    assert panel.widget.latency["of"].startswith("worker-2, VM")
    assert panel.widget.latency["of"].endswith(", two")
    panel.perform("narrow", {"thread": "worker-2"})
    counts = {s["name"]: s["count"] for s in panel.widget.latency["series"]}
    assert (counts["on_request_headers"], counts["request"]) == (6, 3)


def test_bars_and_pauses_have_their_plugin(proxy, panel):
    proxy.get("/held", {"x-hold": "two"})
    proxy.advance(1)
    scope = choose(panel, "two", "worker-1", "Timeline")
    own = [bar for bar in panel.widget.lanes["bars"] if (bar[7], bar[9]) == (scope["vm"], scope["root"])]
    assert sum(bar[4] == "on_request_headers" for bar in own) == 4
    (pause,) = (span for span in panel.widget.lanes["spans"] if span[3] == "paused")
    assert pause[6:] == [scope["vm"], scope["root"]]


def test_row_has_the_state_and_the_plugin_that_pauses_the_exchange(proxy, panel):
    proxy.get("/held", {"x-hold": "two"})
    panel.perform("look", {"view": "Exchanges", "fresh": True})
    paused, done = (row for row in json.loads(panel.widget.rows["text"]) if row[2] in ("/held", "/1"))
    assert (paused[7], paused[10]) == ("paused", "request paused by two")
    assert (done[7], done[10]) == ("done", "")


def test_python_state_names_the_plugin(proxy, panel):
    proxy.get("/held", {"x-hold": "two"})
    scope = choose(panel, "two", "worker-1", "State")
    assert {v["plugin"] for v in panel.widget.python["variables"]} == {"one", "two"}
    assert all(v["plugins"] == ["one", "two"] for v in panel.widget.python["variables"])
    (held,) = (s for s in panel.widget.python["streams"] if ["held", "True"] in s["attributes"])
    assert (held["vm"], held["root"]) == (scope["vm"], scope["root"])


def test_module_view_shows_the_selected_plugin(tag, proxy):
    other = Filter.from_source(SOURCE.replace("saw", "met"), "other")
    with Proxy([tag, other], workers=1) as running:
        panel = panel_of(running)
        panel.perform("look", {"view": "Module"})
        assert dict(panel.widget.module["facts"])["filter"] == "tag"
        assert panel.widget.module["plugins"] == ["tag", "other"]
        choose(panel, "other", "worker-1", "Module")
        assert dict(panel.widget.module["facts"])["filter"] == "other"
        panel.perform("module", {"plugin": 0})
        assert dict(panel.widget.module["facts"])["filter"] == "tag"
        panel.perform("module", {"plugin": 7})
        assert panel.widget.notice == {"text": "This proxy has no plugin 7. Use 0 to 1.", "bad": True}
