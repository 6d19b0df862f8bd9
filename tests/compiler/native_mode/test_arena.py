"""The memory of native VMs."""

import os
import platform
import sys

import pytest

from wasmnb.compiler.native_mode.arena import Arena


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="Linux's /proc")
def test_reservation_does_not_count_as_used_memory():
    """Linux counts adjacent reserved areas as one. `fork` fails if that area is larger than the machine's memory."""
    arenas = [Arena(1 << 30) for _ in range(3)]
    areas = mapped()
    for arena in arenas:
        flags = next(flags for first, last, flags in areas if first <= arena.base < last)
        assert "nr" in flags and "ac" not in flags  # not reserved in swap, not accounted


def mapped():
    """First and last address of each area of the process, and its flags."""
    areas = []
    with open(f"/proc/{os.getpid()}/smaps") as file:
        for line in file:
            name, _, rest = line.partition(" ")
            if "-" in name and not name.endswith(":"):
                first, _, last = name.partition("-")
                area = int(first, 16), int(last, 16)
            elif name == "VmFlags:":
                areas.append((*area, rest.split()))
    return areas
