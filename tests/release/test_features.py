"""Release modules of filters that use many features: the same results, and hardly more instructions than the full module."""

import pytest

from tests.release.feature_filters import EXCEPTIONS, PYTHON_FEATURES, SDK_FEATURES
from wasmnb.traffic import record_code_profile
from wasmnb import Filter, LogLevel, Proxy

pytestmark = pytest.mark.slow

#: Requests until the bytecode has been specialised, and those that are compared.
WARM_UP, COMPARED = 20, 20


def send_requests(proxy):
    """Send requests and return their exchanges."""
    sent = [proxy.post("/?a=1", {"cookie": "k=v"}, body=b"hello") for _ in range(WARM_UP + COMPARED)]
    assert not [line for line in proxy.log if line.level >= LogLevel.ERROR], str(proxy.log)
    assert {exchange.response.status for exchange in sent} == {200}
    return sent


def proxy_of(module, *, fuel=False):
    return Proxy(module, workers=1, seed=3, clusters={"service": lambda request: 200}, fuel=fuel, deadline=60)


def send_failing_request(module, ends, *, fuel=False):
    """Send one request, whose exception has its traceback in the log, and return the exchange."""
    with proxy_of(module, fuel=fuel) as proxy:
        exchange = proxy.get("/")
        assert "Traceback (most recent call last)" in str(proxy.log)
        assert exchange.response.status == (503 if ends else 200)
    return exchange


def instructions(module):
    """Return the instructions of the first request and of those after the warm-up."""
    with proxy_of(module, fuel=True) as proxy:
        counts = [exchange.fuel.total for exchange in send_requests(proxy)]
    return counts[0], sum(counts[WARM_UP:])


@pytest.mark.full
@pytest.mark.parametrize("area", SDK_FEATURES)
def test_sdk_features_execute_hardly_more_instructions_in_release_modules(area):
    full = Filter.from_source(SDK_FEATURES[area], name=area)
    (first, later), (first_released, later_released) = map(instructions, (full, full.release()))
    assert later_released < 1.05 * later
    assert first_released < 4 * first


@pytest.mark.full
@pytest.mark.parametrize("area", PYTHON_FEATURES)
def test_python_features_execute_hardly_more_instructions_after_recording_them(area):
    full = Filter.from_source(PYTHON_FEATURES[area], name=area)
    with proxy_of(full) as proxy:
        send_requests(proxy)
        profile = record_code_profile(proxy)
    _, reference = instructions(full)
    assert instructions(full.release(profile=profile))[1] < 1.1 * reference
    assert instructions(full.release())[1] < 4 * reference


@pytest.mark.parametrize("area", SDK_FEATURES)
def test_sdk_features_run(area):
    """The profile of release modules records this run: `make profile`."""
    with proxy_of(Filter.from_source(SDK_FEATURES[area], name=area)) as proxy:
        send_requests(proxy)


@pytest.mark.full
@pytest.mark.parametrize("area", EXCEPTIONS)
def test_first_traceback_executes_few_instructions_in_release_modules(area):
    """Its code is interpreted, but unpacked from small chunks."""
    source, ends = EXCEPTIONS[area]
    full = Filter.from_source(source, name="raises")
    first, released = (send_failing_request(module, ends, fuel=True).fuel.total for module in (full, full.release()))
    assert released < 30 * first


@pytest.mark.seldom
@pytest.mark.parametrize("area", EXCEPTIONS)
def test_exceptions_are_logged_with_tracebacks(area):
    """The profile notes which functions they enter."""
    source, ends = EXCEPTIONS[area]
    send_failing_request(Filter.from_source(source, name="raises"), ends)
