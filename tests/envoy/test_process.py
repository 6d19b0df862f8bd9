"""Envoy leaves no processes or files behind, no matter how it ends."""

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
from wasmnb.envoy.process import scratch_folder
from wasmnb.errors import ModuleError, UsageError

from tests.envoy.processes import ends, running

pytestmark = pytest.mark.envoy


def test_close_leaves_neither_process_nor_files():
    process = EnvoyProcess(bootstrap([], []))
    assert process.admin.ready()
    pid, directory = process.pid, process.directory
    process.close()
    assert ends(pid)
    assert not directory.exists()
    process.close()


def test_refused_module_raises_the_error_of_envoy():
    with pytest.raises(EnvoyRefused, match="Missing or unknown Proxy-Wasm ABI version") as refused:
        Envoy(b"\0asm\x01\0\0\0")
    assert isinstance(refused.value, ModuleError)
    assert refused.value.exit_code == 1


def test_refusal_of_the_filter_includes_its_log():
    source = "class P(PluginContext):\n    def on_plugin_start(self, size):\n        raise ValueError('no realm')"
    with pytest.raises(EnvoyRefused) as refused:
        Envoy(Filter.from_source(source, filename="cell.py"), workers=2)
    text = str(refused.value)
    assert text.count("The filter's log: ") == 1
    assert 'File "cell.py", line 3, in on_plugin_start' in text and "ValueError: no realm" in text


def test_invalid_configuration_raises_envoys_error():
    config = bootstrap([], [], extra={"no_such_field": 1})
    with pytest.raises(EnvoyRefused, match="no_such_field"):
        EnvoyProcess(config)


def test_closed_envoy_refuses_requests(guest):
    envoy = Envoy(guest, workers=1)
    envoy.close()
    assert envoy.state == "closed"
    with pytest.raises(UsageError, match="is closed"):
        envoy.get("/")


def test_crashed_envoy_reports_its_exit_code(guest):
    with Envoy(guest, workers=1) as envoy:
        os.kill(envoy.process.pid, signal.SIGSEGV)
        while envoy.process.alive:
            time.sleep(0.01)
        with pytest.raises(UsageError, match="exited with code -11"):
            envoy.get("/")


def test_shutdown_runs_on_done(guest):
    envoy = Envoy(guest, workers=1, root_id="r")
    envoy.close()
    assert [line.text.partition(" ")[2] for line in envoy.log][-2:] == ["on_done(1)", "on_delete(1)"]


def start_elsewhere(tmp_path: Path, guest: Path, ending: str) -> tuple[subprocess.Popen, int]:
    """Start an interpreter that starts an Envoy, prints its process id and then runs some code."""
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


def test_end_of_the_interpreter_stops_envoy(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "")
    finish(child)
    assert ends(pid)


def test_interrupt_of_the_program_stops_envoy(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "time.sleep(60)\n")
    child.send_signal(signal.SIGINT)
    finish(child)
    assert ends(pid)


def test_caught_interrupt_does_not_stop_envoy(tmp_path, guest):
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


def test_killed_kernel_stops_envoy(tmp_path, guest):
    child, pid = start_elsewhere(tmp_path, guest, "time.sleep(60)\n")
    assert running(pid)
    child.kill()
    finish(child)
    assert ends(pid)


KILLED = """
import os, signal
from wasmnb.envoy import bootstrap
from wasmnb.envoy.process import EnvoyProcess
process = EnvoyProcess(bootstrap([], []))
print(process.directory, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_files_of_a_killed_process_are_removed_by_the_next():
    left = Path(subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True).stdout.strip())
    assert (left / "envoy.json").exists()
    with scratch_folder() as mine, scratch_folder():
        assert mine.path.exists()
    assert not left.exists()


WITHOUT_GUARD = KILLED.replace("process = ", """import wasmnb.envoy.process as module
guard = module.start_guard
def die(pid):
    print(pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
module.start_guard = die
process = """)


def test_envoy_of_a_process_that_was_killed_before_it_had_a_guard_is_ended_by_the_next():
    pid = int(subprocess.run([sys.executable, "-c", WITHOUT_GUARD], stdout=subprocess.PIPE, text=True).stdout.split()[0])
    assert running(pid)
    with scratch_folder():
        assert ends(pid)
