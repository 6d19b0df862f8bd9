"""The traffic view of the panel: replayed recordings, compared versions, reports of cells."""

import json

import pytest

from wasmnb import Filter, Proxy, load, write_traffic
from wasmnb.view.panel import panel_of

SOURCE = """\
class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-gate"] = "open"
"""


@pytest.fixture(scope="module")
def gate():
    return Filter.native(SOURCE, "gate")


@pytest.fixture
def panel(gate):
    with Proxy(gate, workers=1) as proxy:
        yield panel_of(proxy)


def act(panel, action, /, **values):
    panel.widget.notice = {}
    panel.perform(action, values)
    return panel.widget.notice


def text_of(panel):
    return json.dumps(panel.widget.reports["blocks"], ensure_ascii=False)


def test_uploaded_recording_is_replayed(panel, tmp_path):
    proxy = panel.proxy
    proxy.get("/recorded")
    file = tmp_path / "day.jsonl"
    write_traffic(list(proxy.exchanges), file)
    act(panel, "upload", first=True, last=False, buffers=[file.read_bytes()])
    assert act(panel, "replay", name="../day.jsonl")["text"] == "1 of 1 request replayed"
    assert panel.widget.reports["titles"] == ["replay of day.jsonl"]
    assert "1 recorded request through gate" in text_of(panel)
    assert len(proxy.exchanges) == 1
    assert "No recording was uploaded" in act(panel, "replay", name="day.har")["text"]
    act(panel, "upload", first=True, last=True, buffers=[b"\x00\x01nonsense"])
    act(panel, "replay", name="day.har")
    assert "day.har" in text_of(panel) and "0 replayed" in text_of(panel)


def test_versions_are_compared_on_the_requests_of_the_panel(panel):
    proxy = panel.proxy
    for n in range(3):
        proxy.get(f"/{n}")
    none = act(panel, "compare", version="version 1")
    assert none["bad"] and none["text"].startswith("There is no earlier version to compare with. Edit the filter")
    with Proxy(Filter.native(SOURCE.replace('"open"', '"shut"'), "gate"), workers=1) as second:
        panel.replace(second)
        assert act(panel, "compare", version="version 1")["text"] == "4 of 4 requests differ"
        assert panel.widget.reports["titles"] == ["version 1 and version 2"]
        assert "x-gate" in text_of(panel)
        assert len(second.exchanges) == 1  # the repeated request; the comparison has proxies of its own
        panel.replace(proxy.clone())
        act(panel, "compare", version="version 1")
        assert panel.widget.notice["text"] == "no differences"
        assert act(panel, "report", report=1) == {}
        assert panel.widget.reports["picked"] == 1
        assert panel.widget.reports["versions"] == ["version 2", "version 1"]
        notice = act(panel, "compare", version="version 7")
        assert notice["bad"] and "has discarded version 7 of the filter. It keeps version 2, version 1." in notice["text"]
        panel.proxy.close()


def test_report_of_a_cell_is_shown_with_its_picture(panel):
    panel.add_report(load(panel.proxy, requests=20))
    panel.perform("look", {"view": "Traffic"})
    kinds = [block["kind"] for block in panel.widget.reports["blocks"]]
    assert {"title", "paragraph", "picture", "table"} <= set(kinds)
    assert panel.widget.reports["titles"] == ["load 1"]


def test_reset_forgets_reports_and_versions(panel):
    panel.add_report(load(panel.proxy, requests=5))
    with panel.proxy.clone() as fresh:
        panel.allow_restart(lambda _settings: panel.replace(fresh), seed=0)
        panel.perform("reset", {})
        panel.perform("look", {"view": "Traffic"})
        assert panel.widget.reports["titles"] == []
