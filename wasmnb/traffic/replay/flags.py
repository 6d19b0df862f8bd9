"""Flags of `%wasmreplay`, `%wasmdiff`, `wasmnb replay` and `wasmnb diff`, and the recording that they name."""

from __future__ import annotations

import multiprocessing
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from ...errors import UsageError
from ..recorded.file_formats import FORMATS
from ..recorded.traffic import RecordedTraffic, read_traffic

__all__ = ["PROCESSES", "SPEED", "TRAFFIC_FLAGS", "executor_of", "recording_of"]

Flag = tuple[tuple[str, ...], dict[str, Any]]

#: The recording, and the assignment of its requests to workers.
TRAFFIC_FLAGS: tuple[Flag, ...] = (
    (("recording",), {"nargs": "?", "metavar": "TRAFFIC", "help": "A recording: HAR, .jsonl, Envoy tap, access log, curl, raw HTTP/1."}),
    (("--traffic", "-t"), {"metavar": "PATH", "help": "The recording, as an alternative to TRAFFIC."}),
    (("--format",), {"choices": tuple(FORMATS), "help": "Format of the recording (recognised by default)."}),
    (("--field",), {"action": "append", "metavar": "PART=KEY", "help": "A key of an access log, e.g. method=verb; may be repeated."}),
    (("--no-mask",), {"action": "store_true", "help": "Keep credentials, cookies and tokens as they were recorded."}),
    (("--workers", "-w"), {"type": int, "metavar": "N", "help": "Worker threads."}),
    (("--assign",), {"default": "round robin", "metavar": "HOW", "help": "Worker of a request: 'round robin', connection or header:NAME (default 'round robin')."}),
)  # fmt: skip

SPEED: Flag = (("--speed",), {"type": float, "metavar": "FACTOR", "help": "Multiple of the recorded speed, in virtual time. Without it, requests are sent one after the other."})  # fmt: skip

PROCESSES: Flag = (
    ("--processes", "-p"),
    {"type": int, "metavar": "N", "help": "Divide the work between N processes."},
)


def recording_of(options: Namespace) -> RecordedTraffic:
    """Return the recording that flags name.

    Raises
    ------
    UsageError
        No recording is named, or two are, or a field isn't PART=KEY.
    """
    if (options.recording is None) == (options.traffic is None):
        raise UsageError("Name one recording, as TRAFFIC or with --traffic PATH.")
    fields: dict[str, str] = {}
    for field in options.field or ():
        part, sign, key = field.partition("=")
        if not sign:
            raise UsageError(f"--field must be PART=KEY, not {field!r}.")
        fields[part] = key
    path = options.recording if options.traffic is None else options.traffic
    return read_traffic(path, format=options.format, mask=not options.no_mask, fields=fields or None)


@contextmanager
def executor_of(options: Namespace) -> Iterator[Executor | None]:
    """Return an executor with the number of processes in `--processes`, or None without the flag.

    Raises
    ------
    UsageError
        The number of processes is less than 1.
    """
    if options.processes is None:
        yield None
        return
    if options.processes < 1:
        raise UsageError(f"--processes must be at least 1, not {options.processes}.")
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        yield pool
