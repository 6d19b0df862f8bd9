"""dask's executor: the same results as in this process, and a worker that dies costs its shard only."""

import importlib.util

import pytest

from wasmnb import Filter, Request, Response, diff, replay
from wasmnb.testing import fuzz
from wasmnb.traffic.recorded import RecordedExchange

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed isn't installed"),  # its import is slow
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::RuntimeWarning", "ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

SOURCE = """\
import os
from wasmnb.sdk import HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/die":
            os.kill(os.getpid(), 9)
        self.request_headers["{name}"] = "1"
"""


@pytest.fixture(scope="module")
def client():
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.daemon": False}
    import dask
    import distributed

    with dask.config.set(settings):
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
        with cluster, distributed.Client(cluster) as client:
            yield client


def traffic(count=12):
    return [RecordedExchange(Request("GET", f"/{n}"), Response(200 + n % 2)) for n in range(count)]


def gate(name="x-a"):
    return Filter.native(SOURCE.format(name=name), "gate")


def test_replay_diff_and_fuzz_run_on_a_cluster(client):
    executor = client.get_executor()
    here, there = replay(gate(), traffic(), workers=1), replay(gate(), traffic(), workers=2, executor=executor, shard=3)
    assert (there.read, there.replayed, there.statuses, there.shards) == (12, 12, here.statuses, 4)
    assert sorted(there.rows.as_lists()["index"]) == list(range(12))
    compared = diff(gate(), gate("x-b"), traffic(), workers=2, executor=executor, shard=3)
    assert [group.count for group in compared.groups] == [12] and compared.shards == 4
    report = fuzz(gate(), seconds=3, only="trap", executor=executor, searches=2)
    assert report.tried > 2 and report.read == report.tried and not report.messages


def test_only_the_shard_of_a_dead_worker_is_lost(client):
    exchanges = traffic()
    exchanges[7] = RecordedExchange(Request("GET", "/die"), Response(200))
    report = replay(gate(), exchanges, workers=1, executor=client.get_executor(), shard=3)
    assert (report.read, report.replayed, report.failed) == (12, 9, 3)
    (message,) = (text for text in report.messages if "was not run" in text)
    assert "Shard 2 (worker 1, exchanges 7 to 9)" in message and "KilledWorker" in message
