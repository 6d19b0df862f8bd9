"""Client addresses from `x-forwarded-for`, and internal address ranges."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import NamedTuple

from ..header_map import HeaderMap

__all__ = ["ForwardedAddress", "client_address", "host_of", "is_internal"]


class ForwardedAddress(NamedTuple):
    """An address in `x-forwarded-for` (`ip:port`), and whether it is the only one."""

    address: str
    is_only: bool


def client_address(headers: HeaderMap, skip: int, *, ports: bool = True) -> ForwardedAddress | None:
    """Return the address `skip` entries before the last one in `x-forwarded-for`, and whether it is the only entry.

    The address has the form `ip:port`, with port 0 if the entry has no port. Returns None if there are too few entries, or if
    the entry isn't an address.
    """
    value = headers.get(b"x-forwarded-for")
    if value is None:
        return None
    parts = value.decode("latin-1").split(",")
    if len(parts) <= skip:
        return None
    text = parts[-1 - skip].strip()
    with_port = ports and (text.count(":") == 1 or text.startswith("["))
    host, _, port = text.rpartition(":") if with_port else (text, "", "0")
    try:
        address = ip_address(host.strip("[]") if with_port else host)
    except ValueError:
        return None
    shown = f"[{address}]" if address.version == 6 else str(address)
    return ForwardedAddress(f"{shown}:{port or 0}", len(parts) == 1)


def host_of(address: str) -> str:
    """Return the host of an address without its port."""
    return address.rpartition(":")[0].strip("[]")


def is_internal(address: str, ranges: tuple[str, ...]) -> bool:
    """Return whether an address is in one of the ranges (in CIDR notation)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in ip_network(r, strict=False) for r in ranges)
