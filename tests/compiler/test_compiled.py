"""Machine code of modules from elsewhere is loaded from the disk if it is complete, of this engine and owned by the user."""

import os
import subprocess
import sys

import pytest

from wasmnb.compiler.cache import places
from wasmnb.compiler.cache.machine_code import compiled
from wasmnb.compiler.runtime_build.runtime_cache import clear_runtimes
from wasmnb.engine import Engine, Instance, assemble
from wasmnb.errors import CacheWarning, ModuleError

#: Large enough to be kept: many functions.
WASM = assemble(
    '(module (func (export "seven") (result i32) (i32.const 7))'
    + "".join(f"(func (export \"f{n}\") (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))" for n in range(600))
    + ")"
)


class Counting(Engine):
    """An engine that counts compilations."""

    compilations = 0

    def compile(self, wasm, waiting=None):
        self.compilations += 1
        return super().compile(wasm, waiting)


@pytest.fixture
def engine():
    return Counting()


def seven(code):
    return Instance(code, lambda _import: None).function("seven")()


def files(folder):
    return sorted((folder / "compiled").glob("*"))


def test_machine_code_is_compiled_once_and_loaded_by_another_engine(engine, tmp_path):
    assert seven(compiled(WASM, engine, tmp_path)) == 7
    later = Counting()
    assert seven(compiled(WASM, later, tmp_path)) == 7
    assert (engine.compilations, later.compilations) == (1, 0)
    assert (tmp_path / "compiled").stat().st_mode & 0o777 == 0o700


def test_engine_with_other_settings_gets_its_own_code(engine, tmp_path):
    compiled(WASM, engine, tmp_path)
    assert seven(compiled(WASM, Engine(fuel=True), tmp_path)) == 7
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: b"", lambda d: d[:99] + b"\xff" + d[100:], lambda d: b"x" * len(d)])
def test_damaged_machine_code_is_compiled_again_and_replaced(engine, tmp_path, damage):
    compiled(WASM, engine, tmp_path)
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert seven(compiled(WASM, engine, tmp_path)) == 7
    assert engine.compilations == 2
    compiled(WASM, engine, tmp_path)
    assert engine.compilations == 2


def test_code_of_another_engine_version_is_compiled_again(engine, tmp_path):
    compiled(WASM, engine, tmp_path)
    (path,) = files(tmp_path)
    compiled(WASM, Engine(fuel=True), tmp_path)
    (other,) = set(files(tmp_path)) - {path}
    path.write_bytes(other.read_bytes())  # its hash is right
    assert seven(compiled(WASM, engine, tmp_path)) == 7
    assert engine.compilations == 2


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Use the next folder if the chosen one isn't writable."""
    places.warn_once.cache_clear()
    monkeypatch.setattr(places, "user_folder", lambda: tmp_path / "own")
    return tmp_path / "own"


def test_unusable_folder_is_replaced_by_another_place(engine, tmp_path, elsewhere):
    (tmp_path / "compiled").write_text("a file stands in the way")
    with pytest.warns(CacheWarning, match="can't be used"):
        assert seven(compiled(WASM, engine, tmp_path)) == 7
    assert len(files(elsewhere)) == 1


def test_altered_code_that_others_could_write_does_not_run(engine, tmp_path, elsewhere):
    compiled(WASM, engine, tmp_path)
    (path,) = files(tmp_path)
    path.chmod(0o666)
    with pytest.warns(CacheWarning, match="another user could have changed it"):
        assert seven(compiled(WASM, engine, tmp_path)) == 7
    assert engine.compilations == 2


def test_small_modules_are_not_cached(engine, tmp_path):
    compiled(assemble("(module)"), engine, tmp_path)
    assert not (tmp_path / "compiled").exists()


def test_recently_used_entry_is_kept(engine, tmp_path, monkeypatch):
    modules = [assemble("(module" + f"(func (param i32) (drop (i32.const {n})))" * 1900 + ")") for n in range(3)]
    for age, wasm in enumerate(modules[:2]):
        compiled(wasm, engine, tmp_path)
        (fresh,) = [p for p in files(tmp_path) if p.stat().st_mtime > 2000]
        os.utime(fresh, (1000 + age, 1000 + age))
    compiled(modules[0], engine, tmp_path)  # used again
    monkeypatch.setattr(places, "ALWAYS_ALLOWED", int(2.5 * files(tmp_path)[0].stat().st_size))
    monkeypatch.setattr(places, "DISK_SHARE", 0)
    places.warn_once.cache_clear()
    with pytest.warns(CacheWarning, match="1 of 3 entries were removed"):
        compiled(modules[2], engine, tmp_path)
    before = engine.compilations
    compiled(modules[0], engine, tmp_path)
    assert engine.compilations == before
    with pytest.warns(CacheWarning):
        places.warn_once.cache_clear()
        compiled(modules[1], engine, tmp_path)
    assert engine.compilations == before + 1


def test_clearing_runtimes_clears_machine_code(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    compiled(WASM, engine)
    assert files(tmp_path)
    clear_runtimes()
    assert not files(tmp_path)


def test_invalid_module_is_refused(engine, tmp_path):
    with pytest.raises(ModuleError):
        compiled(b"\0asm\1\0\0\0" + b"\xff" * 10000, engine, tmp_path)


@pytest.mark.slow
def test_another_process_finds_the_machine_code(tmp_path):
    path = tmp_path / "filter.wasm"
    path.write_bytes(WASM)
    program = (
        "import sys; from pathlib import Path; from wasmnb.compiler.cache.machine_code import compiled; from wasmnb.engine import Engine\n"
        "engine = Engine(); engine.compile = None if sys.argv[2] == 'found' else engine.compile\n"
        "compiled(Path(sys.argv[1]).read_bytes(), engine)"
    )
    for expected in ("made", "found"):
        environment = {**os.environ, "WASMNB_CACHE": str(tmp_path / "cache")}
        subprocess.run([sys.executable, "-c", program, str(path), expected], check=True, env=environment, timeout=60)


@pytest.mark.slow
def test_second_process_waits_for_the_code_that_the_first_compiles(tmp_path):
    large = assemble(
        "(module " + "".join(f'(func (export "f{n}") (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))' for n in range(9000)) + ")"
    )
    (tmp_path / "large.wasm").write_bytes(large)
    program = (
        "import sys; from pathlib import Path; from wasmnb.compiler.cache.machine_code import compiled; from wasmnb.engine import Engine\n"
        "steps = set(); folder = Path(sys.argv[1])\n"
        "class Counting(Engine):\n"
        "    def compile(self, wasm, waiting=None): print('compiles'); return super().compile(wasm, waiting)\n"
        "compiled((folder / 'large.wasm').read_bytes(), Counting(), folder, lambda step, fraction: steps.add(step.split()[0]))\n"
        "print(*sorted(steps))"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(outputs).count("compiles") == 1
    assert [path.suffix for path in files(tmp_path)] == [".cwasm"]


@pytest.mark.slow
def test_compilation_reports_progress(engine, tmp_path):
    large = assemble("(module " + "".join(f"(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {n})))" for n in range(9000)) + ")")
    steps = []
    compiled(large, engine, tmp_path, lambda step, fraction: steps.append((step, fraction)))
    assert {step for step, _ in steps} == {f"Compiling a module of {len(large) / 1e6:.1f} MB, once on this machine"}
    assert [fraction for _, fraction in steps] == sorted(fraction for _, fraction in steps)
    assert all(0 < fraction < 1 for _, fraction in steps)
