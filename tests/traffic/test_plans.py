"""Load plans: mixes, sessions, phases, stop conditions, results by route, and no coordinated omission."""

import json
import os
import subprocess
import sys

import pytest

from wasmnb import Filter, LoadPhase, LoadPlan, LoadRequest, LoadSession, LoadStop, Proxy, Response, load
from wasmnb.engine import assemble
from wasmnb.errors import UsageError
from wasmnb.traffic.load_plans.plan_file import parse_plan, read_plan

MODULE = """(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"""


def proxy(**options):
    return Proxy(Filter.from_bytes(assemble(MODULE), "small"), **{"workers": 2, "guest_time": 1e-4, **options})


def run(plan, **options):
    with proxy(**options) as p:
        return load(p, plan), list(p.exchanges)


def total(report):
    for parts in (report.routes.values(), report.phases, report.timeline):
        assert sum(part.sent for part in parts) == report.sent
        assert sum(part.count for part in parts) == report.count
    return report.sent, report.count


def test_mix_follows_the_weights_and_results_are_kept_by_route():
    mix = [LoadRequest("/a?x=1", weight=3), LoadRequest("/b", "POST", size=(10, 20)), LoadRequest("/c", weight=0)]
    report, exchanges = run(LoadPlan(mix, [LoadPhase(10, rate=100)]))
    assert total(report) == (len(exchanges), len(exchanges))
    assert set(report.routes) == {"GET /a", "POST /b"}
    assert report.routes["GET /a"].count / report.routes["POST /b"].count == pytest.approx(3, abs=0.6)
    assert {len(exchange.request.body) for exchange in exchanges if exchange.request.path == "/b"} == set(range(10, 21))
    assert report.routes["POST /b"].request_bytes == sum(len(exchange.request.body) for exchange in exchanges)


@pytest.mark.slow
def test_rate_of_a_ramp_rises_and_arrivals_follow_the_seed():
    plan = LoadPlan(phases=[LoadPhase(10, rate=0, to=100)])
    report, exchanges = run(plan)
    first, second = (sum(part.sent for part in half) for half in (report.timeline[:30], report.timeline[30:]))
    assert second / first == pytest.approx(3, abs=0.7)
    assert report.sent == pytest.approx(500, abs=80)
    assert [exchange.started for exchange in run(plan)[1]] == [exchange.started for exchange in exchanges]


def test_even_arrivals_have_equal_gaps_across_phases():
    plan = LoadPlan(phases=[LoadPhase(1, rate=10), LoadPhase(1, rate=10)], arrivals="even")
    _, exchanges = run(plan)
    gaps = [b.started - a.started for a, b in zip(exchanges, exchanges[1:])]
    assert len(exchanges) == 20 and gaps == pytest.approx([0.1] * 19)


def test_steps_and_spikes_are_phases():
    phases = [LoadPhase.steps([10, 50], 2), LoadPhase.spikes(10, 200, seconds=1, pause=2, number=2)]
    report, _ = run(LoadPlan(phases=phases, arrivals="even"))
    assert [part.sent for part in report.phases] == pytest.approx([20, 100, 20, 200, 20, 200, 20], abs=1)
    assert [part.name for part in report.phases][2:4] == ["base", "spike"]


def test_closed_loop_waits_for_responses_and_thinks():
    plan = LoadPlan(phases=[LoadPhase(10, users=4)], think=0.5)
    report, exchanges = run(plan, upstream=Response(200, latency=0.5))
    assert report.sent == pytest.approx(40, abs=4)  # four users, a second for a request with its pause
    ends = sorted(exchanges, key=lambda exchange: exchange.started)
    assert all(sum(exchange.started <= y.started < exchange.finished for exchange in ends) <= 4 for y in ends)


@pytest.mark.slow
def test_number_of_users_rises_and_falls():
    phases = [LoadPhase(10, users=0, to=10), LoadPhase(10, users=10, to=0)]
    report, _ = run(LoadPlan(phases=phases, think=0.1))
    half = [sum(part.sent for part in report.timeline[n : n + 15]) for n in (0, 15, 30, 45)]
    assert half[0] < half[1] and half[2] > half[3]


