"""Walks through the code: the steps that CONTRIBUTING.md lists, and the functions that an action calls."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def section(title):
    """Return the text of a section of CONTRIBUTING.md."""
    return (ROOT / "CONTRIBUTING.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]


def listed_functions(title):
    """Return file and name of the functions in a section, in order."""
    return re.findall(r"^\d+\. `(wasmnb/\S+)`: `(\S+)`", section(title), re.M)


def called_functions(action):
    """Run an action. Return file and qualified name of the package's functions in the order of their first call."""
    calls = {}

    def observe(frame, event, _arg):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "wasmnb"):
            calls[str(path.relative_to(ROOT)), frame.f_code.co_qualname.partition(".<locals>")[0]] = None

    sys.setprofile(observe)
    try:
        action()
    finally:
        sys.setprofile(None)
    return list(calls)
