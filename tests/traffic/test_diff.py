"""Comparison of two builds: identical ones report nothing, planted changes are found and grouped."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from xml.etree import ElementTree

import pytest

from wasmnb import Filter, Request, Response, diff
from wasmnb.errors import UsageError
from wasmnb.traffic.build_diff import DiffReport
from wasmnb.traffic.build_diff.differences import differences
from wasmnb.traffic.build_diff.observation import Observation
from wasmnb.traffic.junit import write_junit
from wasmnb.traffic.recorded import RecordedExchange

BASE = """\
from wasmnb.sdk import Action, HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.number = int(self.request_headers[":path"].rpartition("/")[2])
        self.request_headers["x-user"] = f"user {self.number}"
        print("saw", self.number)
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-seen"] = "1"
        return Action.CONTINUE
"""

#: Ten changes. Each one concerns other requests, and several show in more than one place.
PLANTED = {
    0: 'self.request_headers["x-new"] = "1"',
    1: 'del self.request_headers["accept"]',
    2: 'self.request_headers["x-user"] = "other"',
    3: 'self.request_headers[":path"] = "/moved"',
    4: "self.send_local_response(403, body=b'no'); return Action.PAUSE",
    5: 'print("new line", self.number)',
    6: 'self.request_headers["x-six"] = "2"; print("and a line")',
    7: "self.send_local_response(401); return Action.PAUSE",
    8: 'self.request_headers[":authority"] = "b.test"',
    9: 'self.request_headers[":method"] = "PUT"',
}


def changed(*changes, more=""):
    lines = "".join(f"        if self.number % 11 == {n}:\n            {'; '.join(PLANTED[n].split('; '))}\n" for n in changes)
    head, call, rest = BASE.partition('        print("saw", self.number)\n')
    return head + call + lines + rest.replace('        self.response_headers["x-seen"] = "1"\n', '        self.response_headers["x-seen"] = "1"\n' + more)


def native(source, name="gate"):
    return Filter.native(source, name)


def traffic(count):
    return [
        RecordedExchange(Request("GET", f"/item/{n}", {"accept": "*/*"}), Response(200, {"x-b": str(n)}, b"body"))
        for n in range(count)
    ]


@pytest.mark.slow
def test_identical_builds_report_nothing():
    report = diff(native(BASE), native(BASE, "again"), traffic(500))
    assert report.same
    assert (report.groups, report.read, report.replayed, report.differing) == ([], 500, 500, 0)


@pytest.mark.parametrize("number", PLANTED)
def test_one_planted_change_is_one_group(number):
    report = diff(native(BASE), native(changed(number)), traffic(44))
    assert not report.same
    (group,) = report.groups
    assert (group.count, group.example.index % 11) == (4, number)


@pytest.mark.slow
def test_ten_planted_changes_are_ten_groups():
    report = diff(native(BASE), native(changed(*PLANTED)), traffic(220))
    assert sorted(group.example.index % 11 for group in report.groups) == list(range(10))
    assert {group.count for group in report.groups} == {20}


def test_changes_on_overlapping_requests_are_separate_groups():
    lines = "".join(f'        if self.number % {n} == 0: self.response_headers["x-{n}"] = "1"\n' for n in range(1, 11))
    report = diff(native(BASE), native(changed(more=lines)), traffic(100))
    assert sorted(group.title for group in report.groups) == sorted(f"response header x-{n} added" for n in range(1, 11))
    assert [group.count for group in report.groups] == sorted((len(range(0, 100, n)) for n in range(1, 11)), reverse=True)


def test_changes_on_all_requests_are_separate_groups():
    lines = "".join(f'        self.response_headers["x-{n}"] = "1"\n' for n in range(10))
    assert len(diff(native(BASE), native(changed(more=lines)), traffic(20)).groups) == 10


def test_renamed_header_is_one_difference():
    report = diff(native(BASE), native(BASE.replace("x-seen", "x-was-seen")), traffic(5))
    assert [group.title for group in report.groups] == ["response header x-seen -> x-was-seen renamed"]


def test_example_is_the_smallest_request():
    requests = [Request("POST", f"/item/{n}", {}, b"x" * (50 - n)) for n in range(20)]
    (group,) = diff(native(BASE), native(BASE.replace('"1"', '"2"')), requests).groups
    assert (group.count, group.example.recorded.request.path, group.example.index) == (20, "/item/19", 19)


def test_metrics_and_callouts_are_compared():
    source = BASE.replace("import Action,", "import Counter, Action,").replace("class Gate", 'HITS = Counter("hits")\n\n\nclass Gate')
    counts = 'HITS.increment(2 if self.number % 2 else 1)\n        print("saw"'
    calls = 'self.http_call("auth", path="/x", authority="a")\n        print("saw"'
    old = native(source.replace('print("saw"', 'HITS.increment(1)\n        print("saw"'))
    new = native(source.replace('print("saw"', counts).replace('print("saw"', f"if self.number % 3 == 0: {calls}"))
    report = diff(old, new, traffic(30), clusters={"auth": Response(200)})
    titles = {group.title: group.count for group in report.groups}
    assert titles == {"metric hits changed": 15, "callout to auth added": 10}


def test_filter_is_compared_with_no_filter():
    report = diff(None, native(BASE), traffic(3))
    assert sorted(d.title for g in report.groups for d in g.differences) == [
        "log INFO saw … added", "response header x-seen added", "upstream request header x-user added",
    ]  # fmt: skip


def test_requests_that_cannot_be_sent_are_counted():
    report = diff(native(BASE), native(BASE), [*traffic(2), Request("CONNECT", "a:1")])
    assert (report.read, report.replayed, report.skipped, report.failed) == (3, 2, 1, 0)
    assert "exchange 3" in report.messages[0]


@pytest.mark.parametrize(
    ("old", "new", "titles"),
    [
        (Response(200, {"a": "1"}), Response(200, {"a": "2"}), ["response header a changed"]),
        (Response(200, [("a", "1"), ("b", "2")]), Response(200, [("b", "2"), ("a", "1")]), ["response headers order"]),
        (Response(200, [("a", "1"), ("a", "2")]), Response(200, {"a": "1"}), ["response header a changed"]),
        (Response(200, {"content-length": "1"}, b"a"), Response(200, {"content-length": "2"}, b"bb"), ["response body changed"]),
        (Response(200, trailers={"t": "1"}), Response(200), ["response trailer t removed"]),
        (Response(200), Response(503, {"x": "1"}), ["outcome 200 -> 503"]),
        (Response(200), None, ["outcome 200 -> no response"]),
        (Response(200), Response(200, reset=True), ["outcome 200 -> 200 reset"]),
    ],
)
def test_difference_of_responses_has_its_area_and_name(old, new, titles):
    sides = [Observation("done", each, (Request(),), (), {}, ()) for each in (old, new)]
    assert [d.title for d in differences(*sides)] == titles


def test_log_lines_that_differ_in_numbers_only_are_one_kind():
    def seen(text):
        return Observation("done", Response(), (Request(),), (("INFO", text),), {}, ())

    keys = {d.key for n in range(5) for d in differences(seen(f"took {n}"), seen(f"was {n}"))}
    assert keys == {("log", "INFO took … -> INFO was …", "changed")}


@pytest.mark.slow
def test_latencies_are_compared_with_a_statement_on_significance():
    slow = BASE.replace('print("saw"', 'sum(range(20000)); print("saw"')
    report = diff(native(BASE), native(slow), traffic(300))
    assert report.same
    assert "is significant" in report.latency
    assert report.old_filter.count == report.new_filter.count == 300


def test_report_is_json_text_html_and_junit(tmp_path):
    report = diff(native(BASE), native(changed(4, 5)), traffic(22))
    document = json.loads(json.dumps(report.as_dict()))
    assert (document["same"], len(document["groups"])) == (False, 2)
    bundle = report._repr_mimebundle_()
    assert all("outcome 200 -&gt; 403" in bundle["text/html"] and "outcome 200 -> 403" in bundle["text/plain"] for _ in (1,))
    write_junit(report, tmp_path / "x.xml")
    suite = ElementTree.parse(tmp_path / "x.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), len(suite.findall(".//failure"))) == ("3", "2", 2)


def test_header_names_with_markup_are_escaped(tmp_path):
    request = Request("GET", "/item/1")
    request.headers.raw = [(b"x", b"<script>alert(1)</script>\x01")]
    report = diff(None, native(BASE), [RecordedExchange(request, Response(200))])
    assert "<script>" not in report._repr_mimebundle_()["text/html"]
    write_junit(report, tmp_path / "x.xml")
    ElementTree.parse(tmp_path / "x.xml")


def test_less_than_one_worker_is_refused():
    with pytest.raises(UsageError, match="workers= must be at least 1, not 0"):
        diff(None, None, [], workers=0)


@pytest.fixture(scope="module")
def builds():
    return Filter.native(BUILD.format(name="x-a"), "old"), Filter.native(BUILD.format(name="x-b"), "new")


BUILD = """\
from wasmnb.sdk import HttpContext

