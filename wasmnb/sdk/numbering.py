"""Numbers that have names. (Before Python 3.12, `5 in SomeEnum` is an error.)"""

from enum import IntEnum
from typing import TypeVar

__all__ = ["is_named", "named"]

E = TypeVar("E", bound=IntEnum)


def is_named(enum: type[IntEnum], number: int) -> bool:
    """Whether the enum has a member of this number."""
    return number in enum._value2member_map_


def named(enum: type[E], number: int, otherwise: E) -> E:
    """The member of this number, or `otherwise`."""
    return enum(number) if is_named(enum, number) else otherwise
