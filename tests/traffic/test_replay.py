"""Replay: counts add up, responses come from the recording, shards merge, a dead process costs its shard only."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmnb import Filter, Plugin, Proxy, Request, Response, read_traffic, replay, write_traffic
from wasmnb.errors import UsageError
from wasmnb.host.trace.exchange_log import Exchanges
from wasmnb.traffic.data_frames.columns import COLUMNS
from wasmnb.traffic.recorded import RecordedExchange
from wasmnb.traffic.replay import ReplayReport
from wasmnb.traffic.replay.session import sendable

SOURCE = """\
from wasmnb.sdk import Action, HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        if path.startswith("/deny"):
            self.send_local_response(403)
            return Action.PAUSE
        if path.startswith("/trap"):
            raise ValueError(path)
        if path.startswith("/hold"):
            return Action.PAUSE
        self.request_headers[":path"] = "/rewritten" + path
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-seen"] = "1"
"""


@pytest.fixture(scope="module")
def gate():
    return Filter.native(SOURCE, "gate")


def recorded(path="/", status=200, body=b"", *, request=None, **options):
    return RecordedExchange(request or Request("GET", path), Response(status, body=body), **options)


def added_up(report):
    assert report.read == report.replayed + report.skipped + report.failed
    return (report.read, report.replayed, report.skipped, report.failed)


def test_recorded_responses_are_the_upstream_although_the_path_is_rewritten(gate):
    report = replay(gate, [recorded(f"/{n}", 210 + n, b"x" * n) for n in range(9)])
    assert added_up(report) == (9, 9, 0, 0)
    assert (report.same_status, report.rows.as_lists()["response_bytes"]) == (9, list(range(9)))


def test_request_without_recorded_response_gets_200(gate):
    assert replay(gate, [Request("GET", "/a")]).statuses == {200: 1}


def test_proxys_upstream_replaces_missing_responses_and_the_proxy_gets_no_requests(gate):
    with Proxy(gate, upstream=Response(207), workers=2) as proxy:
        report = replay(proxy, [Request("GET", "/a"), recorded("/b", 201)])
        assert (report.statuses, len(proxy.exchanges)) == ({207: 1, 201: 1}, 0)


def test_every_kind_of_end_is_counted_once(gate):
    traffic = [
        recorded("/ok"), recorded("/deny"), recorded("/trap"), recorded("/hold"),
        recorded(request=Request("CONNECT", "a.test:443")),
        recorded(request=Request("GET", "/ws", {"upgrade": "websocket"})),
    ]  # fmt: skip
    report = replay(gate, traffic, failure_policy="FAIL_RELOAD", workers=1)
    read, replayed, skipped, failed = added_up(report)
    assert (read, skipped) == (6, 2)
    assert failed >= 1
    assert any("CONNECT" in message and "exchange 5" in message for message in report.messages)
    assert any("The filter failed" in message for message in report.messages)


@pytest.mark.parametrize("path", ["no-slash", "/with space", "/\x01"])
@pytest.mark.parametrize("header", [(b"x", b"1"), (b"<b>x</b>", b"<i>"), (b"x", b"a\r\nb"), (b"", b"1"), (b"x", b"\0")])
def test_counts_add_up_with_unusual_requests(gate, path, header):
    odd = Request("GET", path)
    odd.headers.raw = [header]
    report = replay(gate, [recorded("/a"), recorded(request=odd), recorded("/b")], workers=1)
    assert added_up(report)[0] == 3
    assert report.replayed >= 2
    assert report.replayed == 3 or report.messages


def test_content_length_that_does_not_match_is_corrected(gate):
    request = Request("POST", "/a", {"content-length": "99", "transfer-encoding": "chunked"}, b"abc")
    assert sendable(request).headers.raw == [(b"content-length", b"3")]
    response = Response(200, {"content-length": "500"}, b"short")
    report = replay(gate, [RecordedExchange(request, response, truncated=("response",))])
    assert (added_up(report), report.rows.as_lists()["response_bytes"]) == ((1, 1, 0, 0), [5])


def test_large_bodies_are_replayed(gate):
    body = b"x" * (8 << 20)
    report = replay(gate, [recorded("/a", 200, body, request=Request("POST", "/a", body=body))], workers=1)
    assert (report.replayed, report.rows.as_lists()["response_bytes"]) == (1, [len(body)])


def test_rows_have_the_documented_columns_and_pandas_takes_them(gate):
    pytest.importorskip("pandas")
    frame = replay(gate, [recorded(f"/{n}") for n in range(5)], workers=2).to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    assert (list(frame["path"]), list(frame["worker"])) == ([f"/{n}" for n in range(5)], [1, 2, 1, 2, 1])
    assert (frame["duration"] > 0).all()


def test_recorded_times_pass_in_virtual_time(gate):
    traffic = [recorded("/a", started=100.0, duration=2.0), recorded("/b", started=101.0, duration=0.5)]
    durations = replay(gate, traffic, speed=1.0, guest_time=0.0).rows.as_lists()["duration"]
    assert sorted(durations) == pytest.approx([0.5, 2.0])


def test_responses_of_overlapping_requests_belong_to_their_requests(gate):
    traffic = [recorded(f"/{n}", 200 + n, started=100.0 + n / 10, duration=5.0 - n / 10) for n in range(20)]
    report = replay(gate, traffic, speed=2.0, workers=3)
    assert (added_up(report), report.same_status) == ((20, 20, 0, 0), 20)


def test_clock_that_runs_backwards_is_noted_and_nothing_is_lost(gate):
    traffic = [recorded("/a", started=100.0), recorded("/b", started=50.0), recorded("/c", started=100.5)]
    report = replay(gate, traffic, speed=1.0)
    assert added_up(report) == (3, 3, 0, 0)
    assert any("earlier than that of the previous request" in message for message in report.messages)


def test_cut_recording_is_replayed_up_to_its_end(gate, tmp_path):
    path = tmp_path / "x.jsonl"
    write_traffic([recorded(f"/{n}") for n in range(3)], path)
    path.write_bytes(path.read_bytes()[:-10])
    report = replay(gate, path)
    assert (added_up(report), report.unreadable) == ((2, 2, 0, 0), 1)
    assert "line 3" in report.messages[0]


@pytest.mark.parametrize(
    ("assign", "workers"),
    [("round robin", [1, 2, 1, 2]), ("connection", [1, 1, 2, 2]), ("header:X-User", [2, 1, 2, 1])],
)
def test_assignment_to_workers_is_explicit(gate, assign, workers):
    users = ["ann", "bob", "ann", "bob"]
    traffic = [
        recorded(request=Request("GET", "/", {"x-user": user}), connection=c) for user, c in zip(users, "aabb", strict=True)
    ]
    assigned = replay(gate, traffic, workers=2, assign=assign).rows.as_lists()["worker"]
    same = [[a == b for b in assigned] for a in assigned]
    expected = [[a == b for b in workers] for a in workers]
    if assign == "round robin":
        assert assigned == workers
    assert all(e <= s for row, required in zip(same, expected, strict=True) for s, e in zip(row, required, strict=True))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"assign": "random"}, "assign='random' is unknown"),
        ({"assign": "header:"}, "assign='header:' is unknown"),
        ({"workers": 0}, "workers= must be at least 1"),
        ({"speed": 0.0}, "speed= must be greater than 0"),
    ],
)
def test_invalid_options_are_refused(gate, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        replay(gate, [], **options)


@pytest.mark.parametrize("traffic", [5, None, [5]])
def test_traffic_of_another_type_is_refused(gate, traffic):
    with pytest.raises(UsageError, match=r"[Tt]raffic"):
        replay(gate, traffic)


def test_exchanges_of_a_proxy_are_traffic(gate, tmp_path):
    with Proxy(gate, upstream=Response(202), workers=1) as proxy:
        proxy.get("/a")
        proxy.get("/deny")
        assert write_traffic(proxy.exchanges, tmp_path / "x.har") == 2
        report = replay(proxy, list(proxy.exchanges))
    assert report.rows.as_lists()["recorded_status"] == [202, 403]
    assert [exchange.response.status for exchange in read_traffic(tmp_path / "x.har")] == [202, 403]


def test_interrupt_returns_the_results_so_far(gate):
    def traffic():
        for number in range(1000):
            if number == 600:
                raise KeyboardInterrupt
            yield recorded(f"/{number}")

    report = replay(gate, traffic())
    assert report.interrupted
    assert added_up(report)[1] >= 500


def test_cleared_list_of_exchanges_counts_on():
    exchanges = Exchanges()
    with Proxy(workers=1) as proxy:
        for number in range(3):
            proxy.get(f"/{number}")
        exchanges = proxy.exchanges
        exchanges.clear()
        proxy.get("/")
        assert (len(exchanges), exchanges.total) == (1, 4)


# -- executors -----------------------------------------------------------------------------------------------------


class Inline(Executor):
    """Runs a call when it is submitted; fails the submissions with these numbers."""

    def __init__(self, failing=()):
        self.failing = failing
        self.calls = 0

    def submit(self, function, /, *args, **kwargs):
        future, number = Future(), self.calls
        self.calls += 1
        try:
            if number in self.failing:
                raise OSError("worker lost")
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.mark.parametrize("assign", ["round robin", "connection"])
def test_executor_gives_the_same_counts_as_this_process(gate, tmp_path, assign):
    path = tmp_path / "x.jsonl"
    write_traffic([recorded(f"/{n}", 200 + n % 3, connection=str(n % 5)) for n in range(120)], path)
    here = replay(gate, path, workers=2, assign=assign)
    there = replay(gate, path, workers=2, executor=Inline(), shard=25, assign=assign)
    assert added_up(here) == added_up(there) == (120, 120, 0, 0)
    assert (here.statuses, here.same_status) == (there.statuses, there.same_status)
    assert sorted(there.rows.as_lists()["index"]) == list(range(120))
    assert there.shards >= 4


def test_secrets_are_masked_and_counted_in_shards(gate, tmp_path):
    path = tmp_path / "x.jsonl"
    write_traffic([recorded("/a?token=hunter2") for _ in range(4)], path, mask=False)
    report = replay(gate, path, executor=Inline(), workers=1)
    assert (dict(report.masked), set(report.rows.as_lists()["path"])) == ({"query token": 4}, {"/a?token=***"})


def test_only_a_shard_that_raises_is_lost_and_reported(gate):
    report = replay(gate, [recorded(f"/{n}") for n in range(40)], workers=1, executor=Inline(failing={1}), shard=10)
    assert added_up(report) == (40, 30, 0, 10)
    assert any("Shard 1 (worker 1, exchanges 11 to 20) was not run: OSError: worker lost" in m for m in report.messages)


def test_threads_are_an_executor_too(gate):
    with ThreadPoolExecutor(2) as pool:
        report = replay(gate, [recorded(f"/{n}") for n in range(20)], executor=pool, shard=5)
    assert added_up(report) == (20, 20, 0, 0)


LETHAL = """\
import os
from wasmnb.sdk import Action, HttpContext


