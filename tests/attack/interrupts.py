"""SIGINT at random moments of what makes, copies and frees VMs, in a process of its own.

    python -m tests.attack.interrupts OPERATION COUNT SEED

prints one JSON object: how many interrupts were raised, how many operations ended before theirs came, and what is left in
the process afterwards. The process dies of a second free; its caller looks at the exit code.
"""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.host.host_kit import wat
from wasmnb import Filter
from wasmnb.engine import Instance
from wasmnb.errors import WasmnbError
from wasmnb.host import Proxy

#: VMs that may seem to be left: other address space, such as that of a thread's allocator, is rounded up to one.
UNCERTAIN = 1

#: Address space that one VM reserves: what is left over in units of it is a VM that nobody has freed.
RESERVED = 4 << 30

_ANSWER = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))'
_TRAP = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)'

_PYTHON = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.{name} = list(range(100))
        return Action.CONTINUE
"""


def _start():
    module = wat(_ANSWER, name="start")
    return lambda: None, lambda _: Proxy(module, workers=2)


def _close():
    module = wat(_ANSWER, name="close")
    return lambda: Proxy(module, workers=2), Proxy.close


def _trap():
    module = wat(_TRAP, name="trap")
    return lambda: Proxy(module, workers=2), lambda proxy: proxy.get("/")


def _probe():
    numbers = iter(range(1_000_000))
    return lambda: _PYTHON.format(name=f"a{next(numbers)}"), lambda text: Filter.from_source(text, name="probe")


def _copy():
    proxy = Proxy(Filter.from_source(_PYTHON.format(name="a"), name="copy"), workers=2)
    return lambda: proxy, Proxy.python_state


#: What is interrupted, by name: gives what prepares it, which no interrupt meets, and what is interrupted.
OPERATIONS = {"start": _start, "close": _close, "trap": _trap, "probe": _probe, "copy": _copy}


class Attack:
    """One operation, run again and again with a SIGINT somewhere in it."""

    def __init__(self, name, seed):
        self.random = random.Random(seed)
        self.prepare, self.run = OPERATIONS[name]()
        self.armed = False
        self.counts = {"operations": 0, "interrupted": 0, "errors": []}
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
        signal.signal(signal.SIGALRM, lambda *_: self.armed and os.kill(os.getpid(), signal.SIGINT))
        self.duration = min(self._timed() for _ in range(3))

    def _timed(self):
        prepared = self.prepare()
        start = time.perf_counter()
        self.run(prepared)
        return time.perf_counter() - start

    def interrupt(self, count):
        """Interrupt it so many times; some run to their end, since their SIGINT comes too late."""
        self.counts = {"operations": 0, "interrupted": 0, "errors": []}
        while self.counts["interrupted"] < count and self.counts["operations"] < 4 * count:
            self._once()
        return self.counts

    def _once(self):
        prepared = self.prepare()
        self.counts["operations"] += 1
        try:
            self.armed = True
            signal.setitimer(signal.ITIMER_REAL, max(1e-6, self.random.uniform(0, 1.1 * self.duration)))
            self.run(prepared)
            self.armed = False
        except KeyboardInterrupt:
            self.armed = False
            self.counts["interrupted"] += 1
        except WasmnbError as error:
            self.armed = False
            self.counts["errors"].append(repr(error)[:200])
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.counts["operations"] % 5 == 0:
            gc.collect()


def attack(name, count, seed):
    """What is interrupted, how often it was, and what the process holds more than before."""
    found = Attack(name, seed)
    found.interrupt(10)  # caches of all kinds are filled
    before = _left()
    counts = found.interrupt(count)
    after = _left()
    return {**counts, "milliseconds": round(found.duration * 1e3, 2), "left": {k: after[k] - before[k] for k in after}}


def _left():
    """What the process holds: VMs by their address space, files and threads."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "instances": sum(isinstance(o, Instance) and not o._freed for o in gc.get_objects()),
        "vms": round(int(status["VmSize"].split()[0]) * 1024 / RESERVED),
        "memory_kb": int(status["VmRSS"].split()[0]),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": int(status["Threads"]),
    }


def interrupt(name, count, seed):
    """Attack one operation in a subprocess; gives what it found, with its exit code and what it wrote besides."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.attack.interrupts", name, str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    found = json.loads(done.stdout) if done.returncode == 0 else {}
    return {"operation": name, "exit": done.returncode, **found, "stderr": done.stderr[-2000:]}


if __name__ == "__main__":
    print(json.dumps(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
