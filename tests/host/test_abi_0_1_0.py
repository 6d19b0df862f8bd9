"""Hostcalls that only modules of ABI 0.1.0 have, in the simulated proxy and in Envoy."""

import pytest

from tests.host.host_kit import scripted
from wasmnb.abi import AbiVersion
from wasmnb.host import Proxy

#: The response is paused until a tick resumes it.
SCRIPT = """on_response_headers: set_tick_period_milliseconds 50; return 1
on_tick: set_tick_period_milliseconds 0; set_effective_context stream; continue_response
"""


def envoy(*filters, **options):
    from wasmnb.envoy import Envoy

    return Envoy(*filters, **options)


@pytest.mark.parametrize("make", [Proxy, pytest.param(envoy, marks=pytest.mark.envoy)])
def test_continue_response_resumes_a_paused_response(make):
    with make(scripted(AbiVersion.V0_1_0), workers=1, config=SCRIPT) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 200
        assert any("continue_response() -> OK" in line.text for line in proxy.log)
