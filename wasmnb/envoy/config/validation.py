"""Validation of a configuration file by the real Envoy.

In Envoy 1.40, `--mode validate` reads the file in about 60 ms. For errors in YAML syntax it reports the line, and for all other
errors a path such as `static_resources.listeners[0].filter_chains[0]`. The next step would load the listeners and their
modules, which takes seconds, so Envoy is killed before that step.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ...errors import UsageError
from ..binary import find_envoy

__all__ = ["config_problem"]

_READ = re.compile(r"loading \d+ listener\(s\)")
_REFUSED = re.compile(r"error initializing configuration '[^']*': (?P<text>.*)", re.DOTALL)
_CONSTRAINT = "Proto constraint validation failed"  # comes after a dump of the whole message
_LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d ")


def config_problem(path: Path) -> str | None:
    """Return Envoy's error about a configuration file, or None if there is no error or Envoy isn't installed."""
    try:
        envoy = find_envoy()
    except UsageError:
        return None
    command = [str(envoy), "--mode", "validate", "-c", str(path.resolve()), "-l", "info"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        lines: list[str] = []
        for line in process.stderr:
            if _READ.search(line):
                process.kill()
                return None
            lines.append(line)
    return _error(lines)


def _error(lines: list[str]) -> str | None:
    """Return the error in the lines of Envoy's log, or None. An error can have several lines."""
    for number, line in enumerate(lines):
        if _REFUSED.search(line):
            record = [line]
            for following in lines[number + 1 :]:
                if _LOG_LINE.match(following):
                    break
                record.append(following)
            match = _REFUSED.search("".join(record))
            assert match is not None
            text = " ".join(match["text"].split())
            return text[text.rfind(_CONSTRAINT) :] if _CONSTRAINT in text else text
    return None
