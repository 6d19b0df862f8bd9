"""Findings of the fuzzer hold in the real Envoy: the same scenarios have the same effect there."""

from pathlib import Path

import pytest

from wasmnb import Envoy, Filter
from wasmnb.testing import fuzz, response, upstream
from wasmnb.testing.fuzzing.scenarios.loops import insert_number
from wasmnb.testing.fuzzing.scenarios.scenario import Script, Send

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

PLANTED = Path(__file__).parent / "planted"

#: Requests in a round, and measured rounds after a warm-up.
REQUESTS, ROUNDS = 1000, 3


def planted(name):
    return Filter.from_source((PLANTED / f"{name}.py").read_text(), name)


def play(envoy, scenario, services):
    """Send a scenario's requests with its scripted services, and return the last exchange."""
    exchange = None
    for step in scenario.steps:
        if isinstance(step, Script):
            services.script(*([scripted.as_step() for scripted in step.services] or [response(200)]))
        elif isinstance(step, Send):
            body = {"body": step.body} if step.chunks is None else {"chunks": step.chunks}
            exchange = envoy.request(step.method, step.path, step.headers, trailers=step.trailers, **body)
    return exchange


def resident(envoy):
    """Return the resident memory of Envoy's process in bytes."""
    status = Path(f"/proc/{envoy.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


def rounds(wasm_filter, scenario):
    """Return the bytes by which Envoy's memory grows in each round of requests."""
    sizes = []
    with Envoy(wasm_filter, workers=1) as envoy:
        for number in range((ROUNDS + 1) * REQUESTS):
            play(envoy, insert_number(scenario, number), None)
            if (number + 1) % REQUESTS == 0:
                sizes.append(resident(envoy))
    return [after - before for before, after in zip(sizes, sizes[1:], strict=False)]


@pytest.mark.parametrize("name", ["forgets_failures", "waits_for_a_body"])
def test_stuck_stream_is_stuck_in_envoy(name):
    wasm_filter = planted(name)
    (finding,) = fuzz(wasm_filter, seconds=60, only="stuck").findings
    services = upstream(response(200))
    with Envoy(wasm_filter, workers=1, clusters={"auth": services}) as envoy:
        assert play(envoy, finding.scenario, services).state == "paused"


def test_growth_shows_in_envoys_memory():
    wasm_filter = planted("keeps_everything")
    (finding,) = fuzz(wasm_filter, seconds=60, only="growth").findings
    faulty = rounds(wasm_filter, finding.scenario)
    sound = rounds(planted("magic_value"), finding.scenario)
    assert min(faulty) > 200 * REQUESTS, (faulty, sound)
    assert max(sound) < min(faulty) / 4, (faulty, sound)
