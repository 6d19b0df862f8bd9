"""The command line: output and exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import pytest

from wasmnb.cli import main
from wasmnb.cli.doctor import checks

FILTER = """\
from wasmnb.sdk import HttpContext


class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") == "boom":
            raise ValueError("broken")
        self.request_headers["x-hello"] = self.plugin.config.get("greeting", "hello")
        print("saw", self.request_headers.get("x-user", "nobody"))
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "hello.py"
    path.write_text(FILTER)
    return path


def lines(text):
    return [line.split() for line in text.splitlines()]


@pytest.mark.slow
def test_build_writes_a_module_next_to_the_source(source, capsys):
    assert main(["build", str(source)]) == 0
    assert source.with_suffix(".wasm").read_bytes()[:8] == b"\0asm\1\0\0\0"
    assert "hello.wasm" in capsys.readouterr().out


@pytest.mark.slow
def test_quiet_build_prints_nothing(source, tmp_path, capsys):
    assert main(["build", "-q", str(source), "-o", str(tmp_path / "deep" / "x.wasm")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "deep" / "x.wasm").exists()


def test_build_never_overwrites_its_source(source, capsys):
    assert main(["build", str(source), "-o", str(source)]) == 2
    assert source.read_text() == FILTER


def test_run_prints_the_changes_of_the_filter(source, capsys):
    assert main(["run", str(source), "--request", "GET /x", "-H", "x-user: ann", "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "#1 GET /x → 200" in out
    assert ["+", "x-hello", "—", "hello"] in lines(out)
    assert "saw ann" in out


def test_flags_outside_of_a_request_apply_to_all_requests(source, capsys):
    requests = ["--request", "POST /a -d k=v", "--request", "PUT /b -H 'x-user: bob'", "-H", "x-all: 1"]
    assert main(["run", str(source), "--json", *requests]) == 0
    exchanges = json.loads(capsys.readouterr().out)["exchanges"]
    assert [(exchange["request"]["method"], exchange["request"]["path"], exchange["request"]["body"]) for exchange in exchanges] == [
        ("POST", "/a", "k=v"), ("PUT", "/b", ""),
    ]  # fmt: skip
    assert [["x-all", "1"] in exchange["request"]["headers"] for exchange in exchanges] == [True, True]
    assert [["x-user", "bob"] in exchange["request"]["headers"] for exchange in exchanges] == [False, True]


def test_configuration_comes_from_text_or_file(source, tmp_path, capsys):
    (tmp_path / "c.json").write_text('{"greeting": "file"}')
    assert main(["run", str(source), "--config", f"@{tmp_path}/c.json"]) == 0
    assert "file" in capsys.readouterr().out
    assert main(["run", str(source), "--config", '{"greeting": "text"}', "--tree", "--trace"]) == 0
    out = capsys.readouterr().out
    assert "7 VMs: 1 base, 1 canary (gone), 1 main, 4 workers" in out
    assert 'replace_header_map_value(REQUEST_HEADERS, "x-hello", "text")' in out


def test_json_has_exchanges_log_tree_and_events(source, capsys):
    assert main(["run", str(source), "--json", "--tree", "--trace", "-r", "GET /"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["exchanges"][0]["response"]["status"] == 200
    assert output["log"][0]["text"] == "saw nobody"
    assert output["tree"]["kind"] == "proxy"
    assert "on_request_headers" in {e["name"] for e in output["exchanges"][0]["events"]}


def test_failing_filter_prints_its_traceback_and_exits_with_1(source, capsys):
    assert main(["run", str(source), "-r", "GET / -H 'x-user: boom'"]) == 1
    out = capsys.readouterr().out
    assert "→ 503" in out
    assert "ValueError: broken" in out
    assert f'----> 7             raise ValueError("broken")' in out


def test_source_error_shows_its_line_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "bad.py"
    path.write_text("from wasmnb.sdk import HttpContext\nclass X(HttpContext)\n    pass\n")
    assert main(["build", str(path)]) == 1
    err = capsys.readouterr().err
    assert "line 2" in err
    assert "    class X(HttpContext)" in err
    assert "Traceback" not in err
    assert "wasmnb/" not in err.replace(str(path), "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "/no/such.py"], "Can't read /no/such.py"),
        (["inspect", "/no/such.wasm"], "/no/such.wasm"),
        (["run", "SOURCE", "--request", "GET / --no-such-flag"], "--no-such-flag"),
        (["run", "SOURCE", "--request", "GET 'unclosed"], "No closing quotation"),
        (["run", "SOURCE", "--config", "@/no/file"], "The file '/no/file' can't be read"),
        (["run", "SOURCE", "--workers", "0"], "workers= must be at least 1"),
        (["run", "SOURCE", "--workers", "1000000"], "Use at most 256"),
    ],
)
def test_usage_errors_are_one_paragraph_and_exit_code_2(arguments, message, source, capsys):
    assert main([str(source) if a == "SOURCE" else a for a in arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_missing_command_prints_the_help(capsys):
    assert main([]) == 2
    help_text = capsys.readouterr().err
    assert all(
        f"    {name} " in help_text for name in ("build", "run", "inspect", "export", "fuzz", "test", "runtime", "doctor")
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"], ["run"], ["build", "x.py", "--what"], ["run", "x.py", "--deadline", "-1"],
        ["export", "x.py", "d", "--port", "99999"], ["fuzz", "x.py", "--workers", "0"], ["fuzz", "x.py", "--workers", "100000"],
    ],
)  # fmt: skip
def test_invalid_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.slow
def test_inspect_prints_the_facts_of_a_module(source, capsys):
    main(["build", "-q", str(source)])
    assert main(["inspect", str(source.with_suffix(".wasm"))]) == 0
    out = capsys.readouterr().out
    assert "Proxy-Wasm ABI 0.2.1" in out
    assert "on_request_headers" in out
    assert main(["inspect", "--json", str(source.with_suffix(".wasm"))]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "core"


@pytest.mark.parametrize("data", [b"", b"\0asm", b"\0asm\1\0\0\0", b"\0asm\x0d\0\1\0", b"text"])
def test_inspect_exits_with_1_if_envoy_would_reject_the_module(data, tmp_path, capsys):
    (tmp_path / "x.wasm").write_bytes(data)
    assert main(["inspect", str(tmp_path / "x.wasm")]) == 1
    assert "Envoy would reject" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"x = 1\n", "no filter class"),
        (b"caf\xe9 = 1\n", "isn't UTF-8"),
    ],
)
def test_error_without_a_line_names_the_file(text, message, tmp_path, capsys):
    path = tmp_path / "odd.py"
    path.write_bytes(text)
    assert main(["build", str(path)]) == 1
    location, verdict, *_ = capsys.readouterr().err.splitlines()
    assert location == f"  {path}"
    assert message in verdict


def test_error_names_the_module_that_cannot_be_loaded(tmp_path, capsys):
    path = tmp_path / "cut.wasm"
    path.write_bytes(b"\0asm\1\0\0\0\1\x7f")
    assert main(["run", str(path)]) == 1
    assert f"Envoy would refuse {path}:\nThe file is damaged or cut short" in capsys.readouterr().err


def test_build_rejects_modules_and_inspect_rejects_python(source, tmp_path, capsys):
    (tmp_path / "x.wasm").write_bytes(b"\0asm\1\0\0\0")
    assert main(["build", str(tmp_path / "x.wasm")]) == 2
    assert "x.wasm is already a module" in capsys.readouterr().err
    assert main(["inspect", str(source)]) == 2
    assert f"`wasmnb build {source}`" in capsys.readouterr().err


def test_listing_runtimes_does_not_count_as_use(tmp_path, monkeypatch, capsys):
    """A full cache drops the runtime that was used least recently."""
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    from wasmnb.compiler.cache.runtimes import Cache

    facts = {"built": 0.0, "times": {}, "modules": [], "packages": [], "pages": 1}
    for age, key in enumerate(("new", "old", "older")):
        Cache().store(key, {}, facts)
        os.utime(tmp_path / "runtimes" / key, (1e9 - age, 1e9 - age))
    for _ in range(2):
        assert main(["runtime", "list"]) == 0
        shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()[3:]]
        assert shown == ["new", "old", "older"]


def shell(line, **variables):
    """Run a shell command, in which $WASMNB is the program. Return exit code, stdout and stderr."""
    variables = {**os.environ, "WASMNB": f"{sys.executable} -m wasmnb.cli", **variables}
    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=variables, timeout=120)
    return run.returncode, run.stdout, run.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["doctor", "runtime list", "run SOURCE --trace"])