class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["{name}"] = self.request_headers[":path"]
"""


# -- on an executor ---------------------------------------------------------------------------------------------------


def outcome_of(report):
    groups = [(g.title, g.count, g.example.index) for g in report.groups]
    return report.read, report.replayed, report.skipped, report.failed, report.differing, groups


@pytest.mark.slow
def test_shards_give_the_same_groups_as_one_process(builds):
    old, new = builds
    traffic = [RecordedExchange(Request("GET", f"/{n % 7}/{'x' * (n % 3)}"), Response(200 + n % 2)) for n in range(60)]
    traffic.insert(20, RecordedExchange(Request("CONNECT", "/")))
    whole = diff(old, new, traffic)
    with ThreadPoolExecutor(2) as pool:
        parts = diff(old, new, traffic, executor=pool, workers=2, shard=7)
    assert outcome_of(parts) == outcome_of(whole) and parts.shards == 10 and whole.groups
    assert parts.old_filter.count == whole.old_filter.count


def test_merging_diff_reports_is_associative(builds):
    old, new = builds

    def part(first):
        traffic = [RecordedExchange(Request("GET", f"/{n}"), Response(200)) for n in range(first, first + 3)]
        return diff(old, new, traffic)

    def merged(*reports):
        whole = DiffReport("a", "b", "t")
        for report in reports:
            whole.add(report)
        return whole

    a, b, c = part(0), part(3), part(6)
    left, right = merged(merged(a, b), c), merged(a, merged(b, c))
    assert outcome_of(left) == outcome_of(right) and left.read == 9
    assert left.old_filter.values == right.old_filter.values


@pytest.mark.slow
def test_only_the_shard_of_a_dead_process_is_missing_from_a_comparison(builds, tmp_path):
    source = """\
import os
from wasmnb.sdk import HttpContext

class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/7":
            os.kill(os.getpid(), 9)
"""
    killer = Filter.native(source, "killer")
    traffic = [RecordedExchange(Request("GET", f"/{n}"), Response(200)) for n in range(12)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        report = diff(builds[0], killer, traffic, executor=pool, workers=2, shard=3)
    assert (report.read, report.replayed, report.failed) == (12, 9, 3)
    assert any("(worker 2, exchanges 8 to 12) was not run: its process died" in text for text in report.messages), report.messages
