"""Histograms and their table."""

import random

from wasmnb.view import latency_figure, latency_html, latency_text
from wasmnb.traffic.distribution import Distribution
from wasmnb.view.documents.traffic.histogram import series_of, sparkline
from wasmnb.view.documents.traffic.latency import latency_png


def from_samples(name, samples):
    return series_of(Distribution(name, map(int, samples)))


RNG = random.Random(7)
SERIES = [
    from_samples("request", [RNG.lognormvariate(12, 0.3) for _ in range(500)]),
    from_samples("on_request_headers", [RNG.lognormvariate(11, 0.3) for _ in range(500)]),
]


def test_series_have_the_numbers_of_the_distribution():
    series = from_samples("x", range(1, 1001))
    assert series.quantiles == (500.5, 900.1, 990.01)
    assert series.maximum == 1000
    assert series.count == sum(n for _, _, n in series.buckets) == 1000


def test_table_names_callbacks_and_quantiles_and_the_harness_cost():
    text = latency_text(SERIES, [("empty callback", 700.0)])
    assert text.splitlines()[0].split() == ["callback", "count", "p50", "p90", "p99", "max", "shape"]
    assert "on_request_headers" in text
    assert "harness: empty callback" in text
    assert "700 ns" in text


def test_figure_is_a_png_in_the_html_and_has_a_row_for_each_series():
    assert 'src="data:image/png;base64,' in latency_html(SERIES)
    assert latency_png(SERIES).startswith(b"\x89PNG")
    assert [axis.get_ylabel() for axis in latency_figure(SERIES).axes] == ["request", "on_request_headers"]


def test_chart_without_samples_has_no_picture():
    empty = from_samples("request", [])
    assert "No measurements." in latency_text([empty])
    assert "<img" not in latency_html([empty])
    assert sparkline(empty, 1, 2) == ""


def test_chart_with_one_sample_has_a_picture():
    assert "<img" in latency_html([from_samples("request", [0])])