def test_full_disk_exits_with_3_without_a_traceback(command, source):
    code, _, err = shell(f"$WASMNB {command.replace('SOURCE', str(source))} > /dev/full")
    assert (code, err) == (3, "BuildError: Can't write the output: No space left on device.\n")


@pytest.mark.slow
def test_run_works_without_stdout_and_without_unicode(source):
    assert shell(f"$WASMNB run {source} >&-")[0] == 0
    code, out, err = shell(f"$WASMNB run {source}", PYTHONIOENCODING="ascii")
    assert (code, err) == (0, "")
    assert "#1 GET / ? 200" in out


def test_interrupt_during_a_callback_of_python_is_not_lost(monkeypatch, capsys):
    def lose():
        referent = Lost()
        reference = weakref.ref(referent, lambda _: signal.raise_signal(signal.SIGINT))
        del referent
        time.sleep(20)  # a system call that the repeated interrupt must end
        ended.append(reference)

    ended = []
    monkeypatch.setattr("wasmnb.cli.parser.make_parser", lose)
    assert main([]) == 130
    assert not ended
    assert capsys.readouterr().err == "Interrupted.\n"


class Lost:
    """Class of the object to which the test's weak reference refers."""


@pytest.mark.parametrize(
    "arguments", [["run", "SOURCE", "--workers", "100"], ["fuzz", "SOURCE", "--seconds", "60"], ["build", "SOURCE"]]
)
def test_interrupt_prints_one_word_at_any_time(arguments, source):
    """Also during the imports right after the start."""
    program = (
        "import signal, sys\n"
        "from wasmnb.cli import main\n"
        "seconds = float(sys.argv.pop(1))\n"
        "try:\n"
        "    signal.setitimer(signal.ITIMER_REAL, seconds)\n"
        "    code = main()\n"
        "finally:\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "sys.exit(code)\n"
    ).replace("import signal, sys", "import signal, sys\nsignal.signal(signal.SIGALRM, signal.default_int_handler)")
    for wait in ("0.005", "0.05", "0.2"):
        command = [sys.executable, "-c", program, wait, *[w.replace("SOURCE", str(source)) for w in arguments]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode == 130:
            assert done.stderr.endswith("Interrupted.\n")
        else:
            assert done.returncode == 0, "ended before the signal came"


def test_runtimes_are_listed_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    assert main(["runtime", "list"]) == 0
    assert "No runtimes." in capsys.readouterr().out
    from wasmnb.compiler.cache.runtimes import Cache

    Cache().store("abc", {"runtime.wasm": b"x" * 2048}, {"built": 0.0})
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled" / "def.cwasm").write_bytes(b"x" * 1024)
    assert main(["runtime", "list"]) == 0
    out = capsys.readouterr().out
    assert "abc" in out
    assert "Machine code of 1 module, 1.02 kB" in out
    assert main(["runtime", "clear"]) == 0
    assert "Removed 1 runtime and the code of 1 module" in capsys.readouterr().out
    assert Cache().names() == []
    assert not list(tmp_path.rglob("*.cwasm"))


def test_doctor_prints_a_verdict_per_line_and_exits_with_3_if_the_disk_is_full(tmp_path, monkeypatch, capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("wasmnb", "wasmtime", "engine", "cache", "disk", "envoy"):
        assert any(line[1:2] == [name] for line in lines(out)), name
    assert "Everything works." in out
    monkeypatch.setattr("wasmnb.cli.doctor.shutil.disk_usage", lambda _: __import__("types").SimpleNamespace(free=1000))
    assert main(["doctor"]) == 3
    assert "✗ disk" in capsys.readouterr().out


def test_doctor_advises_how_to_install_envoy(tmp_path, monkeypatch):
    monkeypatch.setenv("WASMNB_ENVOY", str(tmp_path / "a: b"))
    envoy = next(check for check in checks() if check.name == "envoy")
    assert envoy.verdict == f"{tmp_path / 'a: b'} isn't an executable file"
    assert envoy.advice.startswith("Set WASMNB_ENVOY")


def test_doctor_reports_damaged_runtimes_and_a_file_in_place_of_the_cache(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "runtimes" / "abc").mkdir(parents=True)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "1 runtime, 1 of them damaged" in out
    assert "wasmnb runtime clear" in out
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path / "file"))
    assert main(["doctor"]) == 3
    assert "can't be written" in capsys.readouterr().out


