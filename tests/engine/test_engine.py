"""The engine: calls and hostcalls, deadlines, interrupts, memory bounds, hostile modules."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from types import SimpleNamespace

import pytest
import wasmtime

from wasmnb.engine import Engine, Image, Instance, OutOfBounds, Trap, default_engine
from wasmnb.engine.copying import copy_into
from wasmnb.engine.calls.interrupts import Interrupts
from wasmnb.errors import ModuleError

WAT = """(module
  (import "env" "f" (func $f (param i32 i64 i32) (result i32)))
  (import "env" "v" (func $v (param i32)))
  (memory (export "memory") 1)
  (func (export "through") (param i32 i64 i32) (result i32) (call $f (local.get 0) (local.get 1) (local.get 2)))
  (func (export "void") (param i32) (call $v (local.get 0)))
  (func (export "neg") (result i32) (i32.const -1))
  (func (export "spin") (loop $l (br $l)))
  (func (export "spincall") (loop $l (call $v (i32.const 0)) (br $l)))
  (func (export "boom") unreachable)
  (func (export "div") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "oob") (result i32) (i32.load (i32.const 0x7fffffff)))
  (func $deep (export "deep") (call $deep))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""


def make(f=lambda *a: 0, v=lambda *a: None, wat=WAT, **options):
    code = default_engine().compile(wasmtime.wat2wasm(wat))
    return Instance(code, lambda i: {"f": f, "v": v}.get(i.name), **options)


def test_numbers_arrive_unsigned_and_unchanged():
    seen = []
    instance = make(f=lambda *a: seen.append(a) or 0xFFFFFFFF)
    assert instance.function("through")(0xFFFFFFFF, (1 << 64) - 1, 7) == 0xFFFFFFFF
    assert seen == [(0xFFFFFFFF, (1 << 64) - 1, 7)]
    assert instance.function("neg")() == 0xFFFFFFFF
    assert instance.function("void")(3) is None


def test_exception_of_a_host_function_is_the_traps_cause():
    def f(*_):
        raise ValueError("no such key")

    with pytest.raises(Trap) as caught:
        make(f=f).function("through")(1, 2, 3)
    assert caught.value.kind == "host"
    assert isinstance(caught.value.__cause__, ValueError)
    assert "no such key" in caught.value.message


@pytest.mark.parametrize(("name", "args", "kind", "message"), [
    ("boom", (), "unreachable", "unreachable"),
    ("div", (0,), "arithmetic", "divide by zero"),
    ("oob", (), "memory", "memory access out of bounds"),
    ("deep", (), "stack", "Maximum call stack size exceeded"),
])
def test_trap_has_its_kind_and_envoys_text(name, args, kind, message):
    with pytest.raises(Trap) as caught:
        make().function(name)(*args)
    assert caught.value.kind == kind
    assert message in caught.value.message


@pytest.mark.parametrize("name", ["spin", "spincall"])
def test_endless_guest_is_stopped_at_the_deadline(name):
    instance = make(deadline=0.2)
    with pytest.raises(Trap) as caught:
        instance.function(name)()
    assert caught.value.kind == "deadline"


def test_deadline_restarts_with_every_entry():
    instance = make(deadline=0.3)
    start = time.monotonic()
    while time.monotonic() - start < 0.7:
        assert instance.function("neg")() == 0xFFFFFFFF


def test_nested_calls_do_not_extend_the_deadline():
    instance = make(v=lambda _: instance.function("neg")() and None, deadline=0.2)
    with pytest.raises(Trap) as caught:
        instance.function("spincall")()
    assert caught.value.kind == "deadline"


