"""The command line: what it prints, and its exit codes."""

import json
import subprocess
import sys

import pytest

from wasmnb.cli import main

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


def test_build_writes_a_module_beside_the_source(source, capsys):
    assert main(["build", str(source)]) == 0
    assert source.with_suffix(".wasm").read_bytes()[:8] == b"\0asm\1\0\0\0"
    assert "hello.wasm" in capsys.readouterr().out


def test_quiet_build_says_nothing(source, tmp_path, capsys):
    assert main(["build", "-q", str(source), "-o", str(tmp_path / "deep" / "x.wasm")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "deep" / "x.wasm").exists()


def test_a_module_never_overwrites_its_source(source, capsys):
    assert main(["build", str(source), "-o", str(source)]) == 2
    assert source.read_text() == FILTER


def test_run_shows_what_the_filter_changed(source, capsys):
    assert main(["run", str(source), "--request", "GET /x", "-H", "x-user: ann", "--workers", "2"]) == 0
    out = capsys.readouterr().out
    assert "#1 GET /x → 200" in out
    assert ["+", "x-hello", "—", "hello"] in lines(out)
    assert "saw ann" in out


def test_flags_outside_hold_for_every_request_and_those_inside_for_one(source, capsys):
    requests = ["--request", "POST /a -d k=v", "--request", "PUT /b -H 'x-user: bob'", "-H", "x-all: 1"]
    assert main(["run", str(source), "--json", *requests]) == 0
    found = json.loads(capsys.readouterr().out)["exchanges"]
    assert [(x["request"]["method"], x["request"]["path"], x["request"]["body"]) for x in found] == [
        ("POST", "/a", "k=v"), ("PUT", "/b", ""),
    ]  # fmt: skip
    assert [["x-all", "1"] in x["request"]["headers"] for x in found] == [True, True]
    assert [["x-user", "bob"] in x["request"]["headers"] for x in found] == [False, True]


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
    made = json.loads(capsys.readouterr().out)
    assert made["exchanges"][0]["response"]["status"] == 200
    assert made["log"][0]["text"] == "saw nobody"
    assert made["tree"]["kind"] == "proxy"
    assert "on_request_headers" in {e["name"] for e in made["exchanges"][0]["events"]}


def test_a_filter_that_fails_gives_exit_code_1_and_its_traceback(source, capsys):
    assert main(["run", str(source), "-r", "GET / -H 'x-user: boom'"]) == 1
    out = capsys.readouterr().out
    assert "→ 503" in out
    assert "ValueError: broken" in out
    assert f'----> 7             raise ValueError("broken")' in out


def test_a_source_error_is_drawn_at_its_line_without_a_traceback(tmp_path, capsys):
    path = tmp_path / "bad.py"
    path.write_text("from wasmnb.sdk import HttpContext\nclass X(HttpContext)\n    pass\n")
    assert main(["build", str(path)]) == 1
    err = capsys.readouterr().err
    assert "line 2" in err
    assert "    class X(HttpContext)" in err
    assert "Traceback" not in err
    assert "wasmnb/" not in err.replace(str(path), "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "/no/such.py"], "/no/such.py cannot be read"),
        (["inspect", "/no/such.wasm"], "/no/such.wasm"),
        (["run", "SOURCE", "--request", "GET / --no-such-flag"], "--no-such-flag"),
        (["run", "SOURCE", "--request", "GET 'unclosed"], "No closing quotation"),
        (["run", "SOURCE", "--config", "@/no/file"], "cannot read '/no/file'"),
        (["run", "SOURCE", "--workers", "0"], "at least one worker"),
    ],
)
def test_usage_errors_are_one_paragraph_and_exit_code_2(arguments, said, source, capsys):
    assert main([str(source) if a == "SOURCE" else a for a in arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["run"], ["build", "x.py", "--what"]])
def test_a_wrong_command_line_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_inspect_says_what_a_module_is(source, capsys):
    main(["build", "-q", str(source)])
    assert main(["inspect", str(source.with_suffix(".wasm"))]) == 0
    out = capsys.readouterr().out
    assert "Proxy-Wasm ABI 0.2.1" in out
    assert "on_request_headers" in out
    assert main(["inspect", "--json", str(source.with_suffix(".wasm"))]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "core"


@pytest.mark.parametrize("data", [b"", b"\0asm", b"\0asm\1\0\0\0", b"\0asm\x0d\0\1\0", b"text"])
def test_inspect_gives_exit_code_1_for_what_envoy_would_refuse(data, tmp_path, capsys):
    (tmp_path / "x.wasm").write_bytes(data)
    assert main(["inspect", str(tmp_path / "x.wasm")]) == 1
    assert "Envoy would refuse" in capsys.readouterr().out


def test_runtimes_are_listed_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    assert main(["runtime", "list"]) == 0
    assert "It is empty." in capsys.readouterr().out
    from wasmnb.build.cache import Cache

    Cache().store("abc", {"runtime.wasm": b"x" * 2048}, {"built": 0.0})
    assert main(["runtime", "list"]) == 0
    assert "abc" in capsys.readouterr().out
    assert main(["runtime", "clear"]) == 0
    assert "1 runtime removed" in capsys.readouterr().out
    assert Cache().names() == []


def test_doctor_has_a_verdict_a_line_and_knows_a_cache_that_cannot_be_used(tmp_path, monkeypatch, capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("wasmnb", "wasmtime", "engine", "cache", "disk", "envoy"):
        assert any(line[1:2] == [name] for line in lines(out)), name
    assert "All is well." in out
    monkeypatch.setattr("wasmnb.cli.doctor.shutil.disk_usage", lambda _: __import__("types").SimpleNamespace(free=1000))
    assert main(["doctor"]) == 3
    assert "✗ disk" in capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error(source):
    command = f"{sys.executable} -m wasmnb.cli run {source} --trace | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "GET /" in done.stdout


def test_a_reader_that_has_left_before_the_first_line_is_no_error():
    """Output that fills the pipe fails inside the command rather than at its end."""
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


def test_fuzz_prints_the_smallest_scenario_as_a_test_and_saves_it(tmp_path, capsys):
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


def test_fuzz_names_what_is_wrong_with_its_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fuzz", "x.py", "--only", "leak"])
    assert stopped.value.code == 2
    assert "choose from trap, hang, stuck, growth, misuse" in capsys.readouterr().err
    assert main(["fuzz", str(tmp_path / "missing.py"), "--seconds", "1"]) == 2


SUITE = """
test { name: "adds" request_headers { input { header { key: ":path" value: "/" } } result { has_header { key: "x-hello" value: "hello" } } } }
test { name: "lacks" request_headers { input { header { key: ":path" value: "/" } } result { has_header { key: "x-other" value: "1" } } } }
"""


def test_declarative_tests_are_run(source, tmp_path, capsys):
    tests = tmp_path / "tests.textpb"
    tests.write_text(SUITE)
    assert main(["test", str(tests), str(source), "--only", "adds"]) == 0
    assert main(["test", str(tests), str(source), "--json"]) == 1
    assert '"lacks"' in capsys.readouterr().out
    tests.write_text("test { name: 1 }")
    assert main(["test", str(tests), str(source)]) == 2
    assert f"{tests}:1, field test.name" in capsys.readouterr().err
