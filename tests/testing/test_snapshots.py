"""Snapshots: text that is equal in every run, gives readable diffs, and is updated on demand."""

from difflib import unified_diff

import pytest

from wasmnb.errors import UsageError
from wasmnb.testing import assert_snapshot, response, snapshot

SOURCE = """
import time


class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        log_info(f"path {self.request_headers[':path']}")
        self.request_headers["x-user"] = "ann"
        time.time()
        self.request_headers.get("x-request-id")
"""


def test_snapshot_has_the_events_without_variable_values(make_proxy):
    texts = {snapshot(make_proxy(SOURCE, seed=seed).get("/a")) for seed in (1, 2, 3)}
    (text,) = texts
    lines = text.splitlines()
    assert "worker-1 request(method='GET', path='/a')" in lines
    assert "    replace_header_map_value(map_type=REQUEST_HEADERS, key='x-user', value='ann')" in lines
    assert any(line.strip() == "log(level=INFO, message='path /a')" for line in lines)
    assert "worker-1 response(status=200)" in lines
    assert "clock_time_get" not in text


CALLING = """
class Plug(PluginContext):
    def on_plugin_start(self, size):
        self.hits = Counter("hits")
        self.hits.increment()
        return True


class Call(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.hits.increment()
        self.http_call("auth", path="/check", headers={"x-a": "1"}, callback=self.on_response)
        return Action.PAUSE

    def on_response(self, response):
        response.headers.items()
        self.continue_request()
"""


def test_changed_header_changes_its_lines_only(make_proxy):
    def text(source):
        proxy = make_proxy(source, clusters={"auth": response(200)})
        proxy.get("/first")
        return snapshot(proxy.get("/second")).splitlines()

    before, after = text(CALLING), text(CALLING.replace('{"x-a": "1"}', '{"x-a": "1", "x-b": "2"}'))
    changed = [
        line
        for line in unified_diff(before, after, n=0, lineterm="")
        if line[:3] not in ("---", "+++") and line[:1] in "+-"
    ]
    assert changed == ["+        x-b: 2"]


def test_snapshot_names_enums(make_proxy):
    proxy = make_proxy(CALLING, clusters={"auth": response(200)})
    proxy.get("/first")
    text = snapshot(proxy.get("/second"))
    assert "    increment_metric('hits', offset=1)\n" in text
    assert "\nworker-1 plugin on_http_call_response(" in text
    assert "\n    set_effective_context(#1)\n" in text
    assert "on_request_headers(num_headers=6, end_of_stream=1) -> STOP_ITERATION" in text
    assert "arg0" not in snapshot(proxy)


def test_events_are_selected_excluded_and_masked(make_proxy):
    exchange = make_proxy(SOURCE).get("/a")
    assert [line.split("(")[0].strip() for line in snapshot(exchange, only=["log"]).splitlines()] == ["log"]
    assert "log(" not in snapshot(exchange, without=["log"])
    assert "ann" not in snapshot(exchange, mask=lambda line: line.replace("ann", "<name>"))


def test_proxy_has_a_snapshot(make_proxy):
    proxy = make_proxy(SOURCE, workers=2)
    proxy.get("/a")
    proxy.get("/b")
    text = snapshot(proxy, only=["on_request_headers", "on_configure"])
    assert text.count("on_request_headers") == 2
    assert text == snapshot(proxy, only=["on_request_headers", "on_configure"])


def test_missing_snapshot_fails_with_its_text(tmp_path, monkeypatch):
    monkeypatch.delenv("WASMNB_UPDATE", raising=False)
    file = tmp_path / "s.txt"
    with pytest.raises(AssertionError, match="snapshot .* doesn't exist") as caught:
        assert_snapshot("one\n", file)
    assert "one" in str(caught.value)
    assert not file.exists()


def test_update_switch_writes_and_a_change_fails_with_a_diff(tmp_path, monkeypatch):
    file = tmp_path / "deep" / "s.txt"
    monkeypatch.setenv("WASMNB_UPDATE", "1")
    assert_snapshot("one\ntwo\n", file)
    monkeypatch.setenv("WASMNB_UPDATE", "0")
    assert_snapshot("one\ntwo\n", file)
    with pytest.raises(AssertionError) as caught:
        assert_snapshot("one\n2\n", file)
    assert "-two\n+2" in str(caught.value)
    assert "--wasm-update" in str(caught.value)


@pytest.mark.parametrize("option", ["only", "without"])
def test_unknown_event_raises(option):
    for name, known in (("on_requst_headers", "on_request_headers"), ("proxy_http_cal", "http_call")):
        with pytest.raises(UsageError, match=f"Unknown event '{name}': did you mean '{known}'"):
            snapshot([], **{option: [name]})
    assert snapshot([], **{option: ["proxy_log", "on_tick", "local_reply"]}) == ""


@pytest.mark.parametrize("source", [42, b"abc"])
def test_source_without_events_raises(source):
    with pytest.raises(TypeError, match="have no events. Pass a simulated proxy"):
        snapshot(source)