@pytest.mark.slow
def test_slow_responses_do_not_delay_the_arrivals_of_an_open_loop():
    """An upstream that stalls for a second is measured by all requests that are due meanwhile."""
    slow = {"n": 0}

    def upstream(request):
        slow["n"] += 1
        return Response(200, latency=1.0 if slow["n"] == 100 else 0.0)

    busy = """(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0)))"""
    plan = LoadPlan(phases=[LoadPhase(2, rate=1000)], arrivals="even")
    with Proxy(Filter.from_bytes(assemble(busy), "busy"), workers=1, guest_time=2e-3) as p:  # half of what arrives
        report = load(p, plan)
    assert report.sent == report.count == 2000
    assert report.requests.quantile(0.99) > 1e9  # the queue at the end, not the two milliseconds of the filter
    with proxy(upstream=upstream) as p:
        report = load(p, plan)
    assert report.sent == 2000 and sum(ns >= 1e9 for ns in report.requests.values) == 1


@pytest.mark.slow
def test_rate_of_a_simple_load_is_not_slowed_down_by_batches():
    with Proxy(Filter.from_bytes(assemble(MODULE), "small"), workers=1, guest_time=1e-2) as p:
        report = load(p, requests=1000, rate=200)  # twice the worker's capacity
    assert report.requests.quantile(0.99) > 4e9


def test_session_sends_its_requests_in_order_with_cookies_on_one_worker():
    login = lambda request: Response(200, [("set-cookie", "id=7; Path=/"), ("set-cookie", "x=1")])  # noqa: E731
    session = LoadSession([LoadRequest("/login"), LoadRequest("/cart/{user}"), LoadRequest("/pay")], think=(0.1, 0.2), name="buy")
    report, exchanges = run(LoadPlan([session], [LoadPhase(5, rate=10)]), upstream=login)
    assert set(report.routes) == {"buy: GET /login", "buy: GET /cart/{user}", "buy: GET /pay"}
    assert len({part.count for part in report.routes.values()}) == 1
    carts = [exchange for exchange in exchanges if exchange.request.path.startswith("/cart/")]
    assert {exchange.request.headers.get("cookie") for exchange in carts} == {"id=7; x=1"}
    assert all("cookie" not in exchange.request.headers for exchange in exchanges if exchange.request.path == "/login")
    assert sorted(int(exchange.request.path[6:]) for exchange in carts) == list(range(1, len(carts) + 1))
    assert all(exchange.worker == (int(exchange.request.path[6:]) - 1) % 2 + 1 for exchange in carts)


def cookies_sent(set_cookie, *paths, think=0.0, authority="shop.test"):
    """The cookie headers of the requests that follow a response with these cookies."""
    login = lambda request: Response(200, [("set-cookie", text) for text in set_cookie[request.path]] if request.path in set_cookie else [])  # noqa: E731
    session = LoadSession([LoadRequest(path, authority=authority) for path in paths], think=think)
    _, exchanges = run(LoadPlan([session], [LoadPhase(1, rate=1)], arrivals="even"), upstream=login)
    return [exchange.request.headers.get("cookie") for exchange in exchanges]


