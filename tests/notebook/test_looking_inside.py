"""%wasmprofile, %wasmstate, --locals and --fuel in a real shell."""

import pytest

from IPython.core.error import UsageError as MagicUsageError

from wasmnb.errors import UsageError
from wasmnb.host import PythonState
from wasmnb.traffic import ProfileReport

CELL = """\
%%wasmfilter auth {flags}
class P(PluginContext):
    def on_plugin_start(self, size):
        self.hits = 0

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.hits += 1
        user = self.request_headers.get("x-user")
        if user == "bad":
            raise ValueError("no " + user)
"""

LOOPS = """\
%%wasmfilter loops -w 1 {flags}
class Loops(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for _ in range(int(self.request_headers.get("x-n", "0"))): pass
"""


def test_wasmstate_shows_variables_of_workers(run):
    run(CELL.format(flags="-w 2"))
    run("%wasmcurl auth /")
    state = run("%wasmstate auth")
    assert isinstance(state, PythonState)
    assert [v.name for v in state.diverging] == ["hits"]
    assert [vm.thread for vm in run("%wasmstate auth --worker 2").vms] == ["worker-2"]


@pytest.mark.slow
def test_wasmprofile_repeats_the_last_requests_or_sends_a_curl_request(run):
    run(CELL.format(flags="-w 2"))
    with pytest.raises(UsageError, match="no exchange to repeat"):
        run("%wasmprofile auth")
    report = run("%wasmprofile auth -n 3 -H 'x-user: ann' /pay")
    assert isinstance(report, ProfileReport)
    assert report.requests == 3
    assert "hits += 1" in report._repr_mimebundle_()["text/plain"]
    run("%wasmcurl auth /")
    assert run("%wasmprofile auth -n 2 --last 1").lines


def test_locals_are_shown_with_the_flag(run):
    proxy = run(CELL.format(flags="--locals --fuel -w 1"))
    exchange = run("%wasmcurl auth -H 'x-user: bad' /")
    assert "user = 'bad'" in exchange._repr_mimebundle_()["text/plain"]
    assert exchange.fuel["on_http_request_headers"] > 1000
    assert "local user" in str([line.text for line in proxy.log])
    run(CELL.format(flags="-w 1"))
    assert "user = 'bad'" not in run("%wasmcurl auth -H 'x-user: bad' /").traceback


def test_budget_of_instructions_traps_at_the_line(run):
    run(LOOPS.format(flags="--fuel-limit 3_000_000"))
    assert run("%wasmcurl loops -H x-n:10 /").response.status == 200
    exchange = run("%wasmcurl loops -H x-n:10000000 /")
    assert exchange.state == "failed"
    assert "3,000,000 instructions" in exchange.failure.message
    assert "for _ in range" in exchange.traceback
    with pytest.raises(MagicUsageError, match="--fuel-limit counts Wasm instructions"):
        run(LOOPS.format(flags="--native --fuel-limit 5"))
    with pytest.raises(UsageError, match="must be at least 1 instruction, not 0"):
        run(LOOPS.format(flags="--fuel-limit 0"))


@pytest.mark.slow
def test_client_leaves_after_its_time(run):
    run(LOOPS.format(flags="--upstream 'Response(200, latency=5)'"))
    exchange = run("%wasmcurl loops -m 2 /")
    assert (exchange.state, exchange.duration) == ("reset", pytest.approx(2, abs=0.1))
    report = run("%wasmload loops -n 3 -m 2 /")
    assert report.requests.maximum < 2.2e9
    assert run("%wasmload loops -n 3 --rate 100 -m 2 /").requests.maximum < 2.2e9
