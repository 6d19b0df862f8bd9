"""Results as data: tables of exchanges, callbacks, hostcalls, metrics and log lines; OpenTelemetry spans."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from wasmnb import Filter, Proxy, Request, Response, UsageError, export_spans, load, otlp, replay, tables_of
from wasmnb.traffic.data_frames.columns import SCHEMAS
from wasmnb.traffic.recorded import RecordedExchange

SOURCE = """\
from wasmnb.sdk import Counter, Histogram, HttpContext

hits = Counter("hits")
sizes = Histogram("sizes")


class Auth(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        hits.increment()
        sizes.record(len(self.request_headers[":path"]))
        print("saw", self.request_headers[":path"])
        if self.request_headers[":path"] == "/boom":
            raise ValueError("broken")
        response = await self.http_call("accounts", path="/check")
        self.request_headers["x-user"] = response.headers.get("x-user", "")
"""

ACCOUNTS = Response(200, {"x-user": "ann"}, latency=0.25)


@pytest.fixture(scope="module")
def auth():
    return Filter.native(SOURCE, "auth")


def traffic(count=6):
    return [RecordedExchange(Request("GET", f"/{n}", body=b"x" * n), Response(200 + n % 2, body=b"y" * n)) for n in range(count)]


def check_joins(report, count):
    """Every callback, hostcall and line belongs to an exchange of the table, and every table has its schema."""
    lists = {name: report.table(name).as_lists() for name in SCHEMAS}
    for name, columns in lists.items():
        assert list(columns) == list(SCHEMAS[name])
        assert len({len(column) for column in columns.values()}) == 1
    indexes = set(lists["exchanges"]["index"])
    assert len(indexes) == count
    for name in ("callbacks", "hostcalls", "logs"):
        assert indexes <= set(lists[name]["exchange"]) <= indexes | {-1}
    assert set(lists["hostcalls"]["callback"]) <= set(lists["callbacks"]["event"]) | {-1}
    headers = [n for n, name in enumerate(lists["callbacks"]["name"]) if name == "on_request_headers"]
    assert len(headers) == count and all(lists["callbacks"]["guest_seconds"][n] > 0 for n in headers)
    assert {"OK"} <= set(lists["hostcalls"]["status"])
    return lists


@pytest.mark.parametrize("workers", [1, 3])
def test_replay_has_all_tables(auth, workers):
    report = replay(auth, traffic(), workers=workers, events=True, clusters={"accounts": ACCOUNTS})
    lists = check_joins(report, 6)
    texts = dict(zip(lists["logs"]["exchange"], lists["logs"]["text"]))
    assert texts == {n: f"saw /{n}" for n in range(6)}
    metrics = dict(zip(lists["metrics"]["name"], zip(lists["metrics"]["kind"], lists["metrics"]["value"], lists["metrics"]["samples"])))
    assert metrics == {"hits": ("counter", 6.0, 0), "sizes": ("histogram", 12.0, 6)}


def test_shards_keep_the_positions_of_the_recording(auth):
    with ThreadPoolExecutor(2) as pool:
        report = replay(auth, traffic(), workers=2, events=True, executor=pool, shard=2, clusters={"accounts": ACCOUNTS})
    lists = check_joins(report, 6)
    assert sum(v for n, v in zip(lists["metrics"]["name"], lists["metrics"]["value"]) if n == "hits") == 6
    assert set(lists["metrics"]["shard"]) == set(range(report.shards))


@pytest.mark.parametrize("rate", [None, 1000.0])
def test_load_has_all_tables(auth, rate):
    with Proxy(auth, workers=2, clusters={"accounts": ACCOUNTS}) as proxy:
        proxy.get("/before")
        report = load(proxy, requests=300, rate=rate, events=True)
    lists = check_joins(report, 300)
    assert sorted(lists["exchanges"]["index"]) == list(range(300))


def test_proxy_has_all_tables(auth):
    with Proxy(auth, workers=1, clusters={"accounts": ACCOUNTS}) as proxy:
        proxy.get("/a")
        proxy.get("/b")
        check_joins(tables_of(proxy), 2)
        assert "exchanges" in repr(tables_of(proxy))
    with pytest.raises(UsageError, match="requires a Proxy"):
        tables_of(7)


def test_events_are_collected_on_demand_only(auth):
    report = replay(auth, traffic(2), clusters={"accounts": ACCOUNTS})
    assert len(report.table("metrics")) == 2
    with pytest.raises(UsageError, match="events=True"):
        report.to_pandas("hostcalls")
    with pytest.raises(UsageError, match="The table 'x' doesn't exist"):
        report.to_pandas("x")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_become_frames_of_each_library(auth, library):
    module = pytest.importorskip(library)
    report = replay(auth, traffic(), workers=1, events=True, clusters={"accounts": ACCOUNTS})
    convert = getattr(report, {"pandas": "to_pandas", "polars": "to_polars", "pyarrow": "to_arrow"}[library])
    for name, schema in SCHEMAS.items():
        frame = convert(name)
        assert list(getattr(frame, "column_names", None) or frame.columns) == list(schema)
    frame = convert()
    column = frame["path"].to_pylist() if library == "pyarrow" else list(frame["path"])
    assert column == [f"/{n}" for n in range(6)] and module


def test_missing_library_is_a_sentence(auth, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UsageError, match="The package polars is not installed. Run .pip install polars"):
        replay(auth, traffic(1), clusters={"accounts": ACCOUNTS}).to_polars()


# -- spans ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def proxy(auth):
    with Proxy(auth, workers=1, clusters={"accounts": ACCOUNTS}) as p:
        p.get("/pay?x=1", {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
        p.get("/boom")
        yield p


def test_each_request_has_a_span_with_callbacks_hostcalls_and_callouts_as_children(proxy):
    document = otlp(proxy, service="edge")
    json.dumps(document)
    (resource,) = document["resourceSpans"]
    assert resource["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "edge"}}]
    spans = resource["scopeSpans"][0]["spans"]
    by_id = {span["spanId"]: span for span in spans}
    assert len(by_id) == len(spans)
    pay, boom = (span for span in spans if span["kind"] == 2)
    assert (pay["name"], pay["traceId"], pay["parentSpanId"]) == ("GET /pay", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert "parentSpanId" not in boom and boom["status"]["code"] == 2 and len(boom["traceId"]) == 32
    for span in spans:
        assert 0 < int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        if span not in (pay, boom):
            assert by_id[span["parentSpanId"]]["traceId"] == span["traceId"]
    callout = next(span for span in spans if span["name"] == "callout accounts")
    assert callout["kind"] == 3 and by_id[callout["parentSpanId"]] is pay
    assert int(callout["endTimeUnixNano"]) - int(callout["startTimeUnixNano"]) >= 0.25e9
    hostcalls = [span for span in spans if by_id.get(span.get("parentSpanId"), {}).get("name") == "on_request_headers"]
    assert {"http_call", "get_header_map_value"} <= {span["name"] for span in hostcalls}
    attributes = {item["key"]: item["value"] for item in pay["attributes"]}
    assert attributes["http.response.status_code"] == {"intValue": "200"} and attributes["url.query"] == {"stringValue": "x=1"}
    assert otlp(proxy, service="edge") == document


def test_otlp_accepts_one_exchange_and_refuses_other_objects(proxy):
    spans = otlp(proxy.exchanges[0])["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert {span["traceId"] for span in spans} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    with pytest.raises(UsageError, match="require a simulated proxy or its exchanges"):
        otlp([7])


@pytest.mark.slow
def test_exporter_of_the_sdk_gets_the_spans(proxy):
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    count = export_spans(proxy.exchanges, exporter, service="edge")
    spans = exporter.get_finished_spans()
    assert len(spans) == count > 10
    root = next(span for span in spans if span.name == "GET /pay")
    assert root.resource.attributes["service.name"] == "edge" and root.kind.name == "SERVER"
    assert f"{root.context.trace_id:032x}" == "4bf92f3577b34da6a3ce929d0e0e4736" and f"{root.parent.span_id:016x}" == "00f067aa0ba902b7"
    children = [span for span in spans if span.parent and span.parent.span_id == root.context.span_id]
    assert {"on_request_headers", "callout accounts"} <= {span.name for span in children}
    assert all(json.loads(span.to_json())["end_time"] for span in spans)

    class Refusing:
        def export(self, spans):
            from opentelemetry.sdk.trace.export import SpanExportResult

            return SpanExportResult.FAILURE

    with pytest.raises(UsageError, match="Refusing failed to export"):
        export_spans(proxy, Refusing())
