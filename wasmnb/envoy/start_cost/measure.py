"""Measurement of the cost of starting Envoy: an Envoy with filters is compared with one without filters."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from ..config.bootstrap import ALLOCATOR, Config, EnvoyCluster, EnvoyListener, bootstrap
from ..process import EnvoyProcess, scratch_folder
from .cost import StartCost

__all__ = ["cpu_seconds", "measure", "measure_plain", "resident_memory"]

#: Seconds until the allocator has returned freed memory with exported settings. This includes the allocator's interval and the
#: time that returning the memory takes.
SETTLED = 6.0


def measure(config: Config, files: Mapping[str, bytes], workers: int, settle: float = SETTLED) -> StartCost:
    """Start an Envoy with a configuration and an Envoy without filters, and return the difference of their costs.

    Parameters
    ----------
    config
        Bootstrap configuration. Its ports should be 0, so that the system chooses them.
    files
        Modules by file name. The configuration refers to these files by relative paths.
    workers
        Number of worker threads.
    settle
        Seconds after the start at which `StartCost.settled` is measured (default 6).

    Raises
    ------
    UsageError
        Envoy isn't installed.
    EnvoyRefused
        Envoy refused a module or its configuration.
    """
    plain = measure_plain(workers, settle)
    scratch = scratch_folder()
    for name, data in files.items():
        (scratch.path / name).write_bytes(data)
    envoy = EnvoyProcess(config, concurrency=workers, log_level="warning", scratch=scratch)
    return _measured(envoy, settle) - plain


def measure_plain(workers: int, settle: float = SETTLED) -> StartCost:
    """Start an Envoy without filters, and return its cost. The parameters and errors are those of `measure`."""
    config: Config = bootstrap(
        [EnvoyListener("http", [], "up")], [EnvoyCluster("up", None)], extra={"memory_allocator_manager": ALLOCATOR}
    )
    return _measured(EnvoyProcess(config, concurrency=workers, log_level="warning"), settle)


def _measured(envoy: EnvoyProcess, settle: float) -> StartCost:
    try:
        cpu, memory = cpu_seconds(envoy.pid), resident_memory(envoy.pid)
        time.sleep(settle)
        return StartCost(cpu, memory, resident_memory(envoy.pid))
    finally:
        envoy.close()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time in seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    exact = [task / "schedstat" for task in Path(f"/proc/{pid}/task").iterdir()]
    return max(ticks, sum(int(path.read_text().split()[0]) for path in exact if path.exists()) / 1e9)


def resident_memory(pid: int) -> int:
    """Return the current resident memory of a process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024
