"""The command line of declarative tests, for `wasmnb test` and `python -m wasmnb.testing`."""

from __future__ import annotations

import json
from typing import Any

from ...traffic.curl import read_at

__all__ = ["SUITE_FLAGS", "run_suites"]

SUITE_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("tests",), {"metavar": "TESTS", "help": "tests.textpb, tests.yaml, a fastedge-test fixture, or a folder of such."}),
    (("module",), {"metavar": "MODULE", "nargs": "?", "help": "A .wasm or .py file; by default what the tests name."}),
    (("--config", "-c"), {"metavar": "TEXT|@FILE", "help": "Plugin configuration; by default what the tests name."}),
    (("--only",), {"metavar": "TEXT", "help": "Run only tests whose names contain this."}),
    (("--json",), {"dest": "as_json", "action": "store_true", "help": "Print the results as JSON."}),
)  # fmt: skip


def run_suites(options: Any) -> int:
    """Run and print; 1 if a test failed. Raises as `run_declarative` does."""
    from . import run_declarative

    config = None if options.config is None else read_at(options.config)
    result = run_declarative(options.tests, options.module, config=config, only=options.only)
    print(json.dumps(result.as_dict(), indent=2) if options.as_json else result)
    return 0 if result.passed else 1
