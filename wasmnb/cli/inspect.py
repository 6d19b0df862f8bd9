"""`wasmnb inspect`: what a module is; exit code 1 if Envoy would refuse it."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.view import facts_text
from wasmnb.view.render.json import plain

__all__ = ["inspect"]


def inspect(options: Namespace) -> int:
    """Run the command."""
    from wasmnb.compiler import inspect_module

    path = Path(options.file)
    if path.suffix == ".py":
        raise UsageError(
            f"{path} is Python, by its name; `wasmnb build {path}` makes the module that can be inspected."
        )
    data = path.read_bytes()
    facts = inspect_module(data)
    if options.as_json:
        made = {f.name: plain(getattr(facts, f.name)) for f in dataclasses.fields(facts)}
        print(json.dumps({"file": str(path), "size": len(data), **made}, indent=2))
    else:
        print(facts_text(facts, path.name, len(data)))
    return int(bool(facts.problems))
