"""Command line flags of `wasmnb test` and `python -m wasmnb.testing`."""

from __future__ import annotations

import json
from typing import Any

from ...traffic.curl import read_at

__all__ = ["SUITE_FLAGS", "run_suites"]

SUITE_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("tests",), {"metavar": "TESTS", "help": "tests.textpb, tests.yaml, a fastedge-test fixture, or a folder with such files."}),
    (("module",), {"metavar": "MODULE", "nargs": "?", "help": "A .wasm or .py file (default: the module named in the tests)."}),
    (("--config", "-c"), {"metavar": "TEXT|@FILE", "help": "Plugin configuration (default: the one named in the tests)."}),
    (("--only",), {"metavar": "TEXT", "help": "Run only tests whose names contain this."}),
    (("--json",), {"dest": "as_json", "action": "store_true", "help": "Print the results as JSON."}),
)  # fmt: skip


def run_suites(options: Any) -> int:
    """Run declarative tests and print their results.

    Parameters
    ----------
    options
        Values of the flags in `SUITE_FLAGS`.

    Returns
    -------
    int
        Exit code: 0 if all tests passed, otherwise 1.

    Raises
    ------
    UsageError, FixtureError, ModuleError
        The tests or the module can't be read. `run_declarative` describes the reasons.
    """
    from .runner import run_declarative

    config = None if options.config is None else read_at(options.config)
    result = run_declarative(options.tests, options.module, config=config, only=options.only)
    print(json.dumps(result.as_dict(), indent=2) if options.as_json else result)
    return 0 if result.passed else 1
