"""`%wasmreplay` and `%wasmdiff`: reports, flags, completion and errors."""

import pytest

from wasmnb import Request, Response, write_traffic
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
def test_wrong_lines_are_refused(run, recording, line):
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
