"""Decorators for magics with arguments, and the parser of their lines.

A flag is a tuple of its names and the keyword arguments for argparse; the command line uses the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from IPython.core import magic, magic_arguments
from IPython.core.error import UsageError as MagicUsageError

from wasmnb.traffic.recorded.readers.shells import split_words

__all__ = ["NAME", "Flag", "flag", "line_cell", "line_only", "parse"]

Flag = tuple[tuple[str, ...], dict[str, Any]]
F = TypeVar("F", bound=Callable[..., Any])


def flag(*names: str, **options: Any) -> Flag:
    """Return a flag or positional argument with the parameters of `ArgumentParser.add_argument`."""
    return names, options


#: The first argument of nearly every magic.
NAME = flag("name", metavar="NAME", help="Name of the filter; the variable of that name is its Proxy.")


def _magic(kind: Callable[..., Any], flags: Sequence[Flag]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        decorated: Any = kind(function)
        for names, options in reversed(flags):
            decorated = magic_arguments.argument(*names, **options)(decorated)  # type: ignore[no-untyped-call]
        decorated = magic_arguments.magic_arguments()(decorated)  # type: ignore[no-untyped-call]
        return magic.no_var_expand(decorated)  # type: ignore[no-any-return]

    return decorate


def line_only(*flags: Flag) -> Callable[[F], F]:
    """Decorate a line magic with these arguments. `$x` and `{x}` in its line are not expanded."""
    return _magic(magic.line_magic, flags)


def line_cell(*flags: Flag) -> Callable[[F], F]:
    """Decorate a magic for lines and cells with these arguments."""
    return _magic(magic.line_cell_magic, flags)


def parse(function: Any, line: str, prepare: Callable[[list[str]], list[str]] | None = None) -> Any:
    """Parse the line of a magic, with quotes as in bash, `$'...'` included.

    Parameters
    ----------
    function
        The decorated magic.
    line
        Line of the magic, without its name.
    prepare
        Function that changes the words of the line before they are parsed (default none).

    Raises
    ------
    IPython.core.error.UsageError
        The line isn't valid. IPython shows this error without a traceback.
    """
    try:
        arguments = split_words(line)
    except ValueError as error:
        raise MagicUsageError(f"{error} in: {line}") from None
    if prepare is not None:
        arguments = prepare(arguments)
    # Intermixed, because `NAME -i /path` has a flag between its positional arguments.
    return function.parser.parse_intermixed_args(arguments)
