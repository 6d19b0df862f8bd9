"""`python -m wasmnb.testing TESTS [MODULE]`: run a declarative test file on a module; exit code 1 if a test fails."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from ..errors import WasmnbError
from .declarative import run_declarative


def main(arguments: list[str] | None = None) -> int:
    """Run and print; 0 if all passed, 1 if not, 2 if nothing could be run."""
    parser = argparse.ArgumentParser(
        prog="python -m wasmnb.testing", description="Run other people's declarative tests."
    )
    parser.add_argument("tests", help="tests.textpb, tests.yaml, a fastedge-test fixture, or a folder of such")
    parser.add_argument("module", nargs="?", help="a .wasm or .py; by default what the file names")
    parser.add_argument("--config", help="plugin configuration, or @FILE")
    parser.add_argument("--only", help="run only tests whose names contain this")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args(arguments)
    config = options.config
    try:
        if config and config.startswith("@"):
            config = Path(config[1:]).read_bytes()
        result = run_declarative(options.tests, options.module, config=config, only=options.only)
    except (WasmnbError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result.as_dict(), indent=2) if options.json else result)
    return 0 if result.passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
