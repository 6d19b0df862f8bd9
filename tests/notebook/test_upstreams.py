"""Upstreams and clusters of a cell's filter: expressions with the notebook's variables."""

import pytest
from IPython.core.error import UsageError


GATE = """\
class Gate(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        response = await self.http_call("accounts", path="/users/ann")
        self.request_headers["x-account"] = response.body.decode()
"""


@pytest.fixture
def run(run):
    run("from wasmnb import Response")
    return run


def test_service_and_the_upstream_are_expressions(run):
    run("service = lambda request: Response(200, body=request.path.encode())")
    gate = run(f"%%wasmfilter gate --cluster accounts=service --upstream 'Response(201, body=b\"up\")'\n{GATE}")
    exchange = gate.get("/")
    assert (exchange.response.status, exchange.response.body) == (201, b"up")
    assert exchange.upstream_request.headers["x-account"] == "/users/ann"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--cluster accounts", r"--cluster 'accounts' is not of the form NAME=EXPRESSION"),
        ("--cluster accounts=nosuch", r"--cluster accounts: NameError: name 'nosuch' is not defined, in 'nosuch'"),
        ("--upstream 1/0", "--upstream: ZeroDivisionError: division by zero"),
        ("--upstream 'Response('", "--upstream: SyntaxError"),
    ],
)
def test_invalid_expression_prints_one_line(run, flags, said):
    with pytest.raises(UsageError, match=said):
        run(f"%%wasmfilter gate {flags}\n{GATE}")


@pytest.mark.parametrize(("expression", "is_unread"), [("nosuch", True), ("{}[\"a: NameError: b\"]", False)])
def test_advice_about_quotes_follows_only_from_an_unread_expression(run, expression, is_unread):
    with pytest.raises(UsageError, match="--upstream: ") as caught:
        run(f"%%wasmfilter gate --upstream '{expression}'\n{GATE}")
    assert ("quotes of the other kind" in str(caught.value)) is is_unread


def test_expression_may_use_names_of_wasmnb_without_an_import(run):
    run("del Response")
    run("code = 201")
    flags = "--cluster 'accounts=Cluster(Response(200, body=b\"ann\"))' --upstream 'lambda request: Response(code)'"
    gate = run(f"%%wasmfilter gate {flags}\n{GATE}")
    exchange = gate.get("/")
    assert (exchange.response.status, exchange.upstream_request.headers["x-account"]) == (201, "ann")
    run("code = 202")
    assert gate.get("/").response.status == 202


def test_variables_of_the_notebook_come_before_names_of_wasmnb(run):
    run("def Response(status): return 1 / 0")
    with pytest.raises(UsageError, match="--upstream: ZeroDivisionError"):
        run(f"%%wasmfilter gate --native --upstream 'Response(200)'\n{GATE}")
    run("del Response")
