"""Tab completion for magics (flags, choices of a flag, names of running filters) and for filter classes in cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .filter_completion import filter_completions

__all__ = ["candidates", "make_matcher"]

#: The line of a magic, optionally with an assignment.
_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?%%?(?P<magic>\w+)\s(?P<rest>.*)$", re.DOTALL)


def candidates(line: str, parsers: dict[str, Any], names: list[str]) -> tuple[str, list[str]]:
    """Return the word at the cursor and its completions.

    Parameters
    ----------
    line
        Text of the line up to the cursor.
    parsers
        Name of a magic -> its argument parser.
    names
        Names of running filters.

    Returns
    -------
    tuple
        The word at the cursor, and the completions, which replace it.
    """
    match = _LINE.match(line)
    if match is None or match["magic"] not in parsers:
        return "", []
    *before, word = match["rest"].split(" ")
    parser = parsers[match["magic"]]
    flag, positionals = _parse_words(before, parser._option_string_actions)
    if flag is not None:
        return word, [c for c in map(str, flag.choices or ()) if c.startswith(word)]
    if word.startswith("-"):
        flags = [s for action in parser._actions for s in action.option_strings]
        return word, [f for f in flags if f.startswith(word) and (f.startswith("--") or len(word) < 3)]
    return word, [] if positionals else [n for n in names if n.startswith(word)]


def _parse_words(before: list[str], flags: dict[str, Any]) -> tuple[Any, int]:
    """Return the flag whose value comes next (or None), and the number of positional arguments."""
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
    """Return a matcher for IPython's completer, which completes lines of these magics and filter classes."""
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
            # Other matchers would add files and names that these flags do not accept.
            "suppress": bool(completions),
        }

    return wasmnb_matcher
