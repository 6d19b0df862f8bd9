"""Filters from source: warm compiles, errors at the cell's lines, the file that is saved."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.compiler.compiler_kit import STREAM, said
from wasmnb.compiler import Filter, build_runtime, inspect_module
from wasmnb.compiler.runtime import atomic_file as disk
from wasmnb.engine import Instance, default_engine
from wasmnb.errors import BuildError, ModuleError, SourceError, UsageError

BASIC = {
    "proxy_abi_version_0_2_1",
    "_initialize",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_delete",
    "wasmnb_control",
}


@pytest.fixture(scope="module", autouse=True)
def runtime():
    return build_runtime()


# -- what it makes ----------------------------------------------------------------------------------------------------


def test_a_module_exports_what_the_class_overrides():
    made = Filter.from_source(STREAM, "a")
    assert set(made.info.exports) == BASIC | {"proxy_on_configure", "proxy_on_request_headers"}
    assert (made.name, made.source, made.filename) == ("a", STREAM, "<filter>")


def test_a_saved_file_is_the_module_and_passes_its_own_inspection(tmp_path):
    made = Filter.from_source(STREAM)
    path = made.save(tmp_path / "deep" / "f.wasm")
    assert path.read_bytes() == made.wasm
    facts = inspect_module(made.wasm)
    assert facts.problems == ()
    assert STREAM.encode() in made.wasm
    assert [p.name for p in path.parent.iterdir()] == ["f.wasm"]


def test_a_saved_file_loads_as_a_filter(tmp_path):
    path = Filter.from_source(STREAM).save(tmp_path / "f.wasm")
    again = Filter.from_file(path)
    assert (again.name, again.source, again.filename) == ("f", None, "f.wasm")
    assert again.wasm == path.read_bytes()
    assert set(again.info.exports) == BASIC | {"proxy_on_configure", "proxy_on_request_headers"}


def test_the_file_starts_with_the_memory_that_the_cached_runtime_gets():
    """Same bytes at the same addresses: a filter behaves alike from the cache and from its file."""
    source = STREAM + "#" * 100_000
    made = Filter.from_source(source, filename="cell", first_line=7)
    engine = default_engine()
    warm = made.image(engine).instantiate(lambda _: lambda *_: 0)
    cold = Instance(engine.compile(made.wasm), lambda _: lambda *_: 0)
    assert warm.memory.size == cold.memory.size
    assert warm.memory.read(0, warm.memory.size) == cold.memory.read(0, cold.memory.size)


def test_a_filter_from_the_cache_shows_only_the_exports_of_its_file():
    made = Filter.from_source(STREAM)
    visible = {e.name for e in made.image(default_engine()).exports if e.kind == "func"}
    assert visible == set(made.info.exports)


def test_facts_of_a_filter_are_plain_data():
    info = Filter.from_source(STREAM, "a").info
    assert json.loads(json.dumps(info.as_dict()))["name"] == "a"
    assert (info.abi_version, info.python) == ("0.2.1", "3.14")
    assert info.build_times.keys() >= {"componentize", "link", "compile", "filter"}
    assert dataclasses.is_dataclass(info)


def test_a_filter_file_is_small_enough_to_ship():
    import gzip

    data = Filter.from_source(STREAM).wasm
    assert len(data) <= 20_000_000
    assert len(gzip.compress(data, 6)) <= 7_000_000


def test_a_second_filter_takes_milliseconds():
    Filter.from_source(STREAM)
    times = []
    for i in range(5):
        started = time.perf_counter()
        Filter.from_source(f"{STREAM}# {i}")
        times.append(time.perf_counter() - started)
    assert min(times) < 0.15, "the warm path builds or compiles something"


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_python_file_is_compiled_under_its_own_name(tmp_path):
    (tmp_path / "auth.py").write_text("\ufeff" + STREAM)
    made = Filter.from_file(tmp_path / "auth.py")
    assert (made.name, made.filename) == ("auth", str(tmp_path / "auth.py"))


@pytest.mark.parametrize(
    ("name", "data", "error", "word"),
    [
        ("x.wasm", b"", ModuleError, "empty"),
        ("x.wasm", b"\0asm\x0d\0\x01\0", ModuleError, "component"),
        ("x.wasm", b"\0asm\x01\0\0\0", ModuleError, "ABI marker"),
        ("x.txt", b"hello", UsageError, "neither"),
        ("x.py", b"\xff\xfe", SourceError, "UTF-8"),
    ],
)
def test_files_that_are_no_filters(tmp_path, name, data, error, word):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=word):
        Filter.from_file(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="Can't read .*: No such file"):
        Filter.from_file(tmp_path / "none.py")


def test_saving_to_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / "f.wasm").write_bytes(b"old")
    made = Filter.from_source(STREAM)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(BuildError, match="no space left"):
        made.save(tmp_path / "f.wasm")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("f.wasm", b"old")]


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message", "line", "hint"),
    [
        ("x = 1", "no filter class", None, "Define a class"),
        ("class A(HttpContext):\n  def f(self:\n    pass", "SyntaxError: '(' was never closed", 2, ""),
        ("x = 1\ny = 1/0", "ZeroDivisionError: division by zero", 2, ""),
        ("def f():\n    return {}['k']\nf()", "KeyError: 'k'", 2, ""),
        ("import sys\nsys.exit(3)", "SystemExit: 3", 2, ""),
        ("open('/etc/passwd')", "No such file or directory", 1, ""),
        (
            "class Auth:\n    def on_http_request_headers(self, n, e): pass",
            "class Auth is no filter",
            1,
            "class Auth(HttpContext)",
        ),
        (
            "class A(VMContext): pass\nclass B(VMContext): pass\n" + STREAM,
            "A and B are all of kind VMContext",
            2,
            "Keep one",
        ),
        (
            "class A(HttpContext):\n  def on_http_request_headers(self): pass",
            "does not take the parameters",
            2,
            "num_headers",
        ),
        ("def f(): f()\nf()", "RecursionError", 1, ""),
        ("x = [0] * (1 << 29)", "MemoryError", 1, "1 GiB"),
        ("hostcalls.get_property('a')", "cannot be called while the module loads", 1, ""),
        ("import importlib\nimportlib.import_module('x' + 'yz')", "No module named 'xyz'", 2, "import statement"),
        ("x = '\0'", "null bytes", None, ""),
    ],
)
def test_an_error_is_at_the_cells_own_line(source, message, line, hint):
    with pytest.raises(SourceError) as caught:
        Filter.from_source(source, filename="cell.py", first_line=100)
    error = caught.value
    assert message in error.args[0]
    assert error.filename == "cell.py"
    assert error.lineno == (None if line is None else line + 99)
    assert hint in error.hint


def test_a_syntax_error_knows_its_column():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("a = 1\nb = = 2")
    assert (caught.value.lineno, caught.value.offset) == (2, 5)


def test_the_guests_traceback_shows_the_cells_lines_and_none_of_ours():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("def inner():\n    return 1 / 0\n\ninner()", filename="cell.py", first_line=5)
    text = caught.value.traceback
    assert 'File "cell.py", line 6, in inner' in text
    assert "return 1 / 0" in text
    assert text.count("File ") == 2


def test_a_source_that_stops_the_vm_says_what_it_said():
    with pytest.raises(SourceError, match="stopped the VM") as caught:
        Filter.from_source("import os\nos._exit(1)")
    assert "wasi:cli/exit#exit" in caught.value.traceback


def test_half_a_character_is_no_source():
    with pytest.raises(SourceError, match="surrogate"):
        Filter.from_source("x = '\udc80'")


@pytest.mark.slow
def test_a_source_that_never_ends_is_stopped():
    started = time.monotonic()
    with pytest.raises(SourceError, match="still running after 5 s"):
        Filter.from_source("while True: pass")
    assert time.monotonic() - started < 15


@pytest.mark.slow
def test_the_interrupt_button_stops_a_source_that_never_ends():
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        Filter.from_source("while True: pass")
    assert time.monotonic() - started < 4


def test_any_module_name_and_file_name_pass_through():
    assert said("print(__file__)", filename="Zelle „1“\n.py", first_line=3)[0] == (2, "Zelle „1“")


def test_importing_the_package_does_not_import_the_tool_chain():
    code = (
        "import sys, wasmnb.compiler; print([m for m in ('componentize_py', 'IPython', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
