"""One Envoy process: started, awaited, watched and always stopped.

Three things see to it that no Envoy is left behind: `close`, which the context manager calls; an `atexit` hook; and a
guard, a shell that waits for the end of its input, which comes when this interpreter is gone for whatever reason
(a kernel restarted while busy is killed and runs no hooks). Envoy has a session of its own, so the interrupt button,
which signals the kernel's process group, does not reach it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..abi import LogLevel
from ..errors import ModuleError
from .admin import Admin
from .binary import find_envoy
from .log import LogFile, LogLine, log_format

__all__ = ["EnvoyProcess", "EnvoyRefused"]


class EnvoyRefused(ModuleError):
    """Envoy did not start: it refused a module or the configuration.

    Attributes
    ----------
    lines
        Envoy's log up to its end.
    exit_code
        What it ended with; None if it hung and was stopped.
    """

    def __init__(self, message: str, lines: list[LogLine], exit_code: int | None) -> None:
        super().__init__(message)
        self.lines = lines
        self.exit_code = exit_code


class EnvoyProcess:
    """A running Envoy.

    Parameters
    ----------
    config
        The bootstrap (`config.bootstrap`).
    concurrency
        Number of workers.
    log_level
        Envoy's own level; `wasm_log_level` is that of the `wasm` logger, through which guests log.
    startup
        Seconds until it must be ready.

    Raises
    ------
    EnvoyRefused
        If it ends or hangs before it is ready; the message holds Envoy's own words.
    """

    def __init__(
        self,
        config: dict[str, Any],
        *,
        concurrency: int = 1,
        log_level: str = "info",
        wasm_log_level: str | None = None,
        startup: float = 60.0,
        binary: str | os.PathLike[str] | None = None,
        arguments: Sequence[str] = (),
        directory: Path | None = None,
    ) -> None:
        executable = find_envoy(binary)
        self.directory = Path(directory or tempfile.mkdtemp(prefix="wasmnb-envoy-"))
        token = secrets.token_hex(8)
        (self.directory / "envoy.json").write_text(json.dumps(config, indent=1))
        command = [
            str(executable), "-c", str(self.directory / "envoy.json"), "--concurrency", str(concurrency),
            "--disable-hot-restart", "--admin-address-path", str(self.directory / "admin"),
            "-l", log_level, "--component-log-level", f"wasm:{wasm_log_level or log_level}",
            "--log-format", log_format(token), "--file-flush-interval-msec", "20", *arguments,
        ]  # fmt: skip
        with (self.directory / "log").open("wb") as sink:
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True, cwd=self.directory
            )
        self.pid = self._child.pid
        self._guard = _guard(self.pid)
        self._finalizer = weakref.finalize(self, _reap, self._child, self._guard, self.directory)
        self.log = LogFile(self.directory / "log", token)
        self.log.name_threads({self.pid: "main"})
        try:
            self.admin = self._await(startup)
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        if self._child.poll() is None:
            return True
        self._guard.kill()  # the process id is free now, and may become somebody else's
        return False

    @property
    def exit_code(self) -> int | None:
        """What it ended with; negative for a signal; None while it runs."""
        return self._child.poll()

    def terminate(self, timeout: float = 10.0) -> int:
        """Ask it to shut down (contexts get their `on_done`), wait, read the last of its log; the exit code."""
        if self.alive:
            self._child.send_signal(signal.SIGTERM)
        try:
            code = self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            self._child.kill()
            code = self._child.wait()
        self.log.read(final=True)
        return code

    def kill(self) -> None:
        """Stop it at once."""
        self._child.kill()
        self._child.wait()
        self.log.read(final=True)

    def close(self) -> None:
        """Stop it if it runs, and remove its files. The log that was read stays."""
        if self.alive:
            self.kill()
        if hasattr(self, "admin"):
            self.admin.close()
        self.log.close()
        self._finalizer()

    def _await(self, startup: float) -> Admin:
        deadline = time.monotonic() + startup
        address = self.directory / "admin"
        admin: Admin | None = None
        while time.monotonic() < deadline:
            if not self.alive:
                raise self._refused()
            if admin is None and address.exists() and (text := address.read_text()):
                host, _, port = text.rpartition(":")
                admin = Admin(host, int(port))
            if admin is not None and _answers(admin):
                self.log.name_threads(_threads(self.pid))
                self.log.read()
                return admin
            time.sleep(0.01)
        raise EnvoyRefused(f"Envoy was not ready after {startup:g} seconds.", self.log.read(final=True), None)

    def _refused(self) -> EnvoyRefused:
        self.log.read(final=True)
        lines = self.log.lines
        serious = [line for line in lines if line.level >= LogLevel.ERROR]
        guests = dict.fromkeys(line.text for line in serious if line.from_guest)  # one VM a worker says it, too
        said = [f"The filter said: {text}" for text in guests] + [
            _words(line) for line in serious if not line.from_guest
        ]
        words = "\n".join(said) or self.log.stray.strip() or "it said nothing"
        return EnvoyRefused(f"Envoy refused to start:\n{words}", list(lines), self.exit_code)


def _words(line: LogLine) -> str:
    """What a line says, without the dump of the whole configuration that Envoy adds to its last one."""
    return line.text.partition(" initializing config ")[0]


def _answers(admin: Admin) -> bool:
    try:
        return admin.ready()
    except OSError:
        return False


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """A shell that ends Envoy when its input ends: the write end of the pipe lives and dies with this process."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -9 {pid}"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _reap(child: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], directory: Path) -> None:
    """Stop the guard before the child is waited for: a process id that is free again must not be killed."""
    guard.kill()
    guard.wait()
    if guard.stdin:
        guard.stdin.close()
    if child.poll() is None:
        child.kill()
    child.wait()
    shutil.rmtree(directory, ignore_errors=True)


def _threads(pid: int) -> dict[int, str]:
    """Names of Envoy's threads: the main thread has the process's id, workers call themselves `wrk:worker_<n>`."""
    found = {pid: "main"}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("wrk:worker_"):
            found[int(task.name)] = f"worker-{int(name.removeprefix('wrk:worker_')) + 1}"
    return found
