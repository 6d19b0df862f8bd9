"""`%wasmreplay`, `%wasmdiff`, `%wasmload` with plans, `%wasmrecord` and `%wasmtest`: results, flags, completion and errors."""

import pytest

from wasmnb import Request, Response, read_traffic, write_traffic
from wasmnb.errors import UsageError
from wasmnb.traffic.recorded import RecordedExchange

CELL = """%%wasmfilter {name} --native --workers 2
from wasmnb.sdk import Action, HttpContext

class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["{header}"] = "1"
        return Action.CONTINUE
"""


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "day.har"
    write_traffic([RecordedExchange(Request("GET", f"/{n}"), Response(200 + n % 2)) for n in range(20)], path)
    return path


def test_replay_shows_counts_statuses_and_latencies(run, recording):
    run(CELL.format(name="gate", header="x-a"))
    report = run(f"%wasmreplay gate {recording} --workers 1")
    assert (report.read, report.replayed, report.statuses) == (20, 20, {200: 10, 201: 10})
    assert "20 replayed, 0 skipped, 0 failed" in report._repr_mimebundle_()["text/plain"]


def test_diff_shows_what_differs(run, recording):
    run(CELL.format(name="old", header="x-a"))
    run(CELL.format(name="new", header="x-b"))
    report = run(f"%wasmdiff old new --traffic {recording}")
    assert [group.title for group in report.groups] == ["upstream request header x-a -> x-b renamed"]
    assert run(f"%wasmdiff old old -t {recording}").same


@pytest.mark.parametrize("line", ["", "{path} --traffic {path}", "{path} --field method", "missing.har", "{path} --assign x"])
def test_invalid_replay_commands_raise_usage_error(run, recording, line):
    run(CELL.format(name="gate", header="x-a"))
    with pytest.raises(UsageError):
        run(f"%wasmreplay gate {line.format(path=recording)}")


def test_flags_and_names_are_completed(run, shell):
    run(CELL.format(name="gate", header="x-a"))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags = {c.text for c in shell.Completer.completions("%wasmreplay gate --sp", 21)}
        names = {c.text for c in shell.Completer.completions("%wasmdiff ga", 12)}
    assert any("--speed" in text for text in flags)
    assert any("gate" in text for text in names)


# -- load plans, recordings and tests of exchanges ---------------------------------------------------------------------

PLAN = """%%wasmload gate
mix: [/a, {path: /b, weight: 2}]
phases: [{rate: 100, seconds: 1}]
stop: {requests: 60}
"""


@pytest.mark.slow
def test_load_plan_comes_from_the_cell_a_file_or_a_variable(run, shell, tmp_path):
    run(CELL.format(name="gate", header="x-a"))
    report = run(PLAN)
    assert report.count == 60 and set(report.routes) == {"GET /a", "GET /b"}
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.partition("\n")[2])
    assert run(f"%wasmload gate --plan {path}").count == 60
    run("from wasmnb import LoadPhase, LoadPlan\nplan = LoadPlan(['/c'], [LoadPhase(1, users=1)], think=0.1)")
    assert set(run("%wasmload gate --plan $plan").routes) == {"GET /c"}
    assert run("%wasmload gate -n 20 /d").count == 20


@pytest.mark.parametrize("line", ["%wasmload gate --plan missing.yaml", "%wasmload gate --plan $x", "%wasmload gate --plan a -n 3", "%%wasmload gate\nspeed: 1"])
def test_invalid_load_plan_raises_usage_error(run, line):
    from IPython.core.error import UsageError as MagicUsageError

    run(CELL.format(name="gate", header="x-a"))
    with pytest.raises((UsageError, MagicUsageError)):
        run(line)


def test_exchanges_become_a_recording_and_a_test(run, tmp_path, capsys):
    run(CELL.format(name="gate", header="x-a"))
    for number in range(3):
        run(f"%wasmcurl gate /{number}")
    path, test = tmp_path / "x.jsonl", tmp_path / "tests" / "test_gate.py"
    run(f"%wasmrecord gate {path} 2-3")
    assert [exchange.request.path for exchange in read_traffic(path)] == ["/1", "/2"]
    code = run("%wasmtest gate")
    assert "def test_get_2(wasm_proxy):" in code and '"x-a": "1"' in code and "def test_get_2" in code._repr_mimebundle_()["text/html"]
    run(f"%wasmtest gate 1-2 --save {test} --test-name test_both")
    assert "def test_both(wasm_proxy):" in test.read_text()
    assert "2 exchanges written" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no exchange 9"):
        run("%wasmtest gate 9")
