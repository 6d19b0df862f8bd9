"""`%wasmfuzz`: findings are shown, run as tests, and survive an interrupt."""

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError as MagicUsageError

from wasmnb.compiler.cache.places import cache_folder
from wasmnb.errors import UsageError

pytest_plugins = ["pytester"]

CACHE = cache_folder()

FRAGILE = """\
from wasmnb.sdk import HttpContext


class Fragile(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-debug") == "<b>dump</b>":
            raise ValueError("<script>alert(1)</script> \\x1b[31m")
"""

TCP = """\
from wasmnb.sdk import Action, TcpContext


class Lines(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        return Action.CONTINUE if bytes(self.downstream_data).endswith(b"\\n") else Action.PAUSE
"""


@pytest.fixture
def run(run):
    run("%config WasmMagics.progress = 'off'")
    return run


@pytest.mark.slow
def test_finding_is_shown_with_a_runnable_test(run, pytester, monkeypatch):
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    report = run("%wasmfuzz fragile --seconds 20")
    (finding,) = report.findings
    assert finding.kind == "trap"
    pasted = str(report).split("-" * 100)[1]
    monkeypatch.setenv("WASMNB_CACHE", str(CACHE))
    pytester.makepyfile(test_pasted=pasted)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the filter failed on worker-1: *ValueError*"])
    pytester.makepyfile(test_pasted=pasted.replace('"<b>dump</b>":', '"never":'))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers")
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_hostile_text_is_escaped_in_both_forms(run):
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    bundle = run("%wasmfuzz fragile --seconds 20")._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in bundle["text/html"]
    assert not {"\x1b"} & {*bundle["text/html"], *bundle["text/plain"]}
    assert "\\x1b[31m" in bundle["text/plain"]


def test_sound_filter_gets_a_verdict(run):
    run("%%wasmfilter sound --workers 1\nfrom wasmnb.sdk import HttpContext\n\n\nclass Sound(HttpContext):\n    pass\n")
    report = run("%wasmfuzz sound --seconds 2 --seed 3")
    assert not report
    assert "no findings" in report._repr_mimebundle_()["text/html"]
    assert "nothing wrong in" in repr(report)


def test_tcp_filter_gets_connections(run):
    run(f"%%wasmfilter tcp --workers 1\n{TCP}")
    (finding,) = run("%wasmfuzz tcp --seconds 20").findings
    assert finding.kind == "stuck"
    assert "proxy.connect()" in finding.test


def test_settings_of_the_filter_are_used_and_flags_override_them(run):
    source = FRAGILE.replace(
        'self.request_headers.get("x-debug") == "<b>dump</b>"', "self.plugin.configuration == b'bad'"
    )
    run(f"%%wasmfilter picky --workers 1 --config good\n{source}")
    assert not run("%wasmfuzz picky --seconds 1 --only hang")
    (finding,) = run("%wasmfuzz picky --seconds 20 --config bad --only trap").findings
    assert 'config=b"bad"' in finding.test


@pytest.mark.slow
def test_interrupt_keeps_the_findings(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("wasmnb.testing.fuzzing.search.search.shrink", interrupted)
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    report = run("%wasmfuzz fragile --seconds 20")
    assert report.interrupted
    assert "def test_" in report.findings[0].test
    assert "interrupted" in report._repr_mimebundle_()["text/html"]


@pytest.mark.slow
def test_saved_findings_never_overwrite_other_files(run, tmp_path):
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    file = tmp_path / "test_found.py"
    report = run(f"%wasmfuzz fragile --seconds 20 --save {file}")
    assert file.read_text() == report.findings[0].test
    report.save(file)
    file.write_text("precious = 1\n")
    with pytest.raises(UsageError, match="already exists and wasn't written by the fuzzer"):
        report.save(file)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nobody", "'nobody' is not a running filter"),
        ("fragile --only leak", "choose from trap, hang"),
        ("fragile --seconds 0", "a number of seconds above 0"),
    ],
)
def test_error_lists_invalid_arguments(run, line, message):
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    with pytest.raises((UsageError, MagicUsageError), match=message):
        run(f"%wasmfuzz {line}")


def test_flags_and_names_are_completed(run, shell):
    run(f"%%wasmfilter fragile --workers 1\n{FRAGILE}")
    with provisionalcompleter():
        flags = {c.text for c in shell.Completer.completions("%wasmfuzz fragile --se", 22)}
        names = {c.text for c in shell.Completer.completions("%wasmfuzz fra", 13)}
    assert {"--seconds", "--seed"} <= flags
    assert "fragile" in names
