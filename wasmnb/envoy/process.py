"""One Envoy process, from its start to its end.

An Envoy always ends with the interpreter that started it: through `close`, which the context manager calls; through a
finalizer at exit; or through a guard, a shell that waits for the end of its input and then kills Envoy (a kernel that is
killed while it is busy runs no finalizers). Envoy has its own session, so the interrupt button, which signals the kernel's
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

#: Lines of the log that the message of a start in vain shows.
_LAST_LINES = 10

#: Lines of a stack in Envoy's log, at most.
_STACK = 100

#: A frame of a stack in Envoy's log: addresses without names.
_STACK_FRAME = re.compile(r"#\d+: \[0x")

#: Seconds that a process takes to end after a segmentation fault: it writes where it happened.
_CRASHING = 5.0

#: Seconds that an answer to the question whether Envoy is ready may take: while it compiles it doesn't answer.
_PROBE = 1.0


class EnvoyRefused(ModuleError):
    """Envoy did not start: it refused a module or the configuration.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    lines
        Envoy's log.
    exit_code
        Its exit code; None if it was stopped because it wasn't ready in time.
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
        Number of workers (1).
    log_level, wasm_log_level
        Level of Envoy's loggers ("info"), and of its `wasm` logger, which guests use (the same).
    startup
        Seconds until it must be ready. None, the default, for no end as long as it works: Envoy compiles a large module for
        minutes on a busy machine.
    progress
        Called with a text and the share that is done while it starts; by default nothing is shown.
    binary
        Path of an Envoy to use instead of the installed one.
    arguments
        More command line arguments.
    scratch
        Folder for its files, which `close` removes; by default a new one.
    file_names
        Names of files in tracebacks by their names in the modules, see `LogFile`.

    Attributes
    ----------
    pid
        The process id.
    log
        Reader of its log file.
    admin
        Its admin interface.

    Raises
    ------
    UsageError
        Envoy isn't installed.
    EnvoyRefused
        Envoy ends, isn't ready in time, or does nothing any more; the message has Envoy's errors or the end of its log.
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
        self._guard = _guard(self.pid)
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
        """Whether the process runs."""
        if self._child.poll() is None:
            return True
        self._guard.kill()  # another process may get the process id now
        return False

    def current_lines(self) -> list[LogLine]:
        """Return the lines of the log so far."""
        if self.alive:
            self.log.read()
        return self.log.lines

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._child.poll()

    def wait(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for its end; return whether it has ended."""
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self, timeout: float = 10.0) -> int:
        """Shut it down (contexts get their `on_done`), and read the rest of its log.

        Parameters
        ----------
        timeout
            Seconds until it is killed (10).

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
        """Kill it, and read the rest of its log."""
        self._child.kill()
        self._child.wait()
        self.log.read(final=True)

    def close(self) -> None:
        """Kill it if it runs, and remove its files. The lines of the log stay."""
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
    """Return what a process that has ended by itself logged about it; empty if it runs."""
    if process.alive and (not _is_answering(process.admin) or _is_dying(process)):
        process.wait(_CRASHING)
    if process.alive:
        return ""
    process.log.read(final=True)
    critical = [line.text.partition("\n")[0] for line in process.log.lines if line.level >= LogLevel.CRITICAL]
    lines = [text for text in critical if text and not _STACK_FRAME.match(text)][:_LAST_LINES]
    return "\n".join(lines) or f"exit code {process.exit_code}"


def _is_dying(process: EnvoyProcess) -> bool:
    """Return whether a worker is writing the stack of its crash, while the main thread still answers."""
    process.log.read()
    return any(line.logger == "backtrace" for line in process.log.lines[-_STACK:])


def _is_answering(admin: Admin) -> bool:
    try:
        admin.ready()
    except OSError:
        return False
    return True


def scratch_folder() -> ScratchFolder:
    """A folder for one Envoy's files; what Envoys of killed processes have left is removed."""
    parent = Path(tempfile.gettempdir()) / f"wasmnb-envoy-{os.getuid()}"
    with suppress(OSError):
        parent.mkdir(mode=0o700)
    status = parent.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        parent = Path(tempfile.mkdtemp(prefix="wasmnb-envoy-"))  # somebody else has made it
    remove_abandoned(parent)
    return ScratchFolder(parent)


def _without_configuration(line: LogLine) -> str:
    """Return a line's text without the dump of the whole configuration that Envoy adds to the last one."""
    return line.text.partition(" initializing config ")[0]


def _is_ready(admin: Admin) -> bool:
    try:
        return admin.ready()
    except OSError:
        return False


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that kills Envoy at the end of its input, which comes when this process ends."""
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read _; kill -9 {pid}"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _reap(child: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], scratch: ScratchFolder) -> None:
    """Stop the guard first, then Envoy: once Envoy is waited for, another process may get its id."""
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
