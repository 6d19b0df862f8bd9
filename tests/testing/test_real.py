"""What the fuzzer finds is no artefact of the simulation: the same scenarios do the same to the real Envoy."""

from pathlib import Path

import pytest

from wasmnb import Envoy, Filter
from wasmnb.testing import fuzz, response, upstream
from wasmnb.testing.fuzzing.scenarios.loops import numbered
from wasmnb.testing.fuzzing.scenarios.scenario import Script, Send

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

PLANTED = Path(__file__).parent / "planted"

#: Requests in a round, and rounds that are measured after one that is not.
REQUESTS, ROUNDS = 1000, 3


def planted(name):
    return Filter.from_source((PLANTED / f"{name}.py").read_text(), name)


def play(envoy, scenario, services):
    """Send a scenario's requests, its services answering as it says; gives the last exchange."""
    exchange = None
    for step in scenario.steps:
        if isinstance(step, Script):
            services.script(*(answer.scripted() for answer in step.services or [response(200)]))
        elif isinstance(step, Send):
            body = {"body": step.body} if step.chunks is None else {"chunks": step.chunks}
            exchange = envoy.request(step.method, step.path, step.headers, trailers=step.trailers, **body)
    return exchange


def resident(envoy):
    """Bytes of memory of Envoy's process."""
    status = Path(f"/proc/{envoy.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


def rounds(made, scenario):
    """Bytes by which Envoy's memory grows in each round of requests."""
    sizes = []
    with Envoy(made, workers=1) as envoy:
        for number in range((ROUNDS + 1) * REQUESTS):
            play(envoy, numbered(scenario, number), None)
            if (number + 1) % REQUESTS == 0:
                sizes.append(resident(envoy))
    return [after - before for before, after in zip(sizes, sizes[1:], strict=False)]


@pytest.mark.parametrize("name", ["forgets_failures", "waits_for_a_body"])
def test_a_stream_that_is_found_stuck_is_stuck_in_envoy(name):
    made = planted(name)
    (finding,) = fuzz(made, seconds=60, only="stuck").findings
    services = upstream(response(200))
    with Envoy(made, workers=1, clusters={"auth": services}) as envoy:
        assert play(envoy, finding.scenario, services).state == "paused"


def test_a_growth_that_is_found_is_seen_in_envoys_memory():
    made = planted("keeps_everything")
    (finding,) = fuzz(made, seconds=60, only="growth").findings
    faulty = rounds(made, finding.scenario)
    sound = rounds(planted("magic_value"), finding.scenario)
    assert min(faulty) > 200 * REQUESTS, (faulty, sound)
    assert max(sound) < min(faulty) / 4, (faulty, sound)