class Lethal(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/die":
            os._exit(9)
        return Action.CONTINUE
"""


@pytest.mark.filterwarnings("ignore::wasmnb.errors.NativeWarning")
@pytest.mark.slow
def test_request_that_kills_its_process_loses_only_its_shard():
    lethal = Filter.native(LETHAL, "lethal")
    traffic = [recorded("/die" if n == 25 else f"/{n}") for n in range(60)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        report = replay(lethal, traffic, workers=2, executor=pool, shard=20)
    assert added_up(report) == (60, 40, 0, 20)
    assert any("(worker 2, exchanges 2 to 40) was not run: its process died" in message for message in report.messages)


# The pool's own thread in Python 3.11 may fail at its end, when it waits for processes while a submission starts another one.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning")
def test_killed_process_of_a_pool_loses_nothing(gate):
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()
        os.kill(pool.submit(os.getpid).result(), signal.SIGKILL)
        report = replay(gate, [recorded(f"/{n}") for n in range(60)], workers=2, executor=pool, shard=20)
    assert added_up(report) == (60, 60, 0, 0)


class Racing(ProcessPoolExecutor):
    """A pool whose first process dies while the second one starts, so that Python 3.11 doesn't end the second one."""

    def _spawn_process(self):
        if not self._processes:
            super()._spawn_process()
            return
        (first,) = self._processes.values()
        first.kill()
        known, self._processes = self._processes, {}
        super()._spawn_process()
        limit = time.monotonic() + 1
        while not self._broken and time.monotonic() < limit:
            time.sleep(0.001)
        known.update(self._processes)
        self._processes = known


class Forgetful(ProcessPoolExecutor):
    """A pool that breaks while a call is submitted, whose future Python 3.11 then forgets."""

    def submit(self, *args):
        super().submit(os._exit, 1)
        future = Future()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Racing, Forgetful])
