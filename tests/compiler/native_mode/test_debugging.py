"""Debuggers, coverage and profilers on the lines of a filter that runs natively."""

import builtins
import cProfile
import json
import linecache
import pstats
import signal
import subprocess
import sys
import threading
import warnings

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from wasmnb import Filter, Proxy
from wasmnb.errors import FilterTrap, NativeWarning, SourceError, set_last_exception

FILTER = """\
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request.path
        if path == "/late":
            await sleep(0.1)
            raise ValueError("after a wait")
        if path == "/sdk":
            self.request_headers["x-not-there"]
        self.divide(path, 0)

    def divide(self, path, number):
        if path == "/stop":
            breakpoint()
            number += 41
            print("number", number)
        if path == "/error":
            1 / number
"""


@pytest.fixture
def proxy():
    with Proxy(Filter.native(FILTER, filename="Cell In[7]", first_line=2), workers=1) as running:
        yield running


def python(script, *args, stdin="", **options):
    """Run code in a new interpreter, and return its output."""
    done = subprocess.run(
        [sys.executable, *args, "-"] if not options.get("cwd") else [sys.executable, *args],
        input=script if not options.get("cwd") else stdin, capture_output=True, text=True, timeout=100, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- pdb


def test_breakpoint_stops_in_the_cell_with_its_source(tmp_path):
    (tmp_path / "script.py").write_text(
        f"from wasmnb import Filter, Proxy\n"
        f"with Proxy(Filter.native({FILTER!r}, filename='Cell In[7]'), workers=1) as proxy:\n"
        f"    print(proxy.get('/stop').response.status, [line.text for line in proxy.log])\n"
    )
    said = python("", "script.py", cwd=tmp_path, stdin="list\np number\nuntil 15\np number\nprint('typed')\ncontinue\n")
    assert "Cell In[7](1" in said and "number += 41" in said and "->" in said
    assert "(Pdb) 0" in said and "(Pdb) 41" in said and "(Pdb) typed" in said
    assert "200 ['number 41']" in said, "what the filter prints goes to the log, what is typed does not"


@pytest.mark.slow
def test_debugger_shows_filter_and_sender_frames_only(tmp_path):
    (tmp_path / "script.py").write_text(
        f"from wasmnb import Filter, Proxy\n"
        f"with Proxy(Filter.native({FILTER!r}, filename='Cell In[7]'), workers=1) as proxy:\n"
        f"    print(proxy.get('/stop').response.status)\n"
    )
    said = python(
        "", "script.py", cwd=tmp_path, stdin="where\nup\nup\np __name__\ndown\ndown\n" + "step\n" * 3 + "continue\n"
    )
    assert "script.py(3)<module>()" in said, said
    assert "__main__" in said, said
    for ours in ("wasmnb/", "dispatch", "<wasmnb", "contextlib", "<string>", "<frozen"):
        assert ours not in said, said


def test_breakpoint_uses_the_configured_debugger(proxy, monkeypatch):
    seen = []

    def hook():
        frame = sys._getframe(1)
        seen.append((frame.f_code.co_filename, frame.f_lineno, linecache.getline("Cell In[7]", frame.f_lineno).strip()))

    monkeypatch.setattr(sys, "breakpointhook", hook)
    assert proxy.get("/stop").response.status == 200
    assert seen == [("Cell In[7]", 14, "breakpoint()")]


def test_quitting_the_debugger_interrupts_the_request(proxy, monkeypatch):
    import bdb

    def hook():
        raise bdb.BdbQuit

    monkeypatch.setattr(sys, "breakpointhook", hook)
    with pytest.raises(bdb.BdbQuit):
        proxy.get("/stop")
    assert not any("Traceback" in line.text for line in proxy.log)
    assert proxy.get("/").response.status == 503


def test_time_in_a_debugger_does_not_advance_the_proxy(monkeypatch):
    import time

    monkeypatch.setattr(sys, "breakpointhook", lambda: time.sleep(1.5))
    with Proxy(Filter.native(FILTER), workers=1, deadline=0.75, route_timeout=1.0) as proxy:
        assert proxy.get("/stop").response.status == 200
        assert proxy.now < 1.0  # virtual seconds


# -- what was raised


@pytest.mark.parametrize(
    ("path", "line", "kind"), [("/error", 18, ZeroDivisionError), ("/late", 7, ValueError), ("/sdk", 9, KeyError)]
)
def test_last_exception_ends_at_the_filter_line(proxy, path, line, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        proxy.get(path)
    last = sys.last_traceback
    while last.tb_next is not None:
        last = last.tb_next
    assert (last.tb_frame.f_code.co_filename, last.tb_lineno) == ("Cell In[7]", line)
    assert type(sys.last_value) is kind and sys.last_value.__traceback__ is sys.last_traceback


def test_failure_keeps_the_exception_with_its_variables(proxy):
    error = proxy.get("/error").failure.exception
    assert isinstance(error, ZeroDivisionError)
    assert error.__traceback__.tb_next.tb_frame.f_locals["number"] == 0


def test_start_error_has_its_cause():
    source = (
        "class P(PluginContext):\n    def on_plugin_start(self, size):\n        {}['x']\nclass F(HttpContext): pass\n"
    )
    with pytest.raises(FilterTrap) as caught:
        Proxy(Filter.native(source), workers=1)
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(SourceError) as refused:
        Filter.native("class F(HttpContext): pass\nprint(nope)\n", filename="cell")
    assert isinstance(refused.value.__cause__, NameError) and (refused.value.filename, refused.value.lineno) == (
        "cell",
        2,
    )


@pytest.fixture
def shell(monkeypatch):
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    ipython = InteractiveShell.instance(config=config)
    ipython.colors = "nocolor"
    yield ipython
    InteractiveShell.clear_instance()


def typed(monkeypatch, *commands):
    waiting = iter([*commands, "q"])
    monkeypatch.setattr(builtins, "input", lambda *_: next(waiting))


def test_debug_in_ipython_opens_on_the_cell_line(shell, monkeypatch, capsys):
    shell.run_cell("%load_ext wasmnb")
    shell.run_cell(f"%%wasmfilter x --native --workers 1\n{FILTER}")
    shell.run_cell("1 / 0 if False else undefined")  # another error, before
    shell.run_cell("x.get('/error')")
    capsys.readouterr()
    typed(monkeypatch, "p number + 1000", "up", "p path")
    shell.run_cell("%debug")
    said = capsys.readouterr().out
    assert "1 / number" in said and "1000" in said and "'/error'" in said
    shell.user_ns["x"].close()


def test_debug_works_after_a_failed_start(shell, monkeypatch, capsys):
    shell.run_cell("%load_ext wasmnb")
    shell.run_cell(
        "%%wasmfilter y --native\nclass P(PluginContext):\n    def on_plugin_start(self, size):\n        wanted = 12\n        {}[wanted]\nclass F(HttpContext): pass\n"
    )
    capsys.readouterr()
    typed(monkeypatch, "p wanted + 1000")
    shell.run_cell("%debug")
    said = capsys.readouterr().out
    assert "{}[wanted]" in said and "1012" in said


def test_filters_in_parts_and_in_files_run_natively(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.py").write_text("WORD = 'part'\n")
    (tmp_path / "mine.py").write_text(FILTER)
    shell.run_cell("%load_ext wasmnb")
    shell.run_cell("%%wasmpart z\nfrom words import WORD\ndef helper():\n    return WORD\n")
    shell.run_cell(
        "%%wasmfilter z --native\nclass F(HttpContext):\n    def on_http_request_headers(self, n, end):\n        print(helper())\n"
    ).raise_error()
    z = shell.user_ns["z"]
    z.get("/")
    assert [line.text for line in z.log] == ["part"] and z.plugins[0].filter.is_native
    shell.run_cell("%wasmfilter z --native --file mine.py").raise_error()
    z = shell.user_ns["z"]
    assert (z.plugins[0].filter.filename, z.get("/").response.status) == ("mine.py", 200)
    with pytest.raises(Exception, match="--fuel counts Wasm instructions"):
        shell.run_cell("%wasmfilter z --native --fuel --file mine.py").raise_error()
    z.close()


def test_carets_mark_the_last_line_of_a_cell(shell):
    shell.run_cell("%load_ext wasmnb")
    shell.run_cell(
        "%%wasmfilter v --native\nclass F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        {}['x'] + 1"
    ).raise_error()
    lines = shell.user_ns["v"].get("/").traceback.split("\n")
    assert lines[-3:-1] == ["    {}['x'] + 1", "    ~~^^^^^"]
    shell.user_ns["v"].close()


def test_warning_names_the_cell_line(shell):
    shell.run_cell("%load_ext wasmnb")
    with pytest.warns(NativeWarning, match="This import works only in native mode: a filter can't import sqlite3") as caught:
        shell.run_cell("%%wasmfilter w --native\nimport sqlite3\nclass F(HttpContext): pass\n").raise_error()
    assert [(w.filename[:8], w.lineno) for w in caught] == [("Cell In[", 2)]
    shell.user_ns["w"].close()


# -- tracing


def test_settrace_sees_the_cells_lines(proxy):
    seen = []

    def trace(frame, event, _):
        if frame.f_code.co_filename != "Cell In[7]":
            return None
        if event == "line":
            seen.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        proxy.get("/")
    finally:
        sys.settrace(before)
    assert seen == [4, 5, 8, 10, 13, 17]


@pytest.mark.slow
def test_coverage_measures_a_filter_file(tmp_path):
    (tmp_path / "mine.py").write_text(FILTER)
    (tmp_path / "run.py").write_text(
        "from pathlib import Path\nfrom wasmnb import Filter, Proxy\n"
        "with Proxy(Filter.native(Path('mine.py')), workers=2) as proxy:\n    proxy.get('/error')\n"
    )
    python("", "-m", "coverage", "run", "--include=mine.py", "run.py", cwd=tmp_path)
    python("", "-m", "coverage", "json", "-q", "-o", "report.json", cwd=tmp_path)
    (file,) = json.loads((tmp_path / "report.json").read_text())["files"].values()
    assert file["missing_lines"] == [5, 6, 8, 13, 14, 15]
    assert set(file["executed_lines"]) == {1, 2, 3, 4, 7, 9, 11, 12, 16, 17}


@pytest.mark.slow
def test_command_line_runs_natively_under_coverage(tmp_path):
    (tmp_path / "mine.py").write_text(FILTER)
    said = python(
        "", "-m", "coverage", "run", "--include=mine.py", "-m", "wasmnb.cli", "run", "mine.py", "--native", cwd=tmp_path
    )
    assert "GET / → 200" in said
    assert "mine.py" in python("", "-m", "coverage", "report", cwd=tmp_path)


def test_cprofile_counts_filter_functions(proxy):
    profile = cProfile.Profile()
    profile.runcall(proxy.get, "/")
    counts = {(file, name): calls[0] for (file, _, name), calls in pstats.Stats(profile).stats.items()}
    assert counts["Cell In[7]", "divide"] == 1


# -- the interrupt button


def test_interrupt_stops_an_endless_callback():
    endless = (
        "class F(HttpContext):\n    def on_http_request_headers(self, n, end):\n        while True:\n            pass\n"
    )
    with Proxy(Filter.native(endless), workers=1) as proxy:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT)).start()
            proxy.get("/")
        assert proxy.workers[0].plugins[0].vm.failed


def test_error_without_frames_keeps_the_last_exception(shell, monkeypatch):
    monkeypatch.setattr(sys, "last_traceback", None, raising=False)
    monkeypatch.setattr(sys, "last_value", None, raising=False)
    set_last_exception(ValueError("nowhere"))
    assert sys.last_value is None
    shell.run_cell("%%wasmfilter w --native\nx = 1\n")
    assert sys.last_traceback is not None, "%debug would fail on it"
