"""Filters from source: compiles with a cached runtime, errors at the cell's lines, saved files."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.compiler.compiler_kit import STREAM, said, source_filter
from wasmnb.compiler.release.interpreter.cold_code import LEVEL
from wasmnb.compiler.release.release_filter import make_release
from wasmnb.compiler import Filter, build_runtime, inspect_module
from wasmnb.compiler.cache import atomic_file as disk
from wasmnb.compiler.cache.machine_code import compiled
from wasmnb.compiler.runtime_build import runtime
from wasmnb.engine import Engine, Instance, default_engine
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
def built_runtime():
    return build_runtime()


# -- compiled filters --------------------------------------------------------------------------------------------------


def test_error_of_a_failing_source_has_its_log():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("print('loading')\nraise ValueError('no')\nclass F(HttpContext): pass\n")
    assert caught.value.log[0] == "loading"


def test_module_exports_overridden_callbacks_only():
    stream = Filter.from_source(STREAM, "a")
    assert set(stream.info.exports) == BASIC | {"proxy_on_configure", "proxy_on_request_headers"}
    assert (stream.name, stream.source, stream.filename) == ("a", STREAM, "<filter>")


@pytest.mark.full
@pytest.mark.slow
def test_saved_file_passes_inspection(tmp_path):
    stream = Filter.from_source(STREAM)
    path = stream.save(tmp_path / "deep" / "f.wasm")
    assert path.read_bytes() == stream.release().wasm
    assert stream.save(tmp_path / "debug.wasm", debug=True).read_bytes() == stream.wasm
    facts = inspect_module(stream.wasm)
    assert facts.problems == ()
    assert STREAM.encode() in stream.wasm
    assert [p.name for p in path.parent.iterdir()] == ["f.wasm"]


@pytest.mark.slow
def test_saved_file_loads_as_a_filter(tmp_path):
    path = Filter.from_source(STREAM).save(tmp_path / "f.wasm")
    again = Filter.from_file(path)
    assert (again.name, again.source, again.filename) == ("f", None, "f.wasm")
    assert again.wasm == path.read_bytes()
    assert set(again.info.exports) == BASIC | {"proxy_on_configure", "proxy_on_request_headers", "proxy_on_vm_start"}


def test_file_has_the_initial_memory_of_the_cached_runtime():
    """Same bytes at the same addresses: a filter behaves alike from the cache and from its file."""
    source = STREAM + "#" * 100_000
    stream = Filter.from_source(source, filename="cell", first_line=7)
    engine = default_engine()
    warm = stream.image(engine).instantiate(lambda _: lambda *_: 0)
    cold = Instance(compiled(stream.wasm, engine), lambda _: lambda *_: 0)
    assert warm.memory.size == cold.memory.size
    assert warm.memory.read(0, warm.memory.size) == cold.memory.read(0, cold.memory.size)


@pytest.mark.full
def test_cached_filter_has_the_exports_of_its_file():
    stream = Filter.from_source(STREAM)
    visible = {e.name for e in stream.image(default_engine()).exports if e.kind == "func"}
    assert visible == set(stream.info.exports)


def test_filter_facts_are_plain_data():
    info = Filter.from_source(STREAM, "a").info
    assert json.loads(json.dumps(info.as_dict()))["name"] == "a"
    assert (info.abi_version, info.python) == ("0.2.1", "3.14")
    assert info.build_times.keys() >= {"componentize", "link", "compile", "filter"}
    assert dataclasses.is_dataclass(info)


@pytest.mark.slow
def test_filter_file_stays_below_its_size_limit():
    import gzip

    filter_ = source_filter(STREAM)
    full, release = filter_.wasm(), make_release(filter_, level=LEVEL).wasm()
    assert len(full) <= 20_000_000
    assert len(gzip.compress(full, 6)) <= 8_000_000
    assert len(release) <= 9_000_000


def test_second_filter_reuses_the_runtime(monkeypatch):
    """Neither componentize-py nor the linker nor the compiler runs again."""
    Filter.from_source(STREAM)
    for owner, name in ((runtime, "componentize"), (runtime, "link_component"), (Engine, "compile")):
        monkeypatch.setattr(owner, name, lambda *_args, name=name, **_kwargs: pytest.fail(f"{name} runs again"))
    assert Filter.from_source(f"{STREAM}# changed").wasm


# -- files ------------------------------------------------------------------------------------------------------------


def test_python_file_keeps_its_name(tmp_path):
    (tmp_path / "auth.py").write_text("\ufeff" + STREAM)
    auth = Filter.from_file(tmp_path / "auth.py")
    assert (auth.name, auth.filename) == ("auth", str(tmp_path / "auth.py"))


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
def test_files_without_a_filter_are_refused(tmp_path, name, data, error, word):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(error, match=word):
        Filter.from_file(tmp_path / name)


def test_missing_file_raises(tmp_path):
    with pytest.raises(UsageError, match="Can't read .*: No such file"):
        Filter.from_file(tmp_path / "none.py")


@pytest.mark.slow
def test_saving_to_a_full_disk_leaves_no_partial_file(tmp_path, monkeypatch):
    (tmp_path / "f.wasm").write_bytes(b"old")
    stream = Filter.from_source(STREAM)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(BuildError, match="no space left"):
        stream.save(tmp_path / "f.wasm")
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
            "class Auth is not a filter",
            1,
            "class Auth(HttpContext)",
        ),
        (
            "class A(VMContext): pass\nclass B(VMContext): pass\n" + STREAM,
            "A and B both derive from VMContext",
            2,
            "Keep one",
        ),
        (
            "class A(HttpContext):\n  def on_http_request_headers(self): pass",
            "doesn't accept the parameters",
            2,
            "num_headers",
        ),
        ("def f(): f()\nf()", "RecursionError", 1, ""),
        ("x = [0] * (1 << 29)", "MemoryError", 1, "1 GiB"),
        ("hostcalls.get_property('a')", "was called while the module loads", 1, ""),
        ("import importlib\nimportlib.import_module('x' + 'yz')", "No module named 'xyz'", 2, "import statement"),
        ("x = '\0'", "null bytes", None, ""),
    ],
)
def test_error_has_the_cell_line(source, message, line, hint):
    with pytest.raises(SourceError) as caught:
        Filter.from_source(source, filename="cell.py", first_line=100)
    error = caught.value
    assert message in error.args[0]
    assert error.filename == "cell.py"
    assert error.lineno == (None if line is None else line + 99)
    assert hint in error.hint


def test_syntax_error_has_a_column():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("a = 1\nb = = 2")
    assert (caught.value.lineno, caught.value.offset) == (2, 5)


def test_guest_traceback_shows_cell_lines_only():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("def inner():\n    return 1 / 0\n\ninner()", filename="cell.py", first_line=5)
    text = caught.value.traceback
    assert 'File "cell.py", line 6, in inner' in text
    assert "return 1 / 0" in text
    assert text.count("File ") == 2


def test_source_that_stops_the_vm_reports_its_log():
    with pytest.raises(SourceError, match="stopped the VM") as caught:
        Filter.from_source("import faulthandler\nfaulthandler._sigsegv()")
    assert "Segmentation fault" in caught.value.traceback


def test_half_surrogate_is_refused():
    with pytest.raises(SourceError, match="surrogate"):
        Filter.from_source("x = '\udc80'")


@pytest.mark.slow
def test_endless_source_is_stopped():
    with pytest.raises(SourceError, match="still running after 5 s") as caught:
        Filter.from_source("def spin():\n    while True:\n        pass\n\nTABLE = spin()\n")
    assert caught.value.lineno in (2, 3)
    assert "TABLE = spin()" in caught.value.traceback


@pytest.mark.slow
def test_line_of_an_endless_source_is_not_read_from_its_text():
    with pytest.raises(SourceError, match="still running after 5 s") as caught:
        Filter.from_source("while True: text = 'File \"<odd>\", line 99'\n", filename="<odd>")
    assert caught.value.lineno == 1


def test_hint_about_a_name_is_not_read_from_the_message():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("raise NameError(\"there is no 'HttpContext' here\")")
    assert "built in" not in caught.value.hint


@pytest.mark.slow
def test_interrupt_stops_an_endless_source():
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        Filter.from_source("while True: pass")


def test_any_module_and_file_name_passes_through():
    assert said("print(__file__)", filename="Zelle „1“\n.py", first_line=3)[0] == (2, "Zelle „1“")


def test_importing_the_package_does_not_import_the_toolchain():
    code = (
        "import sys, wasmnb.compiler; print([m for m in ('componentize_py', 'IPython', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"
