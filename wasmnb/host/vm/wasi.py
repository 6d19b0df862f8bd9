"""WASI preview 1 as in Envoy: output is logged, clocks and random numbers work, and files don't exist.

In Envoy 1.40, each write to descriptor 1 is logged as an info line, and each write to descriptor 2 as an error line. One
trailing newline is removed. `poll_oneoff` returns immediately, so a guest that sleeps runs in a busy loop. `proc_exit` returns
to the guest. Invalid pointers return errno 21, and calls that the configuration doesn't allow return errno 76.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...abi import LogLevel
from ...abi.table import Param
from ...abi.text import encode_text
from ...abi.wasi import WASI_PREVIEW_1
from ...engine import OutOfBounds
from ..trace.records import HOST_NS, HostcallSchema

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["AT_ENTRY", "bind_wasi", "make_wasi"]

SUCCESS, BADF, FAULT, INVAL, NOENT, NOSYS, NOTSUP, NOTCAPABLE = 0, 8, 21, 28, 44, 52, 58, 76

_LINES = {1: LogLevel.INFO, 2: LogLevel.ERROR}
_MAX_RANDOM = 65536

# Limits that Envoy doesn't have. They prevent a hostile module from blocking the host or exhausting its memory in one call.
_MAX_VECTORS, _MAX_TEXT = 1024, 1 << 24

#: Functions that trap when an entry point calls them.
_NOT_AT_ENTRY = frozenset({"proc_exit", "fd_read", "fd_seek", "fd_close", "path_open", "sched_yield"})
AT_ENTRY = frozenset(WASI_PREVIEW_1) - _NOT_AT_ENTRY

#: Functions with a constant result, either for all descriptors or (second table) for 1 and 2. Others return 8 there.
_ALWAYS = {
    "fd_advise": SUCCESS, "fd_close": SUCCESS, "fd_fdstat_set_flags": NOSYS, "fd_filestat_get": BADF, "fd_pread": NOSYS,
    "fd_prestat_dir_name": NOSYS, "fd_prestat_get": BADF, "fd_read": NOSYS, "fd_readdir": 20, "fd_seek": SUCCESS,
    "path_open": NOENT, "proc_exit": None, "sched_yield": SUCCESS,
}  # fmt: skip
_OF_OUTPUT = {
    "fd_allocate": SUCCESS, "fd_datasync": SUCCESS, "fd_fdstat_set_rights": SUCCESS, "fd_filestat_set_size": SUCCESS,
    "fd_filestat_set_times": SUCCESS, "fd_sync": SUCCESS,
}  # fmt: skip


class _Wasi:
    """WASI functions of one VM that have side effects, or whose results aren't constant."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.guest = vm.guest
        self.variables = [encode_text(f"{k}={v}\0") for k, v in vm.settings.variables]

    def fd_write(self, fd: int, iovs: int, count: int, written: int) -> int:
        level = _LINES.get(fd)
        if level is None:
            return BADF
        if count > _MAX_VECTORS:
            return INVAL
        parts, budget = [], _MAX_TEXT
        for at in range(iovs, iovs + 8 * count, 8):
            pair = self.guest.read(at, 8)
            start, size = int.from_bytes(pair[:4], "little"), int.from_bytes(pair[4:], "little")
            budget -= size
            if budget < 0:
                return INVAL
            parts.append(self.guest.read(start, size))
        text = b"".join(parts)
        if text:
            self.vm.write_log(level, text.removesuffix(b"\n"))
        self.guest.write_u32(written, len(text))
        return SUCCESS

    def fd_pwrite(self, fd: int, iovs: int, count: int, _offset: int, written: int) -> int:
        return self.fd_write(fd, iovs, count, written)

    def fd_fdstat_get(self, fd: int, stat: int) -> int:
        if fd not in _LINES:
            return BADF
        self.guest.write(stat, bytes(8) + (64).to_bytes(8, "little") + bytes(8))
        return SUCCESS

    def fd_renumber(self, fd: int, to: int) -> int:
        return NOTSUP if fd in _LINES and to in _LINES else BADF

    def fd_tell(self, fd: int, position: int) -> int:
        if fd not in _LINES:
            return BADF
        self.guest.write_u32(position, 0)
        return SUCCESS

    def environ_sizes_get(self, count: int, size: int) -> int:
        self.guest.write_u32(count, len(self.variables))
        self.guest.write_u32(size, sum(map(len, self.variables)))
        return SUCCESS

    def environ_get(self, pointers: int, text: int) -> int:
        for i, variable in enumerate(self.variables):
            self.guest.write_u32(pointers + 4 * i, text)
            self.guest.write(text, variable)
            text += len(variable)
        return SUCCESS

    def args_sizes_get(self, count: int, size: int) -> int:
        self.guest.write_u32(count, 0)
        self.guest.write_u32(size, 0)
        return SUCCESS

    def args_get(self, _pointers: int, _text: int) -> int:
        return SUCCESS

    def clock_res_get(self, clock: int, resolution: int) -> int:
        if clock > 1:
            return NOTSUP
        self.guest.write_u64(resolution, 1)
        return SUCCESS

    def clock_time_get(self, clock: int, _precision: int, time: int) -> int:
        if clock > 1:
            return NOTSUP
        now = self.vm.wall_ns() if clock == 0 else self.vm.monotonic_ns()
        self.guest.write_u64(time, now)
        return SUCCESS

    def random_get(self, buffer: int, size: int) -> int:
        if size > _MAX_RANDOM:
            return INVAL
        if size:
            self.guest.write(buffer, self.vm.server.random.randbytes(size))
        return SUCCESS

    def poll_oneoff(self, _in: int, _out: int, _count: int, events: int) -> int:
        self.guest.write_u32(events, 0)
        return SUCCESS


def _implementation(wasi: Any, name: str) -> Callable[..., int | None]:
    if name in _ALWAYS:
        result = _ALWAYS[name]
        return lambda *_: result
    if name in _OF_OUTPUT:
        status = _OF_OUTPUT[name]
        return lambda fd, *_: status if fd in _LINES else BADF
    method: Callable[..., int | None] | None = getattr(wasi, name, None)
    return method if method is not None else lambda *_: NOTSUP  # all other path_ and sock_ functions


def make_wasi(vm: Vm) -> Any:
    """Create the state of a VM's WASI functions."""
    return _Wasi(vm)


def bind_wasi(vm: Vm, wasi: Any, name: str, *, allowed: bool = True) -> Callable[..., int | None]:
    """Create the function for a WASI import of a VM.

    Parameters
    ----------
    wasi
        State from `make_wasi`.
    name
        Name of the import.
    allowed
        Whether the configuration allows the import (default True). If not, calling it logs a line and returns errno 76.
    """
    params, results = WASI_PREVIEW_1[name]
    schema = HostcallSchema(name, [Param(f"arg{i}") for i in range(len(params))], [], "wasi")
    implementation = _implementation(wasi, name)
    append, number, entry = vm.trace.append, vm.trace.next, vm.entry

    def call(*args: int) -> int | None:
        began = perf_counter_ns()
        if entry.restricted:
            entry.restrict(name)
        if not allowed:
            vm.log_denied(name, "WASI")
            status: int | None = NOTCAPABLE if results else None
        else:
            try:
                status = implementation(*args)
            except OutOfBounds:
                status = FAULT
        record = entry.record
        ended = perf_counter_ns()
        record[HOST_NS] += ended - began
        append((number(), schema, record, entry.effective.ref, status or 0, began, ended, *args))
        return status

    return call
