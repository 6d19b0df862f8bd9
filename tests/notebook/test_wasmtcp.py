"""Network filters in a notebook: their kind, `%wasmtcp`, load, and the refusal of HTTP."""

import pytest
from IPython.core.error import UsageError as MagicUsageError

from wasmnb import UsageError
from wasmnb.notebook.completion import candidates

SNIFF = """\
class Sniff(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        print("got", self.downstream_data.get())
"""
COUNT = "class Count(PluginContext):\n    def on_log(self):\n        print('logged')\n"


@pytest.fixture
def sniff(run):
    return run(f"%%wasmfilter sniff --native --workers 2\n{SNIFF}")


def test_raw_bytes_reach_a_network_filter(run, sniff):
    exchange = run(r"%wasmtcp sniff 'SSH-2.0-x\r\n' --worker 2")
    assert (exchange.received, exchange.worker, exchange.state) == (b"SSH-2.0-x\r\n", 2, "done")
    assert exchange.log[0].text == r"got b'SSH-2.0-x\r\n'"


def test_wasmtcp_sends_chunks_and_half_closes(run, sniff):
    exchange = run(r"%wasmtcp sniff 'a' 'b\x00' --half-close")
    assert exchange.received == b"ab\0" and exchange.ended
    assert [line.text for line in exchange.log][:2] == ["got b'a'", r"got b'b\x00'"]


def test_wasmcurl_on_a_network_filter_suggests_wasmtcp(run, sniff):
    with pytest.raises(UsageError, match=r"'sniff' is a network filter.*%wasmtcp"):
        run("%wasmcurl sniff /path")


@pytest.mark.slow
def test_wasmload_on_a_network_filter_opens_connections(run, sniff):
    report = run(r"%wasmload sniff -n 10 --rate 100 -d 'x\r\n'")
    assert dict(report.statuses) == {"done": 10}
    assert {exchange.sent for exchange in sniff.exchanges} == {b"x\r\n"}
    with pytest.raises(MagicUsageError, match="The bytes for the network filter sniff are missing"):
        run("%wasmload sniff -n 10")


def test_wasmtcp_on_an_http_filter_is_refused(run):
    run("%%wasmfilter web --native\nclass W(HttpContext):\n    def on_http_request_headers(self, n, e): pass")
    with pytest.raises(UsageError, match="The proxy has no network filter"):
        run("%wasmtcp web 'x'")


def test_kind_flag_places_a_filter_or_refuses_it(run):
    proxy = run(f"%%wasmfilter count --native --kind access_log\n{COUNT}")
    proxy.get("/")
    assert [line.text for line in proxy.log] == ["logged"]
    with pytest.raises(UsageError, match="'sniff' can't be of kind 'http'"):
        run(f"%%wasmfilter sniff --native --kind http\n{SNIFF}")
    with pytest.raises(MagicUsageError, match="--kind"):
        run(f"%%wasmfilter sniff --native --kind tcp\n{SNIFF}")


def test_connections_are_shown_by_their_state(run, sniff):
    run("%wasmtcp sniff 'x'")
    from wasmnb.view import to_text
    from wasmnb.view.documents.proxy.overview import exchanges_table
    from wasmnb.view.render.document import Document

    row = to_text(Document((exchanges_table(sniff.exchanges),))).splitlines()[-1]
    assert "done" in row and "—" not in row


def test_flags_of_wasmtcp_and_the_kinds_are_completed(shell, run):
    from wasmnb.notebook.install import MAGICS

    parsers = {n: p for magics in MAGICS for n, p in magics(shell).parsers().items()}
    assert candidates("%wasmtcp sniff --half", parsers, ["sniff"])[1] == ["--half-close"]
    assert candidates("%wasmtcp sn", parsers, ["sniff"])[1] == ["sniff"]
    assert "access_log" in candidates("%%wasmfilter sniff --kind ", parsers, [])[1]


@pytest.mark.parametrize(("text", "data"), [("-ERR no", b"-ERR no"), ("-2.0-x", b"-2.0-x"), ("-", b"-")])
def test_bytes_may_begin_with_a_dash(run, sniff, text, data):
    assert run(f"%wasmtcp sniff 'SSH' '{text}' --half-close").received == b"SSH" + data


def test_unknown_flag_with_two_dashes_is_refused(run, sniff):
    with pytest.raises(MagicUsageError, match="--halfclose"):
        run("%wasmtcp sniff 'a' --halfclose")
