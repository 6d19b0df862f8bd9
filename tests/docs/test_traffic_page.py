"""docs/traffic.md: its code runs, and its table has the columns of a report."""

import re
from pathlib import Path

import pytest

from wasmnb import Filter, Proxy, Request, Response, write_traffic
from wasmnb.traffic.recorded import RecordedExchange
from wasmnb.traffic.data_frames.columns import SCHEMAS
from wasmnb.traffic.load_plans.plan_file import parse_plan

PAGE = (Path(__file__).parents[2] / "docs" / "traffic.md").read_text()

SOURCE = """
from wasmnb.sdk import Action, HttpContext

class Auth(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        return Action.CONTINUE
"""


@pytest.mark.parametrize("name", SCHEMAS)
def test_page_documents_every_column(name):
    section = PAGE.partition(f"### Table `{name}`")[2].partition("\n#")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|$", section, re.MULTILINE)
    assert rows == [(name, meaning) for name, (_, meaning) in SCHEMAS[name].items()]


def test_load_plan_of_the_page_is_valid():
    (text,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    plan = parse_plan(text)
    assert len(plan.all_phases) == 5 and plan.sessions[2].requests[1].path == "/cart/{user}"


@pytest.mark.slow
def test_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    auth = Filter.native(SOURCE, "auth")
    write_traffic([RecordedExchange(Request("GET", "/pay"), Response(200)) for _ in range(3)], "day.har")
    with Proxy(auth) as proxy:
        proxy.get("/")
        names = {"auth": auth, "auth_v1": auth, "auth_v2": auth, "proxy": proxy}
        for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            exec(compile(code, "traffic.md", "exec"), names)
    assert "GET /pay 200" in capsys.readouterr().out
