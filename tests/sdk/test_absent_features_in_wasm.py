"""Parts of Python that a proxy doesn't have raise exceptions with advice, which a filter can catch, and the VM goes on."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.host import Proxy

SOURCE = """
import asyncio, os, queue, selectors, signal, socket, threading, _thread, importlib

async def nothing(): pass

class Fails:
    def __del__(self): 1 / 0

def runner():
    with asyncio.Runner() as runner:
        runner.run(nothing())

def condition():
    condition = threading.Condition()
    with condition:
        condition.wait()

CASES = {
    "run": lambda: asyncio.run(nothing()),
    "runner": runner,
    "new_event_loop": asyncio.new_event_loop,
    "get_event_loop": asyncio.get_event_loop,
    "loop_class": asyncio.SelectorEventLoop,
    "create_task": lambda: asyncio.create_task(nothing()),
    "to_thread": lambda: asyncio.to_thread(print),
    "socket": socket.socket,
    "socketpair": socket.socketpair,
    "connection": lambda: socket.create_connection(("127.0.0.1", 80)),
    "addresses": lambda: socket.getaddrinfo("localhost", 80),
    "thread": lambda: threading.Thread(target=print).start(),
    "timer": lambda: threading.Timer(1, print).start(),
    "start_new_thread": lambda: _thread.start_new_thread(print, ()),
    "condition": condition,
    "event": lambda: threading.Event().wait(),
    "semaphore": lambda: threading.Semaphore(0).acquire(),
    "queue": lambda: queue.Queue().get(),
    "fork": lambda: os.fork(),
    "execv": lambda: os.execv("/bin/ls", ["ls"]),
    "kill": lambda: os.kill(os.getpid(), 15),
    "pipe": lambda: os.pipe(),
    "popen": lambda: os.popen("ls"),
    "abort": lambda: os.abort(),
    "_exit": lambda: os._exit(1),
    "alarm": lambda: signal.alarm(1),
    "setitimer": lambda: signal.setitimer(0, 1),
    "multiprocessing": lambda: importlib.import_module("multi" + "processing.pool"),
    "del": lambda: [Fails()] and None,
    "selector": lambda: selectors.DefaultSelector().select(0.001),
    "timed": lambda: threading.Event().wait(0.001),
}

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            print("returned", CASES[self.request.path[1:]]())
        except Exception as error:
            kinds = [c.__name__ for c in (OSError, RuntimeError, AttributeError, ImportError) if isinstance(error, c)]
            print(*kinds, "|", error)
"""
LOOP = "OSError RuntimeError | [Errno 58] asyncio{} can't be used in a filter: the proxy doesn't run an event loop. {}"
SOCKETS = "OSError RuntimeError | [Errno 58] Sockets don't exist inside the proxy: use self.http_call(cluster, ...)"
THREADS = "OSError RuntimeError | [Errno 58] Threads don't exist inside the proxy: use `async def` callbacks and gather()"
LOCKS = "OSError RuntimeError | [Errno 58] Nothing else runs in this VM while a callback waits"
PROCESSES = "Other processes and users don't exist inside the proxy."
SIGNALS = "Signals don't exist inside the proxy: use `await sleep(seconds)`"
CALLBACK = "Write the callback as `async def` and await it there."
EXPECTED = {
    "run": LOOP.format(".run()", CALLBACK),
    "runner": LOOP.format(".run()", CALLBACK),
    **dict.fromkeys(("new_event_loop", "get_event_loop", "loop_class"), LOOP.format("", "Use sleep()")),
    "create_task": LOOP.format(".create_task()", "Use `await gather(...)`"),
    "to_thread": LOOP.format(".to_thread()", "Threads don't exist either"),
    **dict.fromkeys(("socket", "socketpair", "connection", "addresses"), SOCKETS),
    **dict.fromkeys(("thread", "timer", "start_new_thread"), THREADS),
    **dict.fromkeys(("condition", "event", "semaphore", "queue"), LOCKS),
    **{name: f"AttributeError | module 'os' has no attribute {name!r}. {PROCESSES}" for name in ("fork", "execv", "kill", "pipe")},
    **dict.fromkeys(("abort", "_exit"), f"OSError RuntimeError | [Errno 58] {PROCESSES}"),
    **{name: f"AttributeError | module 'signal' has no attribute {name!r}. {SIGNALS}" for name in ("alarm", "setitimer")},
    "popen": f"OSError RuntimeError | [Errno 58] {PROCESSES}",
    "multiprocessing": "ImportError | No module named 'multiprocessing",
    "del": "Exception ignored while calling deallocator <function Fails.__del__>:\nTraceback",
    "selector": "returned []",
    "timed": "returned False",
}


@pytest.fixture(scope="module")
def absent():
    with Proxy(Filter.from_source(SOURCE, name="absent"), workers=1) as proxy:
        yield proxy


@pytest.mark.parametrize("case", EXPECTED)
def test_caught_exception_contains_the_replacement(absent, case):
    exchange = absent.get("/" + case)
    assert exchange.log[0].text.startswith(EXPECTED[case])
    assert exchange.response.status == 200
    assert not [line.text for line in exchange.log[1:] if "returned" not in line.text]


def test_exception_that_is_ignored_is_logged_with_its_lines(absent):
    assert "ZeroDivisionError: division by zero" in absent.get("/del").log[0].text


HELD = """
import threading

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
"""


def test_error_about_a_lock_that_is_never_released_has_its_line():
    with Proxy(Filter.from_source(HELD, name="held"), workers=1) as proxy:
        log = "\n".join(line.text for line in proxy.get("/").log)
    assert "line 8 in on_http_request_headers" in log
