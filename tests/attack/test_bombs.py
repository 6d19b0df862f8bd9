"""Expensive modules are read in linear time, compiled interruptibly, and described briefly."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.bombs import COMPILED, READ, exports
from tests.host.host_kit import Raw
from wasmnb import Filter
from wasmnb.compiler.wasm_binary.inspection import inspect_module
from wasmnb.engine import compile_process, default_engine
from wasmnb.engine.compile_process import can_take_long
from wasmnb.errors import ModuleError
from wasmnb.host import Proxy

#: Bytes of the longest message.
LONGEST = 2100


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_large_module_is_read_and_its_problems_are_short(name):
    facts = inspect_module(READ[name]())
    assert facts.size > 80_000
    assert len("\n".join(facts.problems)) < LONGEST


@pytest.mark.slow
def test_module_with_a_hundred_thousand_exports_starts():
    filter = Filter.from_bytes(exports(100_000))
    with Proxy(filter, workers=1) as proxy:
        assert proxy.get("/").response.status == 200


#: Modules that the proxy reads for a second each.
SLOW_TO_READ = [pytest.param(name, marks=pytest.mark.slow) for name in ("imports", "imported globals")]


@pytest.mark.parametrize("name", [*SLOW_TO_READ, "a long name", "imported memories"])
def test_envoys_report_on_a_large_module_is_short(name):
    with pytest.raises(ModuleError) as caught:
        Proxy(Raw(READ[name]()), workers=1)
    assert len(str(caught.value)) < LONGEST
    assert all(len(note) < LONGEST for note in caught.value.__notes__)


@pytest.mark.parametrize("name", COMPILED)
def test_slow_module_is_compiled_in_another_process(name):
    assert can_take_long(COMPILED[name]())


@pytest.mark.parametrize("wasm", [
    b"", b"\0asm", b"\0asm\1\0\0\0\n\xff", *(b"\0asm\1\0\0\0" + kind + b"\5\xff\xff\xff\xff\x0f" for kind in (b"\n", b"\1", b"\2", b"\7", b"\13", b"\0")),
])
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
    """Start a process that compiles a bomb, and return it with its child."""
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
def test_interrupt_or_kill_ends_the_compiling_process(number):
    process, child = compiling("nested loops")
    process.send_signal(number)
    said, _ = process.communicate(timeout=50)
    assert said == ("interrupted\n" if number == signal.SIGINT else "")
    while not ended(child):  # limited by the test's timeout
        os.sched_yield()


@pytest.mark.slow
def test_module_that_needs_too_much_memory_or_time_is_refused(monkeypatch):
    bomb = COMPILED["empty functions"]()
    monkeypatch.setattr(compile_process, "MEMORY", 1 << 27)
    with pytest.raises(ModuleError, match="MiB of memory"):
        default_engine().compile(bomb)
    monkeypatch.setattr(compile_process, "MEMORY", 2 << 30)
    monkeypatch.setattr(compile_process, "SECONDS", 0.5)
    monkeypatch.setattr(compile_process, "SECONDS_PER_BYTE", 0)
    with pytest.raises(ModuleError, match=r"takes more than \d+ s"):
        default_engine().compile(bomb)


def test_without_processes_a_module_is_compiled_in_this_one(monkeypatch):
    monkeypatch.setattr(compile_process.subprocess, "Popen", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    assert default_engine().compile(READ["nested ifs"]()).exports == ()


def test_view_of_a_module_with_very_many_parts_is_small():
    from types import SimpleNamespace

    from wasmnb.view.documents.filter.module import facts_html, facts_text

    facts = SimpleNamespace(
        abi_version=None, memory=0, exports=[f"e{i}" for i in range(100_000)], imports=["proxy_log"] * 100_000 + ["x" * 100_000],
        sections={f"custom {i}" + "y" * 1000: 1 for i in range(10_000)},
    )
    html, text = facts_html(facts, "bomb", 1), facts_text(facts, "bomb", 1)
    assert len(html) < 200_000
    assert "… 99,000 more" in html
    assert "9,900 more" in text
    assert len(text) < 100_000
