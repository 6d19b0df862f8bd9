"""Tab completion in the lines of the magics: flags, what a flag may be, and the names of running filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["candidates", "make_matcher"]

#: The line of a magic, also where its value is assigned.
_LINE = re.compile(r"^\s*(?:[\w.,\s]+=\s*)?%%?(?P<magic>\w+)\s(?P<rest>.*)$", re.DOTALL)


def candidates(line: str, parsers: dict[str, Any], names: list[str]) -> tuple[str, list[str]]:
    """The word being typed and what could stand there.

    Parameters
    ----------
    line
        Text of the line up to the cursor.
    parsers
        Magic name -> its argument parser.
    names
        Names of running filters.
    """
    match = _LINE.match(line)
    if match is None or match["magic"] not in parsers:
        return "", []
    *before, word = match["rest"].split(" ")
    parser = parsers[match["magic"]]
    wanted, positionals = _place(before, parser._option_string_actions)
    if wanted is not None:
        return word, [c for c in map(str, wanted.choices or ()) if c.startswith(word)]
    if word.startswith("-"):
        flags = [s for action in parser._actions for s in action.option_strings]
        return word, [f for f in flags if f.startswith(word) and (f.startswith("--") or len(word) < 3)]
    return word, [] if positionals else [n for n in names if n.startswith(word)]


def _place(before: list[str], flags: dict[str, Any]) -> tuple[Any, int]:
    """What the words so far lead to: the flag whose value comes next, if one does, and how many words were no flags'."""
    wanted, positionals = None, 0
    for word in filter(None, before):
        if wanted is not None:
            wanted = None
        elif word in flags:
            wanted = flags[word] if flags[word].nargs != 0 else None
        else:
            positionals += not word.startswith("-")
    return wanted, positionals


def make_matcher(parsers: dict[str, Any], names: Callable[[], list[str]]) -> Any:
    """A matcher for IPython's completer; it speaks only in lines of our magics."""
    from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]
    def wasmnb_matcher(context: CompletionContext) -> SimpleMatcherResult:
        line = context.text_until_cursor.rpartition("\n")[2]
        word, found = candidates(line, parsers, names())
        kinds = {True: "magic", False: "instance"}
        return {
            "completions": [SimpleCompletion(f, type=kinds[f.startswith("-")]) for f in found],
            "matched_fragment": word,
            # Other matchers offer files and names that no flag of ours takes.
            "suppress": bool(found),
        }

    return wasmnb_matcher