@pytest.mark.parametrize(
    ("cookies", "later"),
    [
        (["sid=1; Max-Age=0"], None),
        (["sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], None),
        (["sid=1; Expires=Fri, 02 Jan 2026 00:00:00 GMT"], "sid=1"),  # virtual time begins in 2026
        (["sid=1; Max-Age=5"], None),  # the client thinks for ten seconds
        (["sid=1; Max-Age=60"], "sid=1"),
        (["sid=1; Path=/cart"], "sid=1"),
        (["sid=1; Path=/car"], None),
        (["sid=1; Path=/admin"], None),
        (["sid=1; Domain=shop.test"], "sid=1"),
        (["sid=1; Domain=other.test"], None),
        (["sid=1; Secure; HttpOnly; SameSite=Lax"], "sid=1"),
        (['sid={"a":1}; Path=/'], 'sid={"a":1}'),
        (["sid=a=b", "sid=c"], "sid=c"),
        (["a=1; Path=/", "b=2; Path=/cart"], "b=2; a=1"),
        (["=", ";"], None),
    ],
)
def test_session_keeps_cookies_as_a_browser_does(cookies, later):
    assert cookies_sent({"/login": cookies}, "/login", "/cart/1", think=10.0) == [None, later]


def test_cookie_that_a_later_response_ends_is_no_longer_sent():
    sent = cookies_sent({"/login": ["sid=1; Path=/"], "/logout": ["sid=; Path=/; Max-Age=0"]}, "/login", "/logout", "/shop")
    assert sent == [None, "sid=1", None]


@pytest.mark.parametrize("authority", ["localhost", "web:8080", "127.0.0.1:80", "[::1]:80"])
def test_cookies_return_to_hosts_without_a_domain(authority):
    assert cookies_sent({"/login": ["sid=1"]}, "/login", "/", authority=authority) == [None, "sid=1"]


def test_session_ends_when_the_connection_does():
    session = LoadSession([LoadRequest("/a"), LoadRequest("/b")])
    report, _ = run(LoadPlan([session], [LoadPhase(1, rate=20)]), upstream=Response(200, {"content-length": "9"}, b"abc", reset=True))
    assert set(report.routes) == {"GET /a"} and report.errors == report.count == report.sent


def test_client_gives_up_after_the_timeout():
    plan = LoadPlan(phases=[LoadPhase(1, rate=10)], timeout=0.5, arrivals="even")
    report, exchanges = run(plan, upstream=Response(200, latency=5))
    assert report.timeouts == report.errors == report.count == 10
    assert all(exchange.duration == pytest.approx(0.5) for exchange in exchanges)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (LoadStop(requests=75), "75 requests were sent."),
        (LoadStop(errors=0.2), "100% of the last"),
        (LoadStop(p99=0.01), "The p99 of the last"),
        (LoadStop(when=lambda report: report.sent > 100), "The stop condition when= was met."),
        (LoadStop(when=lambda report: "enough" if report.sent > 100 else False), "enough"),
        (LoadStop(real_seconds=0.0), "real seconds have passed."),
    ],
)
def test_condition_stops_the_run(stop, reason):
    plan = LoadPlan(phases=[LoadPhase(100, rate=100)], stop=stop)
    report, _ = run(plan, upstream=Response(503, latency=0.1))
    assert reason in report.stopped and report.sent < 1000
    assert stop.requests is None or total(report) == (75, 75)


@pytest.mark.slow
def test_users_without_pause_can_send_more_requests_than_a_chain_of_events_may_have(monkeypatch):
    monkeypatch.setattr("wasmnb.host.clock.FOLLOWERS", 200)
    report, _ = run(LoadPlan(phases=[LoadPhase(1000, users=2)], stop=LoadStop(requests=2000)))
    assert total(report) == (2000, 2000)


INTERRUPTED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from test_plans import LoadPhase, LoadPlan, load, proxy
with proxy() as p:
    def press(report):
        os.kill(os.getpid(), signal.SIGINT)
    report = load(p, LoadPlan(phases=[LoadPhase(100000, rate=1000)]), live=press)
    assert report.interrupted and 0 < report.count <= report.sent < 100_000_000, report
    assert report.count == len(report.rows) == sum(part.count for part in report.phases)
    assert p.get("/").response.status == 200
    sent = report.sent
    p.advance(10)
    assert report.sent == sent
"""


@pytest.mark.slow
def test_interrupt_keeps_the_results_so_far():
    here = os.path.dirname(__file__)
    subprocess.run([sys.executable, "-c", INTERRUPTED, here], check=True, timeout=120)


PLAN = """
mix:
  - /search?q={random}
  - POST /pay
  - {path: /upload, method: PUT, size: [10, 20], weight: 2, headers: {x-user: ann}}
  - name: buy
    think: [0, 0.1]
    requests: [/cart, {path: /pay, method: POST, body: '{"a": {number}}'}]
phases:
  - {seconds: 1, rate: [10, 20]}
  - {seconds: 2, users: 1, to: 3, name: soak}
