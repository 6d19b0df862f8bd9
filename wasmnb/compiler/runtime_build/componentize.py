"""Runs componentize-py, which makes a component from Python sources, in a separate process.

Facts: componentize-py is a Rust program inside an extension module. In this process it couldn't be interrupted, and its errors
would bypass `sys.stderr`. It adds the site-packages that it finds through VIRTUAL_ENV and PATH, so both are hidden from it: a
runtime must contain only what its key covers. It unpacks Python's library into TMPDIR, which is in the folder that this process
removes. `..provenance.fixed_inputs` makes its result the same in every build.
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

#: Seconds between two polls of the process.
_STEP = 0.1


class ComponentizeError(BuildError):
    """componentize-py failed. Its output is in the attribute `output`."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.output = log


def componentize(folder: Path, wait: Callable[[float], None], secret: bytes = bytes(32)) -> bytes:
    """Make a component from a folder that `staging.stage` has filled.

    Parameters
    ----------
    folder
        The staged folder.
    wait
        Function that is called with the elapsed seconds, every 0.1 seconds.
    secret
        32 bytes that the guest gets as random bytes, from which Python makes its hash secret (default zeros).

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
            start_new_session=True,  # Ctrl-C must not reach it before it reaches this process
        )
        code = _finish(process, wait)
        log.seek(0)
        text = re.sub(r"\x1b\[[0-9;]*m", "", log.read().decode("utf-8", "replace"))
    if code or not output.exists():
        raise ComponentizeError(_explain(code, text), text)
    return output.read_bytes()


def _finish(process: subprocess.Popen[bytes], wait: Callable[[float], None]) -> int:
    """Wait for the process, and return its exit code. An exception kills the process."""
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
        return "componentize-py isn't installed. Run: pip install 'componentize-py>=0.25.1,<0.26'"
    if "No space left on device" in log:
        return "The disk is full, and building a runtime needs up to 400 MB. Free some space, or set WASMNB_CACHE to a folder on another disk."
    lines = [line.strip() for line in log.partition("Stack backtrace:")[0].splitlines() if line.strip()]
    reason = lines[-1] if lines else f"exit code {code}"
    return f"componentize-py couldn't build the runtime: {reason}"
