"""`wasmnb replay` and `wasmnb diff`: output, JUnit and exit codes."""

import json
from xml.etree import ElementTree

import pytest

from wasmnb import Request, Response, write_traffic
from wasmnb.cli import main
from wasmnb.traffic.recorded import RecordedExchange

FILTER = """\
from wasmnb.sdk import Action, HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/boom":
            raise ValueError("broken")
        self.request_headers["x-user"] = self.plugin.config.get("user", "ann")
        return Action.CONTINUE
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "old.py").write_text(FILTER)
    (tmp_path / "new.py").write_text(FILTER.replace("x-user", "x-person"))
    write_traffic([RecordedExchange(Request("GET", f"/{n}"), Response(200)) for n in range(5)], tmp_path / "day.har")
    write_traffic([Request("GET", "/boom")], tmp_path / "boom.jsonl")
    return tmp_path


def test_replay_prints_json_and_returns_0(files, capsys):
    assert main(["replay", str(files / "old.py"), str(files / "day.har"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["read"], document["replayed"], document["statuses"]) == (5, 5, {"200": 5})


def test_failed_exchange_returns_1_and_fails_in_junit(files):
    junit = files / "x.xml"
    assert main(["replay", str(files / "old.py"), "--traffic", str(files / "boom.jsonl"), "--junit", str(junit)]) == 1
    assert ElementTree.parse(junit).getroot().get("failures") == "2"


@pytest.mark.slow
def test_diff_returns_0_for_the_same_and_1_for_different_filters(files, capsys):
    old, new, traffic = (str(files / name) for name in ("old.py", "new.py", "day.har"))
    assert main(["diff", old, old, "--traffic", traffic]) == 0
    assert "no differences" in capsys.readouterr().out
    assert main(["diff", old, new, "--traffic", traffic, "--junit", str(files / "x.xml")]) == 1
    assert "x-user -> x-person renamed" in capsys.readouterr().out
    assert ElementTree.parse(files / "x.xml").getroot().get("failures") == "1"


def test_configuration_reaches_both_filters(files, capsys):
    old = str(files / "old.py")
    assert main(["diff", old, old, str(files / "day.har"), "--config", '{"user": "bob"}']) == 0


@pytest.mark.parametrize("arguments", [["missing.har"], [], ["--processes", "0", "day.har"], ["--speed", "-1", "day.har"]])
def test_invalid_command_lines_return_2(files, monkeypatch, arguments, capsys):
    monkeypatch.chdir(files)
    assert main(["replay", "old.py", *arguments]) == 2
    assert capsys.readouterr().err


PLAN = "mix: [/a, /boom]\nphases: [{rate: 50, seconds: 1}]\n"


@pytest.mark.slow
def test_load_runs_a_plan_or_repeats_a_request(files, capsys):
    old, plan = str(files / "old.py"), files / "plan.yaml"
    assert main(["load", old, "-n", "50", "-r", "500", "-H", "x: 1", "/a", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["count"], document["statuses"]) == (50, {"200": 50})
    plan.write_text("mix: [/a]\nphases: [{rate: 50, seconds: 1}]\nstop: {requests: 30}\n")
    assert main(["load", old, "--plan", str(plan), "--workers", "2"]) == 0
    assert "30 requests were sent" in capsys.readouterr().out


@pytest.mark.slow
def test_load_returns_1_for_failures_and_conditions_and_2_for_an_invalid_plan(files, capsys):
    old, plan = str(files / "old.py"), files / "plan.yaml"
    plan.write_text(PLAN)
    assert main(["load", old, "--plan", str(plan)]) == 1
    plan.write_text("phases: [{rate: 500, seconds: 9}]\nmix: [/a]\nstop: {p99: 0.0000001}\n")
    assert main(["load", old, "--plan", str(plan)]) == 1
    assert "Stopped: The p99" in capsys.readouterr().out
    plan.write_text("mix: 7")
    assert main(["load", old, "--plan", str(plan)]) == 2
    assert "mix must be a list" in capsys.readouterr().err
