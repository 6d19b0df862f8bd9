"""Findings of the fuzzer hold in the real Envoy: the same scenarios have the same effect there."""

from pathlib import Path
from statistics import median

import pytest

from wasmnb import Envoy, Filter, Headers, Request
from wasmnb.envoy.sockets.client import Client
from wasmnb.envoy.start_cost.measure import resident_memory
from wasmnb.testing import fuzz, response, upstream
from wasmnb.testing.fuzzing.scenarios.loops import COUNTER, insert_number
from wasmnb.testing.fuzzing.scenarios.scenario import Open, Scenario, Script, Send

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

PLANTED = Path(__file__).parent / "planted"

#: Least number of requests in a round, and number of measured rounds after a warm-up.
REQUESTS, ROUNDS = 1000, 3

#: Repetitions of a scenario that are sent at once.
BATCH = 20

#: Seconds for a search: a few are enough, but not on a busy machine.
SECONDS = 200


def planted(name):
    return Filter.from_source((PLANTED / f"{name}.py").read_text(), name)


def play(envoy, scenario, services):
    """Send a scenario's requests with its scripted services, if there are any, and return the last exchange.

    A stream that the scenario opens and leaves open is sent as a request without a body: it meets the same callback.
    """
    exchange = None
    for step in scenario.steps:
        if isinstance(step, Script) and services is not None:
            services.script(*([scripted.as_step() for scripted in step.services] or [response(200)]))
        elif isinstance(step, Send):
            body = {"body": step.body} if step.chunks is None else {"chunks": step.chunks}
            exchange = envoy.request(step.method, step.path, step.headers, trailers=step.trailers, **body)
        elif isinstance(step, Open):
            exchange = envoy.request(step.method, step.path, step.headers)
    return exchange


def requests_of(scenario):
    """Return the plain requests of a scenario. On a busy machine, the search ends before it has removed the other steps."""
    sends = [step for step in scenario.steps if isinstance(step, Send) and not step.trailers and step.chunks is None and not step.http2]
    return [Request(s.method, s.path, Headers(s.headers), s.body, authority="h.test") for s in sends if all(v.isascii() for _, v in s.headers)]


def send_all(envoy, requests):
    """Send requests on one connection before their responses are read. Return the number of responses."""
    with Client(*envoy.address, timeout=60.0) as client:
        for request in requests:
            client.send(request)
        return sum(client.read_response(request.method).response is not None for request in requests)


def rounds(wasm_filter, scenario):
    """Return the bytes by which Envoy's memory grows in each round, and how often a round repeats the scenario."""
    repeats, sizes, number = -(-REQUESTS // len(requests_of(scenario))), [], 0
    with Envoy(wasm_filter, workers=1) as envoy:
        for _ in range(ROUNDS + 1):
            for first in range(number, number + repeats, BATCH):
                batch = [r for n in range(first, first + BATCH) for r in requests_of(insert_number(scenario, n))]
                assert send_all(envoy, batch) == len(batch)
            number = first + BATCH
            sizes.append(resident_memory(envoy.process.pid))
    return [after - before for before, after in zip(sizes, sizes[1:], strict=False)], repeats


@pytest.mark.parametrize("name", ["forgets_failures", "waits_for_a_body"])
def test_stuck_stream_is_stuck_in_envoy(name):
    wasm_filter = planted(name)
    (finding,) = fuzz(wasm_filter, seconds=SECONDS, only="stuck").findings
    services = upstream(response(200))
    with Envoy(wasm_filter, workers=1, clusters={"auth": services}) as envoy:
        assert play(envoy, finding.scenario, services).state == "paused"


def with_new_users(scenario):
    """Return the requests of a scenario as plain requests, with another user in each request and repetition.

    The search may also end with one user's list of paths, or with streams that are left open. The former grows by a few bytes
    per request, which the memory of a process doesn't show; the latter can't be repeated on one connection.
    """
    user = (b"x-user", COUNTER.encode())
    requests = [step for step in scenario.steps if isinstance(step, Send | Open)]
    headers = [(*(header for header in step.headers if header[0] != b"x-user"), user) for step in requests]
    return Scenario(tuple(Send(step.method, step.path, h) for step, h in zip(requests, headers, strict=True)))


def test_growth_shows_in_envoys_memory():
    """A leak shows in every round. Other growth doesn't: V8 compiles often called functions again in the background, at any time."""
    wasm_filter = planted("keeps_everything")
    (finding,) = fuzz(wasm_filter, seconds=SECONDS, only="growth").findings
    scenario = with_new_users(finding.scenario)
    (faulty, repeats), (sound, _) = (rounds(f, scenario) for f in (wasm_filter, planted("magic_value")))
    assert min(faulty) > 200 * repeats, (faulty, sound)
    assert median(sound) < min(faulty) / 4, (faulty, sound)
