"""Modules made to be expensive: reading them is linear, compiling them is interruptible, messages are short."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.bombs import COMPILED, READ, exports
from tests.host.host_kit import Raw
from wasmnb import Filter
from wasmnb.compiler.wasm.inspection import inspect_module
from wasmnb.engine import compile_process, default_engine
from wasmnb.engine.compile_process import can_take_long
from wasmnb.errors import ModuleError
from wasmnb.host import Proxy

#: Bytes of the longest message.
LONGEST = 2100


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_a_large_module_is_read_and_its_problems_are_short(name):
    facts = inspect_module(READ[name]())
    assert facts.size > 80_000
    assert len("\n".join(facts.problems)) < LONGEST


def test_a_hundred_thousand_exports_make_a_proxy():
    filter = Filter.from_bytes(exports(100_000))
    with Proxy(filter, workers=1) as proxy:
        assert proxy.get("/").response.status == 200


@pytest.mark.parametrize("name", ["imports", "imported globals", "a long name", "imported memories"])
def test_envoys_check_of_a_large_module_says_little(name):
    with pytest.raises(ModuleError) as caught:
        Proxy(Raw(READ[name]()), workers=1)
    assert len(str(caught.value)) < LONGEST
    assert all(len(note) < LONGEST for note in caught.value.__notes__)


@pytest.mark.parametrize("name", COMPILED)
def test_what_the_compiler_needs_long_for_is_compiled_apart(name):
    assert can_take_long(COMPILED[name]())


@pytest.mark.parametrize("wasm", [b"", b"\0asm", b"\0asm\1\0\0\0\n\xff", b"\0asm\1\0\0\0\n\5\xff\xff\xff\xff\x0f"])
def test_damaged_modules_are_left_to_the_compiler(wasm):
    assert not can_take_long(wasm)
    with pytest.raises(ModuleError):
        default_engine().compile(wasm)


INTERRUPTED = """
import sys
from tests.attack.bombs import COMPILED
from wasmnb.engine import default_engine
print("ready", flush=True)
try:
    default_engine().compile(COMPILED[sys.argv[1]]())
except KeyboardInterrupt:
    print("interrupted")
"""


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def compiling(name):
    """A process that compiles a bomb, and the child that does it."""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, name], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    while not children(process.pid):
        assert process.poll() is None
    return process, int(children(process.pid)[0])


def ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_ends_the_compiling_process(number):
    process, child = compiling("nested loops")
    process.send_signal(number)
    said, _ = process.communicate(timeout=50)
    assert said == ("interrupted\n" if number == signal.SIGINT else "")
    while not ended(child):  # the test's timeout counts
        os.sched_yield()


@pytest.mark.slow
def test_a_module_that_takes_too_much_memory_or_time_is_refused(monkeypatch):
    bomb = COMPILED["empty functions"]()
    monkeypatch.setattr(compile_process, "_MEMORY", 1 << 27)
    with pytest.raises(ModuleError, match="MiB of memory"):
        default_engine().compile(bomb)
    monkeypatch.setattr(compile_process, "_MEMORY", 2 << 30)
    monkeypatch.setattr(compile_process, "_SECONDS", 0.5)
    monkeypatch.setattr(compile_process, "_SECONDS_PER_BYTE", 0)
    with pytest.raises(ModuleError, match="s to compile"):
        default_engine().compile(bomb)


def test_without_processes_a_module_is_compiled_in_this_one(monkeypatch):
    monkeypatch.setattr(compile_process.subprocess, "Popen", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert default_engine().compile(READ["nested ifs"]()).exports == ()