@pytest.mark.slow
def test_closed_pipe_is_not_an_error(source):
    command = f"{sys.executable} -m wasmnb.cli run {source} --trace | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "GET /" in done.stdout


def test_pipe_closed_before_the_first_line_is_not_an_error():
    """Without buffering, writing fails inside the command instead of at its end."""
    program = "import sys; from wasmnb.cli import main; sys.stdout.reconfigure(write_through=True); sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "runtime", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 0)
    process.stderr.close()


def test_version_and_help_exit_with_0(capsys):
    for flag in ("--version", "--help"):
        with pytest.raises(SystemExit) as caught:
            main([flag])
        assert caught.value.code == 0


FRAGILE = """\
from wasmnb.sdk import HttpContext


class Fragile(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get("x-user") == "boom":
            raise ValueError("broken")
"""


@pytest.mark.slow
def test_fuzz_prints_and_saves_the_smallest_scenario_as_a_test(tmp_path, capsys):
    source = tmp_path / "fragile.py"
    source.write_text(FRAGILE)
    saved = tmp_path / "test_found.py"
    assert main(["fuzz", str(source), "--seconds", "20", "--only", "trap", "--save", str(saved)]) == 1
    shown = capsys.readouterr()
    assert "trap: proxy_on_request_headers failed: ValueError: broken" in shown.out
    assert 'proxy.request("GET", "/", headers=[("x-user", "boom")])' in saved.read_text()
    assert str(saved) in shown.err
    assert main(["fuzz", str(source), "--seconds", "1", "--only", "hang", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


@pytest.mark.slow
def test_fuzz_creates_the_folder_for_saved_tests_or_reports_why_not(tmp_path, capsys):
    source = tmp_path / "fragile.py"
    source.write_text(FRAGILE)
    fuzz = ["fuzz", str(source), "--seconds", "20", "--only", "trap", "--save"]
    assert main([*fuzz, str(tmp_path / "tests" / "new" / "test_found.py")]) == 1
    assert (tmp_path / "tests" / "new" / "test_found.py").exists()
    assert main([*fuzz, str(source / "test_found.py")]) == 2
    assert "fragile.py/test_found.py can't be written" in capsys.readouterr().err


def test_fuzz_reports_invalid_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fuzz", "x.py", "--only", "leak"])
    assert stopped.value.code == 2
    assert "choose from trap, hang, stuck, growth, misuse" in capsys.readouterr().err
    assert main(["fuzz", str(tmp_path / "missing.py"), "--seconds", "1"]) == 2


SUITE = """
test { name: "adds" request_headers { input { header { key: ":path" value: "/" } } result { has_header { key: "x-hello" value: "hello" } } } }
test { name: "lacks" request_headers { input { header { key: ":path" value: "/" } } result { has_header { key: "x-other" value: "1" } } } }
"""


def test_test_runs_declarative_suites(source, tmp_path, capsys):
    tests = tmp_path / "tests.textpb"
    tests.write_text(SUITE)
    assert main(["test", str(tests), str(source), "--only", "adds"]) == 0
    assert main(["test", str(tests), str(source), "--json"]) == 1
    assert '"lacks"' in capsys.readouterr().out
    tests.write_text("test { name: 1 }")
    assert main(["test", str(tests), str(source)]) == 2
    assert f"{tests}:1, field test.name" in capsys.readouterr().err
