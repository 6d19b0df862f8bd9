"""Docstrings as reStructuredText: the project's docstrings are plain text with backticks and indented examples."""

import re

_CODE = re.compile(r"(``.*?``|`[^`]*`)")


def to_rst(app, what, name, obj, options, lines):  # noqa: ARG001 -- Sphinx's signature
    """Mark indented examples as code, and escape characters outside of backticks that reStructuredText reads as markup."""
    lines[:] = _with_examples(lines)
    inside = False
    for number, line in enumerate(lines):
        inside = line.startswith("    ") if inside else line == "::"
        if not (inside or line == ""):
            lines[number] = _escaped(line)
        elif line == "":
            inside = inside or lines[max(number - 1, 0)] == "::"


def _with_examples(lines):
    """Return lines with `::` in front of indented blocks that follow a paragraph."""
    result = []
    for line in lines:
        before = next((text for text in reversed(result) if text), "")
        starts = line.startswith("    ") and result and result[-1] == "" and before[:1] not in ("", " ", ":", ".", "*", "-")
        if starts and not before.rstrip().endswith("::"):
            result += ["::", ""]
        result.append(line)
    return result


def _escaped(line):
    parts = _CODE.split(line)
    for index, part in enumerate(parts):
        if index % 2 == 0:
            escaped = re.sub(r"(?<!\\)([*|]|(?<=\w)_(?!\w))", r"\\\1", part)
            parts[index] = f"\\ {escaped}" if index and escaped[:1].isalnum() else escaped
    return "".join(parts)
