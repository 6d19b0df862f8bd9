"""Flags of `%wasmreplay`, `%wasmdiff`, `wasmnb replay` and `wasmnb diff`, and functions that evaluate them."""

from __future__ import annotations

import multiprocessing
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from ..._flags import Flag
from ...errors import UsageError
from ..recorded.file_formats import FORMATS
from ..recorded.traffic import RecordedTraffic, read_traffic

__all__ = ["PROCESSES", "SPEED", "TRAFFIC_FLAGS", "executor_of", "recording_of"]

#: Flags for the recording and for the assignment of its requests to workers.
TRAFFIC_FLAGS: tuple[Flag, ...] = (
    (("recording",), {"nargs": "?", "metavar": "TRAFFIC", "help": "The recording: HAR, .jsonl, Envoy tap, access log, curl commands or raw HTTP/1."}),
    (("--traffic", "-t"), {"metavar": "PATH", "help": "The recording. Same as TRAFFIC."}),
    (("--format",), {"choices": tuple(FORMATS), "help": "Format of the recording (default: recognised by its contents)."}),
    (("--field",), {"action": "append", "metavar": "PART=KEY", "help": "Key of a part of an exchange in an access log, e.g. method=verb. May be repeated."}),
    (("--no-mask",), {"action": "store_true", "help": "Keep credentials, cookies and tokens as they were recorded."}),
    (("--workers", "-w"), {"type": int, "metavar": "N", "help": "Number of worker threads."}),
    (("--assign",), {"default": "round robin", "metavar": "HOW", "help": "Assignment of requests to workers: 'round robin', connection or header:NAME (default 'round robin')."}),
)  # fmt: skip

SPEED: Flag = (("--speed",), {"type": float, "metavar": "FACTOR", "help": "Multiple of the recorded speed, in virtual time (default: each request is sent when the previous one has ended)."})  # fmt: skip

PROCESSES: Flag = (
    ("--processes", "-p"),
    {"type": int, "metavar": "N", "help": "Number of processes to run in parallel (default: run in this process)."},
)


def recording_of(options: Namespace) -> RecordedTraffic:
    """Open the recording that the flags refer to.

    Raises
    ------
    UsageError
        There is no recording or more than one, or a `--field` is not PART=KEY.
    """
    if (options.recording is None) == (options.traffic is None):
        raise UsageError("Exactly one recording is required. Pass it as TRAFFIC or with --traffic PATH.")
    fields: dict[str, str] = {}
    for field in options.field or ():
        part, sign, key = field.partition("=")
        if not sign:
            raise UsageError(f"--field {field!r} is not of the form PART=KEY. Example: --field method=verb")
        fields[part] = key
    path = options.recording if options.traffic is None else options.traffic
    return read_traffic(path, format=options.format, mask=not options.no_mask, fields=fields or None)


@contextmanager
def executor_of(options: Namespace) -> Iterator[Executor | None]:
    """Yield an executor with the number of processes in `--processes`, or None without this flag.

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
