"""Metrics in Prometheus's text format."""

import time

import pytest
from tests.foreign.toolchain import scripted_guest

from wasmnb import Filter, Proxy, UsageError

DEFINE = (
    "define_metric COUNTER hits.total-x; increment_metric $ 3; define_metric GAUGE g.9; record_metric $ 42; "
    "define_metric COUNTER 9lives; increment_metric $ 1; define_metric HISTOGRAM lat; record_metric $ 7; record_metric $ 123; "
    "record_metric $ 0; record_metric $ 99999; record_metric $ 10; define_metric COUNTER zone.a.hits; increment_metric $ 1; "
    "define_metric COUNTER zone.b.hits; increment_metric $ 2; define_metric HISTOGRAM empty; define_metric COUNTER never"
)
TAGS = [{"tag_name": "zone", "regex": r"^wasmcustom\.(?:.*\.)?(zone\.([^.]+)\.)"}]


@pytest.fixture(scope="module")
def proxy():
    with Proxy(Filter.from_file(scripted_guest()), config=f"on_request_headers: {DEFINE}", workers=1) as proxy:
        proxy.get("/")
        yield proxy


def test_kinds_names_and_values_are_written(proxy):
    lines = proxy.metrics.prometheus().splitlines()
    assert lines[:3] == ["# TYPE hits_total_x counter", "hits_total_x{} 3", "# TYPE never counter"]
    assert "g_9{} 42" in lines
    assert not [line for line in lines if "9lives" in line]
    assert lines[-1] == "lat_count{} 5"


def test_stats_tags_become_labels(proxy):
    lines = proxy.metrics.prometheus(TAGS).splitlines()
    assert lines.count("# TYPE hits counter") == 1
    assert [line for line in lines if line.startswith("hits{")] == ['hits{zone="a"} 1', 'hits{zone="b"} 2']


@pytest.mark.parametrize("tag", [{"regex": "(a)"}, {"tag_name": "a", "regex": "a"}, {"tag_name": "a", "regex": "("}])
def test_invalid_tags_are_refused(proxy, tag):
    with pytest.raises(UsageError, match="stats_tags"):
        proxy.metrics.prometheus([tag])


@pytest.mark.envoy
@pytest.mark.slow
def test_text_is_that_of_envoy(proxy):
    from wasmnb import Envoy

    with Envoy(Filter.from_file(scripted_guest()), config=f"on_request_headers: {DEFINE}", workers=1) as envoy:
        envoy.get("/")
        deadline = time.monotonic() + 20
        while "lat_count{} 5" not in (text := envoy.metrics.prometheus()) and time.monotonic() < deadline:
            time.sleep(0.5)  # Envoy merges histograms every five seconds
        assert text == proxy.metrics.prometheus()
        assert envoy.metrics["hits.total-x"] == 3
