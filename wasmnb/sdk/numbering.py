"""Lookup of enum members by number, also for Python 3.11, where `5 in SomeEnum` raises TypeError."""

from enum import IntEnum
from typing import TypeVar

__all__ = ["has_member", "member"]

E = TypeVar("E", bound=IntEnum)


def has_member(enum: type[IntEnum], number: int) -> bool:
    """Return whether the enum has a member with this number."""
    return number in enum._value2member_map_


def member(enum: type[E], number: int, default: E) -> E:
    """Return the enum's member with this number, or `default` if there is none."""
    return enum(number) if has_member(enum, number) else default
