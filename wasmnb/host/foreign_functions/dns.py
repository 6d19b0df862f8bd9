"""`envoy_resolve_dns`, an import that Envoy offers in addition to the ABI. It resolves a name and calls `envoy_on_resolve_dns`.

In Envoy 1.40, the token is the id of the calling context, and the callback `(context, token, size)` runs on the root context of
the calling context. The call data (buffer 8) then contains a count, a time to live for each address, and the addresses with
port 0, each followed by a zero byte. For literal addresses, `localhost` and invalid names, the callback runs inside the import.
For an invalid name, the size is 0. Other names are resolved, and the callback runs later.

The simulation doesn't send DNS queries. The callback for any other name receives a list without addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ...abi import Status
from ...abi.text import encode_text
from ...engine import OutOfBounds
from ..trace.records import HOST_NS, CallbackSchema
from ..vm.callback_entry import make_entry

if TYPE_CHECKING:
    from ..contexts.base import Context
    from ..vm.vm import Vm

__all__ = ["ON_RESOLVE_DNS", "resolve_dns"]

ON_RESOLVE_DNS = "envoy_on_resolve_dns"

_NAME = re.compile(rb"[A-Za-z0-9_./*-]{0,255}\Z")
_LOCAL = {b"localhost": "[::1]:0"}
_NOT_FOUND = bytes(4)


def resolve_dns(vm: Vm) -> Callable[[int, int, int], int]:
    """Create the import `envoy_resolve_dns` for one VM."""

    def call(pointer: int, size: int, token_at: int) -> int:
        vm.entry.restrict("envoy_resolve_dns")
        context = vm.entry.effective
        try:
            name = vm.guest.read(pointer, size)
            vm.guest.write_u32(token_at, context.id)
        except OutOfBounds:
            return Status.INVALID_MEMORY_ACCESS
        vm.note("resolve_dns", asked=name)
        addresses = _resolve_locally(name)
        if addresses is None:
            vm.clock.call_soon(vm.thread, lambda: _deliver(vm, context, _NOT_FOUND))
        else:
            _call_nested(vm, lambda: _deliver(vm, context, addresses))
        return Status.OK

    return call


def _resolve_locally(name: bytes) -> bytes | None:
    """Return the call data for a name that can be resolved without DNS, or None for other names."""
    address = _LOCAL.get(name)
    with suppress(ValueError):
        literal = ip_address(name.decode("ascii", "replace"))
        address = f"{literal}:0" if literal.version == 4 else f"[{literal}]:0"
    if address is not None:
        return (1).to_bytes(4, "little") + bytes(4) + encode_text(address) + b"\0"
    return None if _NAME.match(name) else b""


def _deliver(vm: Vm, context: Context, data: bytes) -> None:
    """Call `envoy_on_resolve_dns`, if the module exports it."""
    function = None if vm.closed else vm.instance.function(ON_RESOLVE_DNS)
    if function is None or vm.failed or context.root.id not in vm.contexts:
        return
    before, vm.entry.exchange = vm.entry.exchange, context.exchange
    vm.buffers.call_data = data
    try:
        invoke = make_entry(vm, ON_RESOLVE_DNS, CallbackSchema(ON_RESOLVE_DNS), function)
        invoke(context.root, context.root.id, context.id, len(data))
    finally:
        vm.buffers.call_data, vm.entry.exchange = b"", before


def _call_nested(vm: Vm, deliver: Callable[[], None]) -> None:
    """Run a callback inside another callback. Restore the outer callback's state afterwards, and exclude the inner callback
    from the outer callback's duration.
    """
    outer, current, effective, local_reply_sent = (
        vm.entry.record,
        vm.entry.current,
        vm.entry.effective,
        vm.entry.local_reply_sent,
    )
    started, vm.entry.local_reply_sent = perf_counter_ns(), False
    deliver()
    vm.entry.record, vm.entry.current, vm.entry.effective, vm.entry.local_reply_sent = (
        outer,
        current,
        effective,
        local_reply_sent,
    )
    if outer is not None:
        outer[HOST_NS] += perf_counter_ns() - started
