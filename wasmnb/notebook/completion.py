"""Tab completion for the lines of magics (flags, values of flags, names of running filters) and for filter classes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .filter_completion import filter_completions

__all__ = ["candidates", "make_matcher"]

#: A line with a magic, for example `%wasmcurl auth /`. The result may be assigned to a variable.
_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?%%?(?P<magic>\w+)\s(?P<rest>.*)$", re.DOTALL)


class Completions(NamedTuple):
    """The word at the cursor, and the completions that can replace it."""

    word: str
    candidates: list[str]


def candidates(line: str, parsers: dict[str, Any], names: list[str]) -> Completions:
    """Return the completions for the word at the cursor in a line with a magic.

    Parameters
    ----------
    line
        Text of the line up to the cursor.
    parsers
        Argument parsers by name of the magic.
    names
        Names of running filters.

    Returns
    -------
    Completions
    """
    match = _LINE.match(line)
    if match is None or match["magic"] not in parsers:
        return Completions("", [])
    *before, word = match["rest"].split(" ")
    parser = parsers[match["magic"]]
    flag, positionals = _parse_words(before, parser._option_string_actions)
    if flag is not None:
        return Completions(word, [c for c in map(str, flag.choices or ()) if c.startswith(word)])
    if word.startswith("-"):
        flags = [s for action in parser._actions for s in action.option_strings]
        return Completions(word, [f for f in flags if f.startswith(word) and (f.startswith("--") or len(word) < 3)])
    return Completions(word, [] if positionals else [n for n in names if n.startswith(word)])


def _parse_words(before: list[str], flags: dict[str, Any]) -> tuple[Any, int]:
    """Return the flag whose value is at the cursor (or None), and the number of positional arguments before the cursor."""
    flag, positionals = None, 0
    for word in filter(None, before):
        if flag is not None:
            flag = None
        elif word in flags:
            flag = flags[word] if flags[word].nargs != 0 else None
        else:
            positionals += not word.startswith("-")
    return flag, positionals


def make_matcher(parsers: dict[str, Any], names: Callable[[], list[str]]) -> Any:
    """Return a matcher that IPython's completer calls to complete the lines of magics and filter classes.

    Parameters
    ----------
    parsers
        Argument parsers by name of the magic.
    names
        Function that returns the names of the running filters.
    """
    from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def wasmnb_matcher(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor.rpartition("\n")[2]
        word, completions = candidates(line, parsers, names())
        kinds = {True: "magic", False: "instance"}
        if not completions:
            lines = context.full_text.split("\n")[: context.cursor_line]
            word, completions = filter_completions("\n".join([*lines, context.text_until_cursor]))
            kinds = {False: "function"}
        return {
            "completions": [SimpleCompletion(f, type=kinds[f.startswith("-")]) for f in completions],
            "matched_fragment": word,
            # Suppress other matchers, because they would add files and names that the flags don't accept.
            "suppress": bool(completions),
        }

    return wasmnb_matcher
