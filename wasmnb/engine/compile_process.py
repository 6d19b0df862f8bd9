"""Compilation in a separate process, which can be interrupted and has limits.

The compiler of wasmtime 50 can't be stopped from outside, and its time doesn't grow linearly with the module's size. It takes
16 s for 16 KB with 50,000 locals in each of 2,000 functions, 82 s for 90 KB of nested loops, and 34 s and 1.7 GB for 300,000
empty functions. Starting a process takes only 0.1 to 0.2 s. For this reason, modules that are large, or that have many
functions, locals or blocks, are compiled in a separate process. This process is killed when the caller is interrupted or ends,
or when the limits are exceeded.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress

from .._processes import python_command
from ..errors import ModuleError
from ..parsing.leb128 import CORE_MAGIC, Malformed, Reader

__all__ = ["can_take_long", "compile_apart"]

#: Limits for modules that are compiled in this process: bytes, functions, locals, and instructions that open a block.
_BYTES, _FUNCTIONS, _LOCALS, _BLOCKS = 1 << 16, 2000, 50_000, 2000

#: Time limit in seconds, plus seconds for each byte of the module. This is three times what large modules need on two cores.
SECONDS, SECONDS_PER_BYTE = 60.0, 1e-5

#: Seconds between two calls of `waiting`.
_STEP = 0.1

#: Memory limit in bytes, plus bytes for each byte of the module.
MEMORY, MEMORY_PER_BYTE = 2 << 30, 256

_CODE = 10

#: Exit code of a process that rejects the module and has written the reason to its standard error.
_REFUSED = 3


def can_take_long(wasm: bytes) -> bool:
    """Return whether compiling a module may take long.

    Returns False for a malformed module, which the compiler rejects immediately.
    """
    if len(wasm) > _BYTES:
        return True
    try:
        functions = locals_ = blocks = 0
        for number, start, end in Reader(wasm, len(CORE_MAGIC)).sections():
            if number == _CODE:
                blocks = sum(wasm.count(bytes((opcode,)), start, end) for opcode in (0x02, 0x03, 0x04))
                functions, locals_ = _count_locals(Reader(wasm, start, end))
    except Malformed:
        return False
    return functions > _FUNCTIONS or locals_ > _LOCALS or blocks > _BLOCKS


def _count_locals(r: Reader) -> tuple[int, int]:
    """Return the number of functions, and the number of locals in all of them."""
    functions, total = r.u32(), 0
    for _ in range(functions):
        end = r.u32() + r.at
        for _ in range(r.u32()):
            total += r.u32()
            r.byte()
        r.skip(end - r.at)
    return functions, total


def compile_apart(wasm: bytes, *, fuel: bool, waiting: Callable[[float], None] | None = None) -> bytes | None:
    """Compile a module in another process, on all cores.

    Parameters
    ----------
    wasm
        The module.
    fuel
        Whether the compiled code counts instructions.
    waiting
        Function called every tenth of a second with the seconds that have passed (default None).

    Returns
    -------
    bytes | None
        The compiled code in the format of `Code.serialize`, or None if no process can be started.

    Raises
    ------
    ModuleError
        The module isn't valid, or compiling it exceeds the limits of time or memory for its size.
    """
    seconds, memory = SECONDS + SECONDS_PER_BYTE * len(wasm), MEMORY + MEMORY_PER_BYTE * len(wasm)
    try:
        with tempfile.TemporaryFile() as module:
            module.write(wasm)
            module.seek(0)
            process = subprocess.Popen(
                python_command(f"from {__name__} import main; main()", [str(int(fuel)), str(memory)]),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONSAFEPATH": "1"},
                stdin=module,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that the interrupt button doesn't signal it directly
            )
    except OSError:
        return None
    try:
        code, complaint = _communicate(process, seconds, waiting or (lambda _seconds: None))
    except subprocess.TimeoutExpired:
        raise ModuleError(
            f"Compiling the module of {len(wasm):,} bytes takes more than {seconds:.0f} s. "
            "Try again when this machine is less busy, or use a module with smaller functions."
        ) from None
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
    if process.returncode == _REFUSED:
        raise ModuleError(complaint.decode("utf-8", "replace"))
    if process.returncode:
        raise ModuleError(
            f"Compiling the module of {len(wasm):,} bytes needs more than {memory >> 20:,} MiB of memory. "
            "Free memory on this machine, or use a module with smaller functions."
        )
    return code


def _communicate(
    process: subprocess.Popen[bytes], seconds: float, waiting: Callable[[float], None]
) -> tuple[bytes, bytes]:
    """Wait for the process and return its output and error output. Raises `TimeoutExpired` if it takes too long."""
    started = time.monotonic()
    while True:
        try:
            return process.communicate(timeout=_STEP)
        except subprocess.TimeoutExpired:
            spent = time.monotonic() - started
            if spent > seconds:
                raise
            waiting(spent)


def main() -> None:
    """Compile the module on standard input, and write the compiled code to standard output."""
    from .engine import Engine

    fuel, memory = bool(int(sys.argv[1])), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        code = Engine(fuel=fuel).compile_here(sys.stdin.buffer.read()).serialize()
    except ModuleError as error:
        sys.stderr.write(str(error))
        sys.exit(_REFUSED)
    sys.stdout.buffer.write(code)
    sys.stdout.buffer.flush()
