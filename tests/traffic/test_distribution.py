"""Distributions: buckets, quantiles, merging."""

from hypothesis import given
from hypothesis import strategies as st

from wasmnb.traffic.distribution import Distribution

VALUES = st.lists(st.integers(0, 10**12), max_size=60)


@given(VALUES)
def test_every_value_lies_in_exactly_one_bucket(values):
    buckets = Distribution("x", values).buckets()
    assert sum(n for *_, n in buckets) == len(values)
    for low, high, n in buckets:
        inside = sum(low * 0.999999 <= max(v, 1) < high * 1.000001 for v in values)
        assert inside >= n


@given(VALUES.filter(bool))
def test_quantiles_lie_between_the_extremes_and_increase(values):
    d = Distribution("x", values)
    q = [d.quantile(p) for p in (0, 0.5, 0.9, 1)]
    assert q[0] == min(values) and q[-1] == max(values) == d.maximum and q == sorted(q)


@given(VALUES, VALUES)
def test_merging_equals_measuring_together(a, b):
    merged = Distribution("x", a).merge(Distribution("y", b))
    assert sorted(merged.values) == sorted([*a, *b]) and merged.name == "x"


def test_empty_distribution_returns_zeros():
    d = Distribution("x")
    assert (d.count, d.maximum, d.median, d.buckets(), d.total) == (0, 0, 0.0, [], 0)
