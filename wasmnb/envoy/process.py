"""Start, supervision and end of an Envoy process.

Envoy always ends with the Python process that started it. Usually, the context manager calls `close`, or a finalizer runs at
exit. A Jupyter kernel that is killed while it is busy doesn't run finalizers, so a guard (a shell) kills Envoy when the
shell's input ends. Envoy runs in its own session, so that the interrupt button, which signals the kernel's process group,
doesn't reach it.
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

#: Number of log lines that the error about a failed start contains.
_LAST_LINES = 10

#: Maximum number of lines of a stack trace in Envoy's log.
_STACK = 100

#: Pattern of a frame of a stack trace in Envoy's log. Frames have addresses but no names.
_STACK_FRAME = re.compile(r"#\d+: \[0x")

#: Maximum seconds between a segmentation fault and the end of the process, which writes a stack trace first.
_CRASHING = 5.0

#: Timeout of a readiness check in seconds. Envoy doesn't respond while it compiles.
_PROBE = 1.0


class EnvoyRefused(ModuleError):
    """Envoy didn't start, because it refused a module or the configuration, or wasn't ready in time.

    Parameters
    ----------
    message
        Text of the error.

    Attributes
    ----------
    lines
        Lines of Envoy's log.
    exit_code
        Exit code of Envoy, or None if wasmnb stopped it because it wasn't ready in time.
    """

    def __init__(self, message: str, lines: list[LogLine], exit_code: int | None) -> None:
        super().__init__(message)
        self.lines = lines
        self.exit_code = exit_code


class EnvoyProcess:
    """A running Envoy process. Creating the object starts Envoy, and waits until it is ready.

    Parameters
    ----------
    config
        Bootstrap configuration, as returned by `config.bootstrap`.
    concurrency
        Number of worker threads (default 1).
    log_level, wasm_log_level
        Level of Envoy's loggers (default "info"), and of its `wasm` logger, to which filters write (by default the same).
    startup
        Maximum seconds until Envoy is ready. By default (None), there is no limit while Envoy makes progress. On a busy
        machine, it can take minutes to compile a large module.
    progress
        Called during the start with a description of the step and a fraction from 0 to 1 (default None).
    binary
        Path of an Envoy executable. By default, the installed one is used.
    arguments
        Additional command-line arguments (default none).
    scratch
        Folder for Envoy's files. `close` removes the folder and its contents. By default, a new one is created.
    file_names
        Original names of source files by their names in the modules, as for `LogFile` (default None).

    Attributes
    ----------
    pid
        Id of the process.
    log
        Reader of Envoy's log file.
    admin
        Client of Envoy's admin interface.

    Raises
    ------
    UsageError
        Envoy isn't installed.
    EnvoyRefused
        Envoy exited, wasn't ready in time, or made no progress. The message contains Envoy's errors or the end of its log.
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
        self._guard.kill()  # the process id can be reused now, and the guard must not kill its new owner
        return False

    def current_lines(self) -> list[LogLine]:
        """Return the lines that Envoy has logged so far."""
        if self.alive:
            self.log.read()
        return self.log.lines

    @property
    def exit_code(self) -> int | None:
        """Exit code of Envoy, or None while it is running. A negative number is the signal that ended it."""
        return self._child.poll()

    def wait(self, timeout: float) -> bool:
        """Wait until Envoy has ended, for at most `timeout` seconds. Return whether it has ended."""
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self, timeout: float = 10.0) -> int:
        """Shut Envoy down so that contexts receive `on_done`, and read the rest of its log.

        Parameters
        ----------
        timeout
            Seconds after which Envoy is killed if it is still running (default 10).

        Returns
        -------
        int
            Exit code of Envoy.
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
        """Kill Envoy if it is running, and remove its files. The lines of its log stay available."""
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
    """Return the errors that Envoy logged when it crashed, or '' if it is running."""
    if process.alive and (not _is_answering(process.admin) or _is_dying(process)):
        process.wait(_CRASHING)
    if process.alive:
        return ""
    process.log.read(final=True)
    critical = [line.text.partition("\n")[0] for line in process.log.lines if line.level >= LogLevel.CRITICAL]
    lines = [text for text in critical if text and not _STACK_FRAME.match(text)][:_LAST_LINES]
    return "\n".join(lines) or f"exit code {process.exit_code}"


def _is_dying(process: EnvoyProcess) -> bool:
    """Return whether a worker is writing the stack trace of a crash. The main thread still responds during this time."""
    process.log.read()
    return any(line.logger == "backtrace" for line in process.log.lines[-_STACK:])


def _is_answering(admin: Admin) -> bool:
    try:
        admin.ready()
    except OSError:
        return False
    return True


def scratch_folder() -> ScratchFolder:
    """Create a folder for the files of one Envoy, and remove folders that killed processes have left behind."""
    parent = Path(tempfile.gettempdir()) / f"wasmnb-envoy-{os.getuid()}"
    with suppress(OSError):
        parent.mkdir(mode=0o700)
    status = parent.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        parent = Path(tempfile.mkdtemp(prefix="wasmnb-envoy-"))  # another user created the folder
    remove_abandoned(parent)
    return ScratchFolder(parent)


def _without_configuration(line: LogLine) -> str:
    """Return the text of a log line without the configuration that Envoy appends to its last error."""
    return line.text.partition(" initializing config ")[0]


def _is_ready(admin: Admin) -> bool:
    try:
        return admin.ready()
    except OSError:
        return False


def start_guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that kills Envoy when this Python process ends, because the shell's input ends at the same time."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -9 {pid}"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _reap(child: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], scratch: ScratchFolder) -> None:
    """Stop the guard, then Envoy. In the other order, the guard could kill a process that reuses Envoy's process id."""
    guard.kill()
    guard.wait()
    if guard.stdin:
        guard.stdin.close()
    if child.poll() is None:
        child.kill()
    child.wait()
    scratch.close()


def _thread_names(pid: int) -> dict[int, str]:
    """Return the names of Envoy's threads by thread id. Envoy calls its workers `wrk:worker_<n>`."""
    names = {pid: "main"}
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            name = (task / "comm").read_text().strip()
        except OSError:
            continue
        if name.startswith("wrk:worker_"):
            names[int(task.name)] = f"worker-{int(name.removeprefix('wrk:worker_')) + 1}"
    return names
