"""Addresses that requests bring with them: `x-forwarded-for`, and which of them are internal."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from ..header_map import HeaderMap

__all__ = ["client_address", "host_of", "is_internal"]


def client_address(headers: HeaderMap, skip: int, *, ports: bool = True) -> tuple[str, bool] | None:
    """The address (`ip:port`, port 0 if none is said) that stands `skip` entries before the end of `x-forwarded-for`, and
    whether it stands there alone.

    None if there are fewer, or if it is not an address.
    """
    value = headers.get(b"x-forwarded-for")
    if value is None:
        return None
    parts = value.decode("latin-1").split(",")
    if len(parts) <= skip:
        return None
    text = parts[-1 - skip].strip()
    host, _, port = (
        text.rpartition(":") if (ports and text.count(":") == 1) or text.startswith("[") else (text, "", "0")
    )
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{shown}:{port or 0}", len(parts) == 1


def host_of(address: str) -> str:
    """An address without its port."""
    return address.rpartition(":")[0].strip("[]")


def is_internal(address: str, ranges: tuple[str, ...]) -> bool:
    """Whether an address lies in one of the ranges."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(r, strict=False) for r in ranges)
