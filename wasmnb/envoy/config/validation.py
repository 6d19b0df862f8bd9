"""Envoy's own word on a configuration file, for those who have Envoy installed.

Facts (Envoy 1.40): `--mode validate` reads the file in some 60 ms and names what is wrong, with the line for YAML's own
grammar and with a path such as `static_resources.listeners[0].filter_chains[0]` for everything else. Then it would load
the listeners, modules and all, which takes seconds: it is stopped before.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ...errors import UsageError
from ..binary import find_envoy

__all__ = ["config_problem"]

_READ = re.compile(r"loading \d+ listener\(s\)")
_REFUSED = re.compile(r"error initializing configuration '[^']*': (?P<words>.*)", re.DOTALL)
_CONSTRAINT = "Proto constraint validation failed"  # comes after a dump of the whole message
_LOG_LINE = re.compile(r"^\[\d{4}-\d\d-\d\d ")


def config_problem(path: Path) -> str | None:
    """What Envoy says against a file; None if it takes it, or if no Envoy is installed."""
    try:
        envoy = find_envoy()
    except UsageError:
        return None
    command = [str(envoy), "--mode", "validate", "-c", str(path.resolve()), "-l", "info"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            if _READ.search(line):
                process.kill()
                return None
            said.append(line)
    return _words(said)


def _words(said: list[str]) -> str | None:
    """The refusal, which may run over several lines of the log."""
    for number, line in enumerate(said):
        if _REFUSED.search(line):
            more = [line]
            for following in said[number + 1 :]:
                if _LOG_LINE.match(following):
                    break
                more.append(following)
            found = _REFUSED.search("".join(more))
            assert found is not None
            words = " ".join(found["words"].split())
            return words[words.rfind(_CONSTRAINT) :] if _CONSTRAINT in words else words
    return None
