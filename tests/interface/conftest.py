import pytest

from tests.foreign.toolchain import scripted_guest
from wasmnb import Filter
from wasmnb.errors import UsageError


@pytest.fixture(scope="session")
def guest():
    """The scripted guest as a filter. Its configuration is a script for each callback."""
    return Filter.from_file(scripted_guest())


@pytest.fixture(params=["simulated", pytest.param("envoy", marks=pytest.mark.envoy)], scope="module")
def proxy_class(request):
    """The class of the simulated proxy, and then the class of the real Envoy."""
    if request.param == "simulated":
        from wasmnb import Proxy

        return Proxy
    from wasmnb.envoy import Envoy, find_envoy

    try:
        find_envoy()
    except UsageError as missing:
        pytest.skip(str(missing))
    return Envoy


@pytest.fixture
def start(proxy_class, guest):
    """Start a proxy of the scripted guest, and close it after the test."""
    proxies = []

    def start(script="", **options):
        options.setdefault("workers", 1)
        proxies.append(proxy_class(guest, config=script, **options))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


@pytest.fixture(scope="module")
def proxy(proxy_class, guest):
    """A proxy with two workers, for tests that don't change it."""
    script = """on_request_headers: get_property request/protocol; define_metric COUNTER hits; increment_metric $ 1
on_response_headers: add_header_map_value RESPONSE_HEADERS x-seen yes
"""
    with proxy_class(guest, config=script, workers=2, name="both", route_timeout=7.0) as proxy:
        yield proxy
