"""Magics with arguments: IPython's decorators under one typed roof, driven by tables of flags.

A flag is a tuple of its names and the keywords of argparse; the same tables serve the command line.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from IPython.core import magic, magic_arguments
from IPython.core.error import UsageError as MagicUsageError

__all__ = ["NAME", "Flag", "flag", "line_cell", "line_only", "parse"]

Flag = tuple[tuple[str, ...], dict[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])


def flag(*names: str, **options: Any) -> Flag:
    """A flag, or a positional argument, as argparse takes it."""
    return names, options


#: What nearly every magic begins with.
NAME = flag("name", metavar="NAME", help="Name of the filter; the variable of that name is its Proxy.")


def _magic(kind: Callable[..., Any], flags: Sequence[Flag]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        made: Any = kind(function)
        for names, options in reversed(flags):
            made = magic_arguments.argument(*names, **options)(made)  # type: ignore[no-untyped-call]
        made = magic_arguments.magic_arguments()(made)  # type: ignore[no-untyped-call]
        return magic.no_var_expand(made)  # type: ignore[no-any-return]

    return decorate


def line_only(*flags: Flag) -> Callable[[F], F]:
    """A line magic with these arguments, in which `$x` and `{x}` are left alone."""
    return _magic(magic.line_magic, flags)


def line_cell(*flags: Flag) -> Callable[[F], F]:
    """The same for a magic that also stands over a cell."""
    return _magic(magic.line_cell_magic, flags)


def parse(function: Any, line: str) -> Any:
    """Arguments of a line, quoted as in a shell; IPython's UsageError (one line, no traceback) if they are wrong."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise MagicUsageError(f"{error} in: {line}") from None
    # Intermixed: `NAME -i /path` has flags between its two positional arguments.
    return function.parser.parse_intermixed_args(words)
