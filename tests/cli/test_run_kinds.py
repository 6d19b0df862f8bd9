"""`wasmnb run` with clusters and upstreams, network filters and other kinds."""

import json

import pytest

from wasmnb.cli import main

ASK = """\
class Ask(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        response = await self.http_call("accounts", path="/ann")
        self.request_headers["x-account"] = response.body.decode()
"""
SNIFF = """\
class Sniff(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        print("got", self.downstream_data.get())
"""


@pytest.fixture
def write(tmp_path):
    def writer(text, name="it.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return writer


def outcome(capsys, *arguments):
    code = main(["run", *arguments, "--native", "--json", "--workers", "1"])
    return code, json.loads(capsys.readouterr().out)


def test_cluster_and_upstream_are_expressions(write, capsys):
    flags = ["--cluster", 'accounts=Response(200, body=b"ann")', "--upstream", "lambda request: Response(201, body=request.path.encode())"]
    code, result = outcome(capsys, write(ASK), "-r", "GET /pay", *flags)
    (exchange,) = result["exchanges"]
    assert code == 0 and (exchange["response"]["status"], exchange["response"]["body"]) == (201, "/pay")
    assert ["x-account", "ann"] in exchange["upstream_request"]["headers"]


def test_cluster_can_be_a_function_in_a_file(write, capsys):
    services = write("from wasmnb import Response\ndef accounts(request):\n    return Response(200, body=request.path.encode())\n", "services.py")
    _, result = outcome(capsys, write(ASK), "--cluster", f"accounts={services}:accounts")
    assert ["x-account", "/ann"] in result["exchanges"][0]["upstream_request"]["headers"]


def test_bytes_go_through_a_network_filter(write, capsys):
    code, result = outcome(capsys, write(SNIFF), "--tcp", r"SSH-2.0-x\r\n", "--tcp", r"\x00")
    assert code == 0 and [exchange["received"] for exchange in result["exchanges"]] == ["SSH-2.0-x\r\n", "\0"]
    assert result["log"][0]["text"] == r"got b'SSH-2.0-x\r\n'"
    assert main(["run", write(SNIFF), "--native", "--tcp", "hello"]) == 0
    assert "TCP connection" in capsys.readouterr().out


@pytest.mark.parametrize(("source", "arguments", "message"), [
    (SNIFF, [], "is a network filter, which handles connections instead of requests. Pass the bytes to send: --tcp"),
    (SNIFF, ["--kind", "http"], "can't be of kind 'http'"), (ASK, ["--kind", "network"], "Use kind='http'"),
    (ASK, ["--tcp", "x"], "The proxy has no network filter"), (SNIFF, ["--tcp", r"\xQQ"], "invalid escape"),
    (ASK, ["--cluster", "accounts"], "is not of the form NAME=EXPRESSION"), (ASK, ["--cluster", "accounts=nosuch"], "NameError: name 'nosuch'"),
    (ASK, ["--cluster", "accounts=missing.py:x"], "--cluster accounts: FileNotFoundError"),
    (SNIFF, ["--tcp", "x", "--request", "GET /"], "no HTTP requests"),
])  # fmt: skip
def test_invalid_kind_or_cluster_prints_one_paragraph(write, capsys, source, arguments, message):
    assert main(["run", write(source), "--native", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


@pytest.mark.slow
def test_run_and_export_accept_a_kind(write, tmp_path, capsys):
    log = write("class P(PluginContext):\n    def on_log(self): print('logged')\n    def on_tick(self): pass\n")
    code, result = outcome(capsys, log, "--kind", "access_log")
    assert code == 0 and [line["text"] for line in result["log"]] == ["logged"]
    assert main(["export", log, str(tmp_path / "out"), "--kind", "singleton"]) == 0
    assert "bootstrap_extensions" in (tmp_path / "out" / "envoy.yaml").read_text()