stop: {errors: 0.5, requests: 1000}
timeout: 5
"""


def test_plan_in_yaml_has_the_fields_of_the_classes(tmp_path):
    plan = parse_plan(PLAN)
    assert [p.title for p in plan.all_phases] == ["10 a second", "20 a second", "soak"]
    assert plan.mix[1] == LoadRequest("/pay", "POST")
    assert plan.mix[2] == LoadRequest("/upload", "PUT", (("x-user", "ann"),), size=(10, 20), weight=2)
    assert plan.mix[3] == LoadSession((LoadRequest("/cart"), LoadRequest("/pay", "POST", body='{"a": {number}}')), (0, 0.1), name="buy")
    assert (plan.timeout, plan.stop) == (5, LoadStop(errors=0.5, requests=1000))
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert read_plan(path) == plan
    report, exchanges = run(path)
    assert {exchange.request.body for exchange in exchanges if exchange.request.body.startswith(b'{"a"')} and report.errors == 0
    json.dumps(report.as_dict())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not valid YAML"), ("7", "a plan must be an object"), ("speed: 1", "The key 'speed' of a plan is unknown"), ("mix: /a", "mix must be a list"),
        ("mix: [{path: /, size: -1}]", "size= must be a number"), ("phases: [{rate: 1}]", "A phase has no key 'seconds'"),
        ("phases: [{rate: 1, users: 2, seconds: 1}]", "exactly one of rate="), ("phases: [{rate: x, seconds: 1}]", "wrong type"),
        ("mix: [{requests: []}]", "at least one LoadRequest"), ("mix: [{path: /, headers: [a]}]", "headers of a request must be an object"),
        ("stop: {when: 1}", "The key 'when' of stop is unknown"), ("arrivals: odd", "'poisson' or 'even'"), ("mix: [{path: /, weight: 0}]", "Set weight= of at least one entry"),
        ("phases: [{rate: 1, seconds: .nan}]", "must be greater than 0"),
    ],
)  # fmt: skip
def test_invalid_plan_raises_one_sentence_with_its_name(text, message):
    with pytest.raises(UsageError, match="^day.yaml(, line 1)?: .*" + message):
        parse_plan(text, "day.yaml")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("mix:\n  - /a\n  - [", 3, "not valid YAML"),
        ("mix:\n  - /a\n  - {path: /,\n     speed: 1}", 4, "The key 'speed' of a request is unknown"),
        ("mix:\n  - /a\n\n  - {path: /, size: -1}", 4, "size= must be a number"),
        ("mix:\n- name: buy\n  requests:\n  - path: /a\n  - path: /b\n    headers: [a]", 5, "headers of a request must be an object"),
        ("mix: [/a]\nphases:\n- {rate: 1, seconds: 1}\n- {rate: x, seconds: 1}", 4, "a value has the wrong type"),
        ("mix: [/a]\nstop:\n  errors: 1\n  when: 1", 4, "The key 'when' of stop is unknown"),
        ("\narrivals: 2001-99-99", 2, "not valid YAML .*'2001-99-99' isn't a valid timestamp"),
    ],
)  # fmt: skip
def test_error_in_a_plan_names_file_and_line(tmp_path, text, line, message):
    path = tmp_path / "day.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"^day.yaml, line {line}: .*{message}"):
        read_plan(path)


def test_report_has_a_chart_routes_and_reasons_in_text_and_html():
    report, _ = run(LoadPlan(phases=[LoadPhase(5, rate=50, to=100)], stop=LoadStop(requests=200)))
    bundle = report._repr_mimebundle_()
    for part in ("GET /", "50 to 100 a second", "200 requests were sent", "p99"):
        assert part in bundle["text/plain"] and part in bundle["text/html"]
    assert "▁" in bundle["text/plain"] and bundle["text/html"].count("data:image/png") == 2


@pytest.mark.slow
def test_live_reports_come_while_the_run_lasts(monkeypatch):
    monkeypatch.setattr("wasmnb.traffic.load_plans.run.REPORT_INTERVAL", 0.0)
    seen = []
    with proxy() as p:
        load(p, LoadPlan(phases=[LoadPhase(10, rate=100)]), live=lambda report: seen.append(report.count))
    assert seen == sorted(seen) and len(seen) >= 3
