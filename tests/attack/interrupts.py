"""SIGINT at random moments while VMs are created, copied and freed, in a separate process.

    python -m tests.attack.interrupts OPERATION COUNT SEED

prints one JSON object: the number of interrupts, the number of operations that ended before their interrupt, and the growth of the
process. A double free kills the process, which its caller recognises by the exit code.
"""

import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.host.host_kit import wat
from wasmnb import Filter
from wasmnb.engine import Instance
from wasmnb.errors import WasmnbError
from wasmnb.host import Proxy

#: Tolerance for the number of VMs: other reservations of the same size, such as an arena of a thread's allocator, look like one VM.
UNCERTAIN = 1

#: Held by another thread while it uses a proxy.
WORKING = threading.Lock()

#: Address space that one VM reserves.
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


def _collect():
    """Drop proxies that only the garbage collector frees."""
    module = wat(_ANSWER, name="collect")

    def prepare():
        proxy = Proxy(module, workers=2)
        proxy.attachments["itself"] = proxy

    return prepare, lambda _: gc.collect()


def _native():
    text = _PYTHON.format(name="a")

    def run(_):
        with Proxy(Filter.native(text, name="native"), workers=2) as proxy:
            proxy.get("/")

    return lambda: None, run


def _update():
    filters = [Filter.from_source(_PYTHON.format(name=name), name=name) for name in "ab"]
    return lambda: Proxy(filters[0], workers=2), lambda proxy: proxy.update(filters[1])


_AWAITING = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await gather(*(self.http_call("upstream") for _ in range(5)))
"""


def _awaits():
    filter = Filter.from_source(_AWAITING, name="awaits")
    return lambda: Proxy(filter, workers=1), lambda proxy: proxy.get("/")


def _threads():
    """Another thread uses, collects and closes proxies all the time."""
    module = wat(_ANSWER, name="threads")

    def work():
        while True:
            with WORKING:
                with Proxy(module, workers=2) as proxy:
                    proxy.get("/")
                del proxy
                gc.collect()  # inside the lock, because a collection on the main thread does nothing while another thread collects

    threading.Thread(target=work, daemon=True).start()
    return lambda: Proxy(module, workers=2), lambda proxy: (proxy.get("/"), proxy.close())


#: Name of an operation -> function that returns a preparation, which is never interrupted, and the operation.
OPERATIONS = {"start": _start, "close": _close, "trap": _trap, "probe": _probe, "copy": _copy, "collect": _collect, "native": _native, "update": _update,
              "awaits": _awaits, "threads": _threads}  # fmt: skip


class Attack:
    """An operation that is repeated with a SIGINT at a random moment."""

    def __init__(self, name, seed):
        self.random = random.Random(seed)
        self.prepare, self.run = OPERATIONS[name]()
        self.armed = False
        self.counts = {"operations": 0, "interrupted": 0, "errors": []}
        signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
        signal.signal(signal.SIGALRM, lambda *_: self.armed and os.kill(os.getpid(), signal.SIGINT))
        self.duration = min(self._timed() for _ in range(3))

    def _timed(self):
        prepared = self.prepare()
        start = time.perf_counter()
        self.run(prepared)
        return time.perf_counter() - start

    def interrupt(self, count):
        """Interrupt the operation `count` times. Some runs end before their SIGINT arrives."""
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
    """Interrupt an operation, and return the number of interrupts and the growth of the process."""
    runner = Attack(name, seed)
    runner.interrupt(10)  # fills all caches
    before = _left()
    counts = runner.interrupt(count)
    after = _left()
    return {**counts, "milliseconds": round(runner.duration * 1e3, 2), "left": {k: after[k] - before[k] for k in after}}


def _left():
    """Return the process's VMs by their address space, its files and its threads."""
    with WORKING:
        gc.collect()
        return _counts()


def _counts():
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "instances": sum(isinstance(o, Instance) and not o.closed for o in gc.get_objects()),
        "vms": round(int(status["VmSize"].split()[0]) * 1024 / RESERVED),
        "memory_kb": int(status["VmRSS"].split()[0]),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": int(status["Threads"]),
    }


def interrupt(name, count, seed):
    """Attack one operation in a subprocess. Return its result, exit code and standard error."""
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.attack.interrupts", name, str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    counts = json.loads(done.stdout) if done.returncode == 0 else {}
    return {"operation": name, "exit": done.returncode, **counts, "stderr": done.stderr[-2000:]}


if __name__ == "__main__":
    print(json.dumps(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
