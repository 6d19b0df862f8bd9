"""Execution of componentize-py, which makes a component from Python sources, in a separate process.

componentize-py is a Rust program inside an extension module. In this process it couldn't be interrupted, and its errors would
bypass `sys.stderr`. It would add the site-packages that it finds through VIRTUAL_ENV and PATH, so both variables are hidden
from it. A runtime must contain only modules that its key covers. componentize-py unpacks Python's library into TMPDIR, which is
inside the folder that this process removes. `..provenance.fixed_inputs` makes the result the same in every build.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from ..._processes import python_command
from ...errors import BuildError
from ..provenance.fixed_inputs import FIXED_INPUTS, are_fixed_inputs_possible
from .staging import APP, SITE
from .wit import WORLD

__all__ = ["ComponentizeError", "componentize"]

_RUN = "import componentize_py; sys.argv[0] = 'componentize-py'; sys.exit(componentize_py.script())"

#: Seconds between two checks whether the process has ended.
_STEP = 0.1


class ComponentizeError(BuildError):
    """componentize-py failed. The attribute `output` contains its output."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.output = log


def componentize(folder: Path, wait: Callable[[float], None], secret: bytes = bytes(32)) -> bytes:
    """Make a component from a folder that was filled by `staging.stage`.

    Parameters
    ----------
    folder
        Path of the staged folder.
    wait
        Called every 0.1 seconds with the elapsed seconds.
    secret
        32 bytes that the guest receives as random bytes. Python derives its hash secret from them (default zeros).

    Raises
    ------
    ComponentizeError
        componentize-py isn't installed, or failed.
    """
    output = folder / "component.wasm"
    arguments = ["-d", "wit", "-w", WORLD, "componentize", "-p", "app", "-p", SITE, APP, "-o", str(output)]
    environment = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}
    (folder / "tmp").mkdir()
    environment.update(PATH=str(folder), PYTHONSAFEPATH="1", TMPDIR=str(folder / "tmp"))
    run = _RUN
    if are_fixed_inputs_possible():
        run, arguments = FIXED_INPUTS + _RUN, [secret.hex(), *arguments]
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            python_command(run, arguments),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C doesn't reach the process before it reaches this one
        )
        code = _finish(process, wait)
        log.seek(0)
        text = re.sub(r"\x1b\[[0-9;]*m", "", log.read().decode("utf-8", "replace"))
    if code or not output.exists():
        raise ComponentizeError(_explain(code, text), text)
    return output.read_bytes()


def _finish(process: subprocess.Popen[bytes], wait: Callable[[float], None]) -> int:
    """Wait until the process has ended, and return its exit code. If an exception is raised while waiting, kill the process."""
    seconds = 0.0
    try:
        while True:
            try:
                return process.wait(_STEP)
            except subprocess.TimeoutExpired:
                seconds += _STEP
                wait(seconds)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _explain(code: int, log: str) -> str:
    if "No module named 'componentize_py'" in log:
        return "componentize-py isn't installed. Run `pip install 'componentize-py>=0.25.1,<0.26'`."
    if "No space left on device" in log:
        return (
            "The disk is full, but building a runtime needs up to 400 MB. "
            "Free some space, or set WASMNB_CACHE to a folder on another disk."
        )
    lines = [line.strip() for line in log.partition("Stack backtrace:")[0].splitlines() if line.strip()]
    reason = lines[-1] if lines else f"exit code {code}"
    return f"componentize-py couldn't build the runtime: {reason}"
