"""Messages that anybody may send to a published panel: no file is read, nothing raises, and every notice is a sentence."""

import json
import random

import pytest

from wasmnb import Filter, Proxy
from wasmnb.view.panel import panel_of
from wasmnb.view.panel.actions import ACTIONS

SECRET = "the-secret-of-the-kernels-user"

SOURCE = """
class Plain(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        log_info(self.request.path)
"""

CURL = (
    "curl -d @{file} http://a/", "curl --data-binary @{file} http://a/", "curl --data-raw @{file} http://a/", "curl --json @{file} http://a/",
    "curl --data-urlencode x@{file} http://a/", "curl --data-urlencode @{file} http://a/", "curl -F x=@{file} http://a/", "curl -F 'x=<{file}' http://a/",
    "curl -F 'x=@\"{file}\";type=text/plain' http://a/", "curl -T {file} http://a/", "curl --upload-file {file} http://a/", "curl -H @{file} http://a/",
    "curl -b {file} http://a/", "curl --cookie {file} http://a/", "curl -K {file} http://a/", "curl --config {file}", "curl --url-query @{file} http://a/",
    "curl --netrc-file {file} http://a/", "curl -E {file} http://a/", "curl file://{file}", "curl -d@{file} http://a/", "curl -d @../../{file} http://a/",
    "curl -d '@~/x' http://a/", "curl -X \"$(cat {file})\" http://a/", "curl http://a/ -o {file}", "curl -D {file} http://a/", "curl -w @{file} http://a/",
    "curl --variable x@{file} --expand-data '{{x}}' http://a/", "curl -d @{file} -G http://a/", "@{file}", "curl @{file}", "curl 'unclosed", "curl -", "",
    "curl http://[::1", pytest.param("curl " + "-H a:b " * 3000, marks=pytest.mark.slow), "curl -d " + "x" * 100_000 + " http://a/", "curl \0", "curl \ud800 http://a/",
)  # fmt: skip

ODD = (
    None, True, -1, 0, 1, 2**31, 10**400, 1.5, -1e308, 1e999, float("nan"), "", "1", "-1", "x", "9" * 5000, "\ud800", "\0", "../../etc/passwd",
    "/etc/passwd", b"bytes", [], [1], [[]], {}, {"a": {"b": [1]}}, "<script>alert(1)</script>", "x" * 100_000, ["\udcff"], "٣", "²",
)  # fmt: skip

NAMES = (
    "view", "fresh", "exchange", "thread", "vm", "root", "context", "level", "text", "seq", "plugin", "against", "method", "path", "headers",
    "trailers", "http2", "authority", "worker", "uploaded", "body", "chunking", "first", "last", "buffers", "line", "data", "half_close", "seconds",
    "callback", "cluster", "config", "workers", "seed", "report", "version", "name", "station", "action",
)  # fmt: skip

#: Time and restarts of these would only cost time.
SKIPPED = {"advance": "seconds"}


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    path = tmp_path_factory.mktemp("home") / "secret.txt"
    path.write_text(SECRET)
    return path


@pytest.fixture
def panel():
    with Proxy(Filter.native(SOURCE, "plain"), workers=2) as proxy:
        panel = panel_of(proxy)
        sent = []
        panel.widget.send = lambda content, *_: sent.append(content)
        panel.sent = sent
        for n in range(3):
            proxy.get(f"/{n}")
        yield panel


def check(panel, name, values):
    """Perform an action, and check the messages to the browser."""
    panel.sent.clear()
    panel.perform(name, values)
    assert {"kind": "done"} in panel.sent
    notice = panel.widget.notice
    assert isinstance(notice.get("text", ""), str)
    assert len(notice.get("text", "")) <= 1100
    notice.get("text", "").encode()
    json.dumps(panel.sent).encode()
    assert SECRET not in json.dumps(panel.sent)


def everything(panel):
    traits = {name: getattr(panel.widget, name) for name in panel.widget.trait_names(sync=True) if not name.startswith("_")}
    return json.dumps({name: value for name, value in traits.items() if isinstance(value, dict)}, default=str)


@pytest.mark.parametrize("line", CURL)
def test_curl_line_reads_no_file(panel, secret, line, monkeypatch):
    monkeypatch.chdir(secret.parent)
    for file in (secret, secret.name, f"./{secret.name}", f"/proc/self/root{secret}"):
        check(panel, "curl", {"line": line.replace("{file}", str(file))})
    for exchange in panel.proxy.exchanges:
        assert SECRET.encode() not in b"".join((exchange.request.body, *(value for _, value in exchange.request.headers.raw)))
    assert SECRET not in everything(panel)


@pytest.mark.parametrize("name", [
    "curl.sh", "../../../x.har", "x.json", "\0",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("har", "access.log", "x.jsonl", "a/b", "..", ".")),
])  # fmt: skip
def test_uploaded_recording_cannot_read_other_files(panel, secret, name):
    texts = [
        f"curl -d @{secret} http://a/\ncurl -T {secret} http://a/\n", f'{{"method": "POST", "path": "/", "body": "@{secret}"}}\n',
        json.dumps({"log": {"entries": [{"request": {"method": "POST", "url": "http://a/", "postData": {"text": f"@{secret}", "fileName": str(secret)}}}]}}),
    ]
    for text in texts:
        check(panel, "upload", {"first": True, "last": True, "buffers": [text.encode()]})
        check(panel, "replay", {"name": name})
        assert SECRET not in everything(panel)


@pytest.mark.slow
@pytest.mark.parametrize("action", [*ACTIONS, "nosuch", "__class__", ""])
def test_unexpected_values_of_any_action_set_a_notice(panel, action):
    rng = random.Random(action)
    check(panel, action, {})
    for name in NAMES:
        if SKIPPED.get(action) == name:
            continue
        for odd in rng.sample(ODD, 8):
            others = {other: rng.choice(ODD) for other in rng.sample(NAMES, 3) if SKIPPED.get(action) != other}
            check(panel, action, {**others, name: odd})
    assert panel.proxy.state == "running"
    panel.widget.notice = {}
    panel.perform("look", {"view": "Exchanges"})
    assert not panel.widget.notice.get("bad")


@pytest.mark.parametrize("seconds", [None, "x", float("nan"), 1e999, -1, 1e7, 10**400, [], {}, "1e400", True])
def test_time_of_a_message_is_checked(panel, seconds):
    check(panel, "advance", {"seconds": seconds})


@pytest.mark.parametrize("content", [None, 3, "x", [], {}, {"action": None}, {"action": 3}, {"action": ["send"]}, {"action": "send", "buffers": 3}, {"action": {"a": 1}}])
def test_message_of_any_shape_is_ignored_or_performed(panel, content):
    panel.widget.receive(panel.widget, content, [memoryview(b"x")])
    assert panel.proxy.state == "running"