def test_pool_that_breaks_during_a_submission_loses_nothing(gate, kind):
    with kind(2, multiprocessing.get_context("spawn")) as pool:
        report = replay(gate, [recorded(f"/{n}") for n in range(60)], workers=2, executor=pool, shard=20)
    assert added_up(report) == (60, 60, 0, 0)


def test_setting_that_cannot_be_pickled_is_refused(gate):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, pytest.raises(UsageError, match="lambdas"):
        replay(gate, [], executor=pool, clusters={"a": lambda request: Response(200)})


def test_wasm_filter_and_configuration_reach_the_shards(tmp_path):
    source = "from wasmnb.sdk import Action, HttpContext\nclass C(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.send_local_response(self.plugin.config['status'])\n        return Action.PAUSE\n"
    plugin = Plugin(Filter.from_source(source, "c"), config={"status": 418})
    assert replay(plugin, [recorded()], executor=Inline(), workers=1).statuses == {418: 1}


# -- merging -------------------------------------------------------------------------------------------------------


def _report(numbers):
    report = ReplayReport("x")
    for number in numbers:
        report.read += 1
        report.replayed += number % 3 == 0
        report.skipped += number % 3 == 1
        report.failed += number % 3 == 2
        report.statuses[number] += 1
        report.masked[str(number % 2)] += 1
        report.notes.add(f"exchange {number}", f"Reason {number % 4}.", record=False)
        report.rows.add(number, 1, "GET", f"/é{number}", 200, 200, "done", 0.5, 0.1, 0, 1)
    return report


def _content(report):
    return (added_up(report), report.statuses, report.masked, report.rows.as_lists(), report.messages)


@given(*[st.lists(st.integers(0, 50), max_size=5)] * 3)
@settings(max_examples=min(60, settings.default.max_examples))
def test_merging_is_associative_and_keeps_everything(a, b, c):
    one, two, three = _report(a), _report(b), _report(c)
    left = one.merge(two).merge(three)
    right = one.merge(two.merge(three))
    assert _content(left) == _content(right) == _content(_report([*a, *b, *c]))
    assert _content(one) == _content(_report(a))
