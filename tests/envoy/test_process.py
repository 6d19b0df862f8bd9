"""Nothing is left behind, however it ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from wasmnb.compiler import Filter
from wasmnb.envoy import Envoy, EnvoyProcess, EnvoyRefused, bootstrap
from wasmnb.errors import ModuleError, UsageError

from tests.envoy.processes import ends, running

pytestmark = pytest.mark.envoy


def test_start_and_close_leave_no_process_and_no_files():
    process = EnvoyProcess(bootstrap([], []))
    assert process.admin.ready()
    pid, directory = process.pid, process.directory
    process.close()
    assert ends(pid)
    assert not directory.exists()
    process.close()


def test_a_module_that_envoy_refuses_is_refused_in_envoys_words():
    with pytest.raises(EnvoyRefused, match="Missing or unknown Proxy-Wasm ABI version") as refused:
        Envoy(b"\0asm\x01\0\0\0")
    assert isinstance(refused.value, ModuleError)
    assert refused.value.exit_code == 1


def test_a_filter_that_refuses_to_start_is_told_with_what_it_said():
    source = "class P(PluginContext):\n    def on_plugin_start(self, size):\n        raise ValueError('no realm')"
    with pytest.raises(EnvoyRefused) as refused:
        Envoy(Filter.from_source(source, filename="cell.py"), workers=2)
    text = str(refused.value)
    assert text.count("The filter said: ") == 1
    assert 'File "cell.py", line 3, in on_plugin_start' in text and "ValueError: no realm" in text


def test_a_configuration_that_is_wrong_is_refused_in_envoys_words():
    config = bootstrap([], [], extra={"no_such_field": 1})
    with pytest.raises(EnvoyRefused, match="no_such_field"):
        EnvoyProcess(config)


def test_a_closed_envoy_says_so(guest):
    envoy = Envoy(guest, workers=1)
    envoy.close()
    assert envoy.state == "closed"
    with pytest.raises(UsageError, match="is closed"):
        envoy.get("/")


def test_an_envoy_that_crashed_says_so(guest):
    with Envoy(guest, workers=1) as envoy:
        os.kill(envoy.process.pid, signal.SIGSEGV)
        while envoy.process.alive:
            time.sleep(0.01)
        with pytest.raises(UsageError, match="ended by itself"):
            envoy.get("/")


def test_shutdown_lets_contexts_finish(guest):
    envoy = Envoy(guest, workers=1, root_id="r")
    envoy.close()
    assert [line.text.partition(" ")[2] for line in envoy.log][-2:] == ["on_done(1)", "on_delete(1)"]


def start_elsewhere(tmp_path: Path, guest: Path, ending: str) -> tuple[subprocess.Popen, int]:
    """An interpreter of its own that starts an Envoy, says its process id and then does something."""
    script = tmp_path / "user.py"
    script.write_text(textwrap.dedent("""
        import sys, time
        from wasmnb.envoy import Envoy
        envoy = Envoy(sys.argv[1], workers=1)
        print(envoy.process.pid, flush=True)
    """) + ending)
    child = subprocess.Popen([sys.executable, script, guest], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return child, int(child.stdout.readline())


def finish(child: subprocess.Popen) -> None:
    child.stdout.close()
    child.wait(20)


def test_the_end_of_the_interpreter_stops_it(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "")
    finish(child)
    assert ends(pid)


def test_an_interrupt_stops_it(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "time.sleep(60)\n")
    child.send_signal(signal.SIGINT)
    finish(child)
    assert ends(pid)


def test_an_interrupt_that_is_caught_leaves_it_running(tmp_path, guest):
    ending = textwrap.dedent("""
        try:
            print("waiting", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print(envoy.get("/").response.status, flush=True)
    """)
    child, pid = start_elsewhere(tmp_path, guest, ending)
    assert child.stdout.readline() == "waiting\n"
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() == "200\n"
    finish(child)
    assert ends(pid)


def test_a_kernel_that_is_killed_takes_it_along(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "time.sleep(60)\n")
    assert running(pid)
    child.kill()
    finish(child)
    assert ends(pid)
