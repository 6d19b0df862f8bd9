"""Tables of Python state: differences are marked, hostile values are escaped."""

from wasmnb.host import PythonState
from wasmnb.host.inspect.python_state import ContextState, VmState
from wasmnb.view import mimebundle, python_state_html, python_state_text

HOSTILE = "'</td><script>alert(1)</script>\x1b[31m'"


def vm(number, thread, role, value, **options):
    contexts = (
        ContextState(1, "plugin", "auth", "P", {"hits": value, "same": "0"}),
        *([ContextState(7, "http", "exchange 3", "F", {"path": HOSTILE})] if role == "worker" else []),
    )
    return VmState(number, thread, role, "running", ("auth",), "", {"": {"total": value}}, {}, contexts, **options)


def state(*workers):
    return PythonState("auth", [vm(3, "main", "main", "0"), *workers])


def test_values_that_differ_between_workers_are_marked():
    text = python_state_text(state(vm(4, "worker-1", "worker", "5"), vm(5, "worker-2", "worker", "6")))
    assert "3 VMs; 2 variables differ between workers." in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "P of auth hits 0 main differs" in lines
    assert lines[lines.index("P of auth hits 0 main differs") + 1 :][:2] == ["5 worker-1", "6 worker-2"]
    assert "same 0 main, worker-1, worker-2" in " ".join(lines)
    agreed = python_state_text(state(vm(4, "worker-1", "worker", "5"), vm(5, "worker-2", "worker", "5")))
    assert "all workers agree" in agreed


def test_many_threads_are_counted():
    text = python_state_text(state(*(vm(n, f"worker-{n}", "worker", "5") for n in range(64))))
    assert "worker-0, worker-1, worker-2, worker-3 and 60 more" in text


def test_values_are_escaped_in_every_form():
    bundle = mimebundle(state(vm(4, "worker-1", "worker", HOSTILE)))
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "\x1b" not in bundle["text/plain"]


def test_unreadable_vm_shows_the_reason():
    broken = VmState(4, "worker-1", "worker", "running", ("auth",), "its Python interpreter trapped: unreachable")
    only = PythonState("auth", [broken])
    assert "VM4 on worker-1 can't be read: its Python interpreter trapped: unreachable." in python_state_text(only)
    assert "No VM could be read" in python_state_html(only)