@pytest.mark.parametrize("name", ["spin", "spincall"])
@pytest.mark.parametrize("after", [0.01, 0.3])
def test_interrupt_stops_a_spinning_guest(name, after):
    instance = make(deadline=60)  # an interrupt that came too late would be a trap
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), instance.engine.interrupts:
        threading.Timer(after, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        instance.function(name)()
    assert instance.function("neg")() == 0xFFFFFFFF
    assert signal.getsignal(signal.SIGINT) is handler


def test_interrupt_outside_a_guest_is_raised_at_once():
    engine = default_engine()
    slept = False
    with pytest.raises(KeyboardInterrupt), engine.interrupts:
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        time.sleep(10)
        slept = True
    assert not slept


def test_interrupt_of_the_main_thread_does_not_stop_a_guest_of_another():
    ends, engine = [], default_engine()

    def spin():
        try:
            make(deadline=1.0).function("spin")()
        except BaseException as error:  # noqa: BLE001 -- KeyboardInterrupt would be the fault
            ends.append(error)
        done.set()

    done = threading.Event()
    threading.Thread(target=spin).start()
    with pytest.raises(KeyboardInterrupt), engine.interrupts:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        done.wait()
    assert ends == []
    done.wait()
    assert [error.kind for error in ends] == ["deadline"]


@pytest.mark.parametrize("called", [False, True])
@pytest.mark.parametrize("method", ["__enter__", "__exit__"])
def test_interrupt_at_the_edge_of_a_guarded_block_is_raised_at_its_end(method, called):
    interrupts = Interrupts(lambda: None, ())
    edge = SimpleNamespace(f_code=getattr(Interrupts, method).__code__, f_back=None)
    if called:
        edge = SimpleNamespace(f_code=threading.current_thread.__code__, f_back=edge)
    with pytest.raises(KeyboardInterrupt), interrupts, interrupts:
        handler = signal.getsignal(signal.SIGINT)
        handler(signal.SIGINT, edge)  # as Python calls it when the signal comes before the method's first line
    assert not interrupts.pending
    for _ in range(2):  # the count of blocks is right: a further block installs the handler again
        assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
        with interrupts:
            assert signal.getsignal(signal.SIGINT) == handler


def test_interrupt_swallowed_by_a_finalizer_is_raised_at_the_end(capfd):
    class Finalized:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass

    def ignore(_):
        pass

    sys.unraisablehook, before = ignore, sys.unraisablehook
    try:
        with pytest.raises(KeyboardInterrupt), default_engine().interrupts:
            Finalized()
    finally:
        sys.unraisablehook = before


def test_memory_access_outside_its_bounds_raises():
    memory = make().memory
    memory.write(10, b"abc")
    memory.write_u32(16, 0x1_0000_0001)
    assert memory.read(10, 3) == b"abc"
    assert memory.u32(16) == 1
    memory.write(65535, b"x")
    for pointer, size in [(65535, 2), (65536, 1), (0xFFFFFFFF, 1), (0, 65537), (0xFFFFFFFF, 0xFFFFFFFF)]:
        with pytest.raises(OutOfBounds):
            memory.read(pointer, size)
    with pytest.raises(OutOfBounds):
        memory.write(65535, b"xy")


def test_memory_grown_by_the_guest_is_accessible():
    instance = make()
    assert instance.function("grow")(2) == 1
    instance.memory.write(3 * 65536 - 1, b"x")
    assert instance.memory.size == 3 * 65536
    assert instance.memory.grow(1) == 3 * 65536


def test_growth_beyond_the_limit_fails_in_the_guest():
    instance = make(memory_limit=2 * 65536)
    assert instance.function("grow")(1) == 1
    assert instance.function("grow")(1) == 0xFFFFFFFF


@pytest.mark.parametrize(("wasm", "words"), [
    (b"", "empty"),
    (b"garbage", "Not a valid core WebAssembly module"),
    (b"\0asm\x01\0\0\0\x01\xff", "Not a valid core WebAssembly module"),
    (b"\0asm\x0d\0\x01\0", "Not a valid core WebAssembly module"),
])
def test_bytes_that_are_not_a_module_raise_module_error(wasm, words):
    with pytest.raises(ModuleError, match=words) as caught:
        default_engine().compile(wasm)
    assert "\n" not in str(caught.value)


def test_unknown_import_is_named_in_the_error():
    with pytest.raises(ModuleError, match=r"env\.nothing"):
        make(wat='(module (import "env" "nothing" (func)))')
    with pytest.raises(ModuleError, match=r"global env\.g"):
        make(wat='(module (import "env" "g" (global i32)))')


def test_memory_larger_than_the_limit_raises_module_error():
    with pytest.raises(ModuleError, match="can't be instantiated"):
        make(wat='(module (memory (export "memory") 32768))')


def test_trap_in_the_start_section_raises_trap():
    with pytest.raises(Trap):
        make(wat="(module (func $s unreachable) (start $s))")


def test_imported_memory_is_created_and_accessible():
    instance = make(wat='(module (import "env" "m" (memory 1)) (func (export "w") (i32.store (i32.const 4) (i32.const 9))))')
    instance.function("w")()
    assert instance.memory.u32(4) == 9


def test_closed_instance_refuses_calls_and_memory_access():
    instance = make()
    call = instance.function("neg")
    instance.close()
    with pytest.raises(Trap):
        call()
    with pytest.raises(OutOfBounds):
        instance.memory.read(0, 1)
    gc.collect()


def test_dropped_instance_is_collected_while_the_clock_ticks():
    instance = make()
    reference = weakref.ref(instance)
    for _ in range(3):
        time.sleep(0.06)  # the clock sees it
    del instance
    gc.collect()
    deadline = time.monotonic() + 10
    while reference() is not None and time.monotonic() < deadline:
        time.sleep(0.06)
        gc.collect()
    assert reference() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_deadline_counts_in_a_process_that_was_forked():
    instance = make(deadline=0.2)
    child = os.fork()
    if not child:
        try:
            instance.function("spin")()
        except Trap as trap:
            os._exit(0 if trap.kind == "deadline" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


class Watched:
    """Something that the engine watches, and that only the garbage collector frees."""

    running = False

    def __init__(self):
        self.itself = self
        self.observed = threading.Event()

    def observe(self, _now):
        self.observed.set()


@pytest.mark.slow
def test_clock_survives_garbage_that_is_collected_while_it_lists_instances():
    engine, thresholds = Engine(), gc.get_threshold()
    kept = Watched()
    try:
        for number in range(20):
            gc.collect()
            gc.disable()
            for _ in range(50):
                engine.watch(Watched())
            gc.set_threshold(gc.get_count()[0] + number)  # one of the next objects that are created collects the 50 before
            gc.enable()
            engine.observe()  # used to raise RuntimeError, which ended the thread and disabled all deadlines
            gc.set_threshold(*thresholds)
    finally:
        gc.enable()
        gc.set_threshold(*thresholds)
    engine.watch(kept)
    kept.observed.clear()
    assert kept.observed.wait(10)  # by the engine's thread


def test_everything_of_a_closed_instance_is_refused_or_remembered():
    engine = Engine(fuel=True)
    code = engine.compile(wasmtime.wat2wasm(WAT))
    instance, other = (Instance(code, lambda _: lambda *_: 0) for _ in range(2))
    instance.function("neg")()
    used = instance.fuel_used
    instance.close()
    instance.close()
    assert instance.fuel_used == used > 0
    assert instance.function("neg") is None
    with pytest.raises(OutOfBounds):
        instance.memory.grow(1)
    with pytest.raises(OutOfBounds):
        copy_into(instance, other)


def test_close_in_a_hostcall_waits_for_the_guest_to_return():
    instance = make(v=lambda _: instance.close() or seen.append(instance.memory.size))
    seen, later = [], instance.function("neg")
    instance.function("void")(1)
    assert seen == [65536]
    assert instance.memory.size == 0
    with pytest.raises(Trap):
        later()


def test_precompiled_code_runs_as_the_module_does(tmp_path):
    engine = default_engine()
    path = tmp_path / "x.cwasm"
    path.write_bytes(engine.compile(wasmtime.wat2wasm(WAT)).serialize())
    code = engine.load(path)
    assert [e.name for e in code.exports][:2] == ["memory", "through"]
    assert Instance(code, lambda _: lambda *_: 5).function("through")(1, 2, 3) == 5
    path.write_bytes(b"something else")
    with pytest.raises(ModuleError):
        engine.load(path)


def test_image_has_only_its_visible_exports():
    code = default_engine().compile(wasmtime.wat2wasm(WAT))
    image = Image(code, frozenset({"neg"}), lambda i: i.memory.write(0, b"hi"))
    instance = image.instantiate(lambda _: lambda *_: 0)
    assert instance.function("boom") is None
    assert instance.function("neg")() == 0xFFFFFFFF
    assert instance.memory.read(0, 2) == b"hi"
    assert [e.name for e in image.exports] == ["memory", "neg"]


def test_fuel_is_the_same_on_every_run():
    engine = Engine(fuel=True)
    code = engine.compile(wasmtime.wat2wasm(WAT))
    used = []
    for _ in range(2):
        instance = Instance(code, lambda _: lambda *_: 0)
        instance.function("neg")()
        used.append(instance.fuel_used)
    assert used[0] == used[1] > 0


LATE_FAULTHANDLER = """
import faulthandler, sys
from wasmnb.engine import Engine, Instance, Trap, assemble
MODULE = assemble('''(module (memory 1) (func (export "go") unreachable)
  (func (export "far") (drop (i32.load (i32.const 0x7fffffff)))) (func (export "deep") call 2)
  (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0)))))''')
engine = Engine()
code = engine.compile(MODULE)
early = Instance(code, lambda wanted: None)
for change in sys.argv[1:]:
    getattr(faulthandler, change)()
    with engine.interrupts:
        for name in ("go", "far", "deep", "divide"):
            try:
                early.function(name)()
            except Trap as trap:
                print(trap.kind)
"""


@pytest.mark.parametrize("changes", [["enable"], ["enable", "disable"], ["disable", "enable", "disable", "enable"]])
def test_trap_is_raised_after_late_changes_of_faulthandler(changes):
    done = subprocess.run([sys.executable, "-c", LATE_FAULTHANDLER, *changes], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["unreachable", "memory", "stack", "arithmetic"] * len(changes)


def test_fault_of_the_process_reaches_the_earlier_faulthandler():
    program = "import faulthandler; faulthandler.enable()\n" + LATE_FAULTHANDLER + "\nfaulthandler._sigsegv()"
    done = subprocess.run([sys.executable, "-c", program, "enable"], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in done.stderr
