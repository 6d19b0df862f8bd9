"""One Envoy process, from its start to its end.

An Envoy always ends with the Python process that started it: through `close`, which the context manager calls; through a
finalizer at exit; or through a guard, which is a shell that kills Envoy when its own input ends (a Jupyter kernel that is
killed while it is busy runs no finalizers). Envoy runs in its own session, so the interrupt button, which signals the kernel's
process group, doesn't reach it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import stat
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._scratch import ScratchFolder, remove_abandoned
from ..abi import LogLevel
from ..errors import ModuleError
from .admin import Admin
from .binary import find_envoy
from .log import LogFile, LogLine, log_format
from .startup import Progress, StartWait

__all__ = ["EnvoyProcess", "EnvoyRefused", "crash_of", "scratch_folder"]

#: Lines of the log that the error about a failed start shows.
_LAST_LINES = 10

#: Maximum lines of a stack trace in Envoy's log.
_STACK = 100

#: A frame of a stack trace in Envoy's log, which has addresses but no names.
_STACK_FRAME = re.compile(r"#\d+: \[0x")

#: Maximum seconds between a segmentation fault and the end of the process, which first writes a stack trace.
_CRASHING = 5.0

#: Seconds to wait for the response of a readiness check: Envoy doesn't respond while it compiles.
_PROBE = 1.0


class EnvoyRefused(ModuleError):
    """Envoy didn't start: it refused a module or the configuration, or wasn't ready in time.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    lines
        The lines of Envoy's log.
    exit_code
        Envoy's exit code; None if wasmnb stopped it because it wasn't ready in time.
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
        The bootstrap configuration, from `config.bootstrap`.
    concurrency
        Number of worker threads (default 1).
    log_level, wasm_log_level
        Level of Envoy's loggers (default "info"), and of its `wasm` logger, which guests use (by default the same).
    startup
        Seconds until it must be ready. None (the default): no limit while it makes progress. On a busy machine, Envoy can take
        minutes to compile a large module.
    progress
        Called during the start with a description of the step and the fraction that is done, from 0 to 1. By default, nothing is
        called.
    binary
        Path of an Envoy executable. By default, the installed one is used.
    arguments
        Further command-line arguments (default none).
    scratch
        Scratch folder for its files. `close` removes it with everything in it. By default, a new one is created.
    file_names
        The original names of source files by their names in the modules, as for `LogFile` (default none).

    Attributes
    ----------
    pid
        The process id.
    log
        The reader of its log file.
    admin
        Its admin interface.

    Raises
    ------
    UsageError
        Envoy isn't installed.
    EnvoyRefused
        Envoy exits, isn't ready in time, or makes no progress. The message contains Envoy's errors or the end of its log.
    """

    def __init__(
        self,
        config: dict[str, Any],
        *,
        concurrency: int = 1,
        log_level: str = "info",
        wasm_log_level: str | None = None,
        startup: float | None = None,
        progress: Progress | None = None,
        binary: str | os.PathLike[str] | None = None,
        arguments: Sequence[str] = (),
        scratch: ScratchFolder | None = None,
        file_names: Mapping[str, str] | None = None,
    ) -> None:
        executable = find_envoy(binary)
        scratch = scratch or scratch_folder()
        self.directory = scratch.path
        token = secrets.token_hex(8)
        (self.directory / "envoy.json").write_text(json.dumps(config, indent=1))
        command = [
            str(executable), "-c", str(self.directory / "envoy.json"), "--concurrency", str(concurrency),
            "--disable-hot-restart", "--admin-address-path", str(self.directory / "admin"),
            "-l", log_level, "--component-log-level", f"wasm:{wasm_log_level or log_level}",
            "--log-format", log_format(token), "--file-flush-interval-msec", "20", *arguments,
        ]  # fmt: skip
        with (self.directory / "log").open("wb") as log_file:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                start_new_session=True,
                cwd=self.directory,
            )
        self.pid = self._child.pid
        self._guard = start_guard(self.pid)
        self._finalizer = weakref.finalize(self, _reap, self._child, self._guard, scratch)
        self.log = LogFile(self.directory / "log", token, file_names)
        self.log.name_threads({self.pid: "main"})
        try:
            self.admin = self._wait_until_ready(StartWait(self.pid, self.directory / "log", startup, progress))
        except BaseException:
            self.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        if self._child.poll() is None:
            return True
        self._guard.kill()  # another process can get the process id now
        return False

    def current_lines(self) -> list[LogLine]:
        """Return the lines of the log so far."""
        if self.alive:
            self.log.read()
        return self.log.lines

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it); None while the process is running."""
        return self._child.poll()

    def wait(self, timeout: float) -> bool:
        """Wait for the end of the process, for at most `timeout` seconds, and return whether it has ended."""
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self, timeout: float = 10.0) -> int:
        """Shut Envoy down, so that contexts get their `on_done`, and read the rest of its log.

        Parameters
        ----------
        timeout
            Seconds after which Envoy is killed if it hasn't ended (default 10).

        Returns
        -------
        int
            The exit code.
        """
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
        """Kill Envoy, and read the rest of its log."""
        self._child.kill()
        self._child.wait()
        self.log.read(final=True)

    def close(self) -> None:
        """Kill Envoy if it is running, and remove its files. The log lines stay available."""
        if self.alive:
            self.kill()
        if hasattr(self, "admin"):
            self.admin.close()
        self.log.close()
        self._finalizer()

    def _wait_until_ready(self, wait: StartWait) -> Admin:
        address = self.directory / "admin"
        admin: Admin | None = None
        while not (problem := wait.problem()):
            if not self.alive:
                raise self._refused()
            if admin is None and address.exists() and (text := address.read_text()):
                host, _, port = text.rpartition(":")
                admin = Admin(host, int(port), timeout=_PROBE)
            if admin is not None and _is_ready(admin):
                admin.close()
                self.log.name_threads(_thread_names(self.pid))
                self.log.read()
                return Admin(admin.host, admin.port)
            wait.pause()
        self.log.read(final=True)
        lines = list(self.log.lines)
        last = "".join(f"\n  {_without_configuration(line)}" for line in lines[-_LAST_LINES:])
        raise EnvoyRefused(f"{problem}. The end of its log:{last or ' empty.'}", lines, None)

    def _refused(self) -> EnvoyRefused:
        self.log.read(final=True)
        lines = self.log.lines
        errors = [line for line in lines if line.level >= LogLevel.ERROR]
        guest_texts = dict.fromkeys(line.text for line in errors if line.from_guest)  # every VM writes the same
        texts = [f"The filter's log: {text}" for text in guest_texts]
        texts += [_without_configuration(line) for line in errors if not line.from_guest]
        reason = "\n".join(texts) or self.log.stray.strip() or "it logged no error"
        return EnvoyRefused(f"Envoy refused to start:\n{reason}", list(lines), self.exit_code)


