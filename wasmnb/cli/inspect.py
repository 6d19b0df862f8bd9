"""`wasmnb inspect`: print the size, imports and exports of a module, and the reasons why Envoy would reject it."""

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
    """Run `wasmnb inspect`. Returns 1 if Envoy would reject the module, otherwise 0."""
    from wasmnb.compiler import inspect_module

    path = Path(options.file)
    if path.suffix == ".py":
        raise UsageError(f"{path} is a Python file, not a module. Run `wasmnb build {path}` and inspect the result.")
    data = path.read_bytes()
    facts = inspect_module(data)
    if options.as_json:
        document = {f.name: json_value(getattr(facts, f.name)) for f in dataclasses.fields(facts)}
        print(json.dumps({"file": str(path), "size": len(data), **document}, indent=2))
    else:
        print(facts_text(facts, path.name, len(data)))
    return int(bool(facts.problems))
