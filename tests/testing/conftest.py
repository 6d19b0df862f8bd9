from functools import cache

import pytest

from wasmnb import Filter, Proxy


@cache
def _compile(source, name):
    return Filter.from_source(source, name)


@pytest.fixture
def make_filter():
    """Function that compiles each source once."""

    def make(source, name="demo"):
        return _compile(source, name)

    return make


@pytest.fixture
def make_proxy(make_filter):
    """Function that creates proxies, which are closed after the test."""
    opened = []

    def make(source, *, workers=1, **options):
        proxy = Proxy(make_filter(source) if isinstance(source, str) else source, workers=workers, **options)
        opened.append(proxy)
        return proxy

    yield make
    for proxy in opened:
        proxy.close()
