"""Decorators that define the arguments of a magic, and the function that parses its line.

A flag is a tuple of its names and its keyword arguments for argparse. The command line uses the same flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from IPython.core import magic, magic_arguments
from IPython.core.error import UsageError as MagicUsageError

from wasmnb._flags import Flag
from wasmnb.traffic.recorded.readers.shells import split_words

__all__ = ["NAME", "Flag", "flag", "line_cell", "line_only", "parse"]

F = TypeVar("F", bound=Callable[..., Any])


def flag(*names: str, **options: Any) -> Flag:
    """Return a flag or positional argument. Accepts the parameters of `ArgumentParser.add_argument`."""
    return names, options


#: The first argument of most magics.
NAME = flag("name", metavar="NAME", help="Name of the filter, which is also the name of the variable with its Proxy.")


def _magic(kind: Callable[..., Any], flags: Sequence[Flag]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        decorated: Any = kind(function)
        for names, options in reversed(flags):
            decorated = magic_arguments.argument(*names, **options)(decorated)  # type: ignore[no-untyped-call]
        decorated = magic_arguments.magic_arguments()(decorated)  # type: ignore[no-untyped-call]
        return magic.no_var_expand(decorated)  # type: ignore[no-any-return]

    return decorate


def line_only(*flags: Flag) -> Callable[[F], F]:
    """Return a decorator for a line magic with these arguments. `$x` and `{x}` in the line are not expanded."""
    return _magic(magic.line_magic, flags)


def line_cell(*flags: Flag) -> Callable[[F], F]:
    """Return a decorator for a line and cell magic with these arguments. `$x` and `{x}` in the line are not expanded."""
    return _magic(magic.line_cell_magic, flags)


def parse(function: Any, line: str, prepare: Callable[[list[str]], list[str]] | None = None) -> Any:
    """Parse the line of a magic. Quotes have the same meaning as in bash, including `$'...'`.

    Parameters
    ----------
    function
        The magic, decorated with `line_only` or `line_cell`.
    line
        The line without the name of the magic.
    prepare
        Function that is called with the words of the line and returns the words to parse (default none).

    Raises
    ------
    IPython.core.error.UsageError
        The line can't be parsed. IPython shows this error without a traceback.
    """
    try:
        arguments = split_words(line)
    except ValueError as error:
        raise MagicUsageError(f"{error} in the line {line!r}. Check its quotes and backslashes.") from None
    if prepare is not None:
        arguments = prepare(arguments)
    # Intermixed, because a flag may appear between positional arguments: `NAME -i /path`.
    return function.parser.parse_intermixed_args(arguments)