def crash_of(process: EnvoyProcess) -> str:
    """Return what Envoy logged about its crash; an empty string if it is running."""
    if process.alive and (not _is_answering(process.admin) or _is_dying(process)):
        process.wait(_CRASHING)
    if process.alive:
        return ""
    process.log.read(final=True)
    critical = [line.text.partition("\n")[0] for line in process.log.lines if line.level >= LogLevel.CRITICAL]
    lines = [text for text in critical if text and not _STACK_FRAME.match(text)][:_LAST_LINES]
    return "\n".join(lines) or f"exit code {process.exit_code}"


def _is_dying(process: EnvoyProcess) -> bool:
    """Return whether a worker is writing the stack trace of its crash, while the main thread still responds."""
    process.log.read()
    return any(line.logger == "backtrace" for line in process.log.lines[-_STACK:])


def _is_answering(admin: Admin) -> bool:
    try:
        admin.ready()
    except OSError:
        return False
    return True


def scratch_folder() -> ScratchFolder:
    """Create a folder for one Envoy's files, and remove those that killed processes have left behind."""
    parent = Path(tempfile.gettempdir()) / f"wasmnb-envoy-{os.getuid()}"
    with suppress(OSError):
        parent.mkdir(mode=0o700)
    status = parent.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        parent = Path(tempfile.mkdtemp(prefix="wasmnb-envoy-"))  # another user has created it
    remove_abandoned(parent)
    return ScratchFolder(parent)


def _without_configuration(line: LogLine) -> str:
    """Return a line's text without the dump of the configuration that Envoy adds to its last error."""
    return line.text.partition(" initializing config ")[0]


def _is_ready(admin: Admin) -> bool:
    try:
        return admin.ready()
    except OSError:
        return False


def start_guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that kills Envoy when its input ends, which happens when this process ends."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -9 {pid}"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _reap(child: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], scratch: ScratchFolder) -> None:
    """Stop the guard first, then Envoy: after Envoy's end, another process can get its id, and the guard must not kill that."""
    guard.kill()
    guard.wait()
    if guard.stdin:
        guard.stdin.close()
    if child.poll() is None:
        child.kill()
    child.wait()
    scratch.close()


def _thread_names(pid: int) -> dict[int, str]:
    """Return Envoy's names of its threads by id. The main thread has the process id; workers are called `wrk:worker_<n>`."""
    names = {pid: "main"}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("wrk:worker_"):
            names[int(task.name)] = f"worker-{int(name.removeprefix('wrk:worker_')) + 1}"
    return names
