"""`wasmnb inspect`: print the facts about a module; exit code 1 if Envoy would reject it."""

from __future__ import annotations

import dataclasses
import json
from argparse import Namespace
from pathlib import Path

from wasmnb.errors import UsageError
from wasmnb.view import facts_text
from wasmnb.view.render.json import json_value

__all__ = ["inspect"]


def inspect(options: Namespace) -> int:
    """Run the command and return the exit code."""
    from wasmnb.compiler import inspect_module

    path = Path(options.file)
    if path.suffix == ".py":
        raise UsageError(f"{path} is Python source. Build it with `wasmnb build {path}` and inspect the module.")
    data = path.read_bytes()
    facts = inspect_module(data)
    if options.as_json:
        document = {f.name: json_value(getattr(facts, f.name)) for f in dataclasses.fields(facts)}
        print(json.dumps({"file": str(path), "size": len(data), **document}, indent=2))
    else:
        print(facts_text(facts, path.name, len(data)))
    return int(bool(facts.problems))
