"""The command line's grammar; each command's module is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from wasmnb._version import __version__
from wasmnb.envoy.exporting.flags import EXPORT_FLAGS
from wasmnb.testing.declarative.flags import SUITE_FLAGS
from wasmnb.testing.fuzzing.flags import FUZZ_FLAGS
from wasmnb.traffic.curl import FLAGS

__all__ = ["make_parser", "request_parser"]

# Flags of curl's that every request of `wasmnb run` shares; the rest make sense within one request only.
_SHARED = ("-H", "-d", "--data-binary", "--data-raw", "--data-urlencode", "-u", "-b", "-A", "-e", "--http2")

_EPILOG = """examples:
  wasmnb build auth.py -o auth.wasm
  wasmnb run auth.py --request 'GET /x' --request 'POST /pay -d a=1' -H 'x-user: ann' --workers 4
  wasmnb inspect auth.wasm
  wasmnb export auth.py dist/auth --config @auth.json --registry ghcr.io/acme --tag 1.2.0
  wasmnb fuzz auth.py --seconds 60 --save test_found.py
  wasmnb test tests.textpb auth.wasm
  wasmnb runtime build
"""


def _lazily(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(f".{module}", __package__), function)(options)
        return code

    return run


def make_parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    parser = argparse.ArgumentParser(
        prog="wasmnb",
        description="Envoy filters in Python: build them, run them in a simulated Envoy, look into modules.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wasmnb {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _build(commands)
    _run(commands)
    _inspect(commands)
    _export(commands)
    _fuzz(commands)
    _test(commands)
    _runtime(commands)
    _doctor(commands)
    return parser


def _command(commands: Any, name: str, module: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    made.set_defaults(command=_lazily(module, name))
    return made


def _build(commands: Any) -> None:
    p = _command(commands, "build", "build", "Compile a filter to a module that Envoy loads.")
    p.add_argument("filter", metavar="FILTER.py", help="Source of the filter.")
    p.add_argument("-o", "--output", metavar="FILE", help="Where the module goes; FILTER.wasm if not given.")
    p.add_argument("-q", "--quiet", action="store_true", help="Say nothing unless something is wrong.")


def _run(commands: Any) -> None:
    p = _command(commands, "run", "run", "Send requests through a filter in a simulated Envoy.")
    p.add_argument("filter", metavar="FILTER", help="A .py or .wasm file.")
    p.add_argument(
        "--request",
        "-r",
        action="append",
        metavar="'METHOD /PATH [FLAGS]'",
        help="A request, e.g. 'GET /x' or 'POST /y -H \"a: b\" -d c=1'; may be repeated. GET / if not given.",
    )
    for names, options in FLAGS:
        if set(names) & set(_SHARED):
            p.add_argument(*names, **_shared(names, options))
    p.add_argument("--workers", "-w", type=int, default=4, metavar="N", help="Worker threads (4).")
    p.add_argument("--config", "-c", metavar="TEXT|@FILE", help="Plugin configuration.")
    p.add_argument("--vm-config", metavar="TEXT|@FILE", help="VM configuration.")
    p.add_argument("--root-id", metavar="ID", help="root_id of the plugin.")
    p.add_argument("--seed", type=int, default=0, help="Seed of the simulation (0).")
    p.add_argument("--deadline", type=float, default=5.0, metavar="SECONDS", help="Limit of one callback (5).")
    p.add_argument("--native", action="store_true", help="Run it by this Python, for breakpoint() and coverage.")
    p.add_argument("--tree", action="store_true", help="Show the context tree after the requests.")
    p.add_argument("--trace", action="store_true", help="Show every callback and hostcall.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print everything as one JSON document.")


def _shared(names: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "help": f"{options['help']} For every request."} if names[0] == "-H" else options


def _inspect(commands: Any) -> None:
    p = _command(commands, "inspect", "inspect", "Say what a module is, and what would stop Envoy from loading it.")
    p.add_argument("file", metavar="FILE.wasm")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the facts as JSON.")


def _export(commands: Any) -> None:
    p = _command(commands, "export", "export", "Write a filter down for Envoy, Istio and Envoy Gateway.")
    p.add_argument("filter", metavar="FILTER", help="A .py or .wasm file.")
    p.add_argument("folder", metavar="DIR", help="Where to; filled completely or not at all.")
    p.add_argument("--config", "-c", metavar="TEXT|@FILE", help="Plugin configuration.")
    p.add_argument("--vm-config", metavar="TEXT|@FILE", help="VM configuration.")
    p.add_argument("--root-id", metavar="ID", default="", help="root_id of the plugin.")
    for names, options in EXPORT_FLAGS:
        p.add_argument(*names, **options)


def _fuzz(commands: Any) -> None:
    p = _command(commands, "fuzz", "fuzz", "Search for a trap, a hang, a stuck stream or a growth in memory.")
    p.add_argument("filter", metavar="FILTER", help="A .py or .wasm file.")
    for names, options in FUZZ_FLAGS:
        p.add_argument(*names, **options)
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the findings as JSON.")


def _test(commands: Any) -> None:
    p = _command(
        commands, "test", "test", "Run declarative tests: Service Extensions' suites, fastedge-test's fixtures."
    )
    for names, options in SUITE_FLAGS:
        p.add_argument(*names, **options)


def _runtime(commands: Any) -> None:
    p = commands.add_parser("runtime", help="Build, list or clear the cached runtimes.")
    verbs = p.add_subparsers(required=True, metavar="VERB")
    texts = {
        "build": "Build the runtime ahead of time (images, CI, Binder).",
        "list": "Show the cached runtimes.",
        "clear": "Remove them.",
    }
    for verb, text in texts.items():
        v = verbs.add_parser(verb, help=text, description=text)
        v.set_defaults(command=_lazily("runtime", verb))
        if verb == "build":
            v.add_argument("--for", dest="source", metavar="FILTER.py", help="For the imports of this filter.")


def _doctor(commands: Any) -> None:
    _command(commands, "doctor", "doctor", "Check versions, cache, Envoy and disk.")


class _RequestParser(argparse.ArgumentParser):
    """Raises where argparse would leave the process."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def request_parser() -> argparse.ArgumentParser:
    """Grammar of one request in quotes: curl's flags around a path. Raises ValueError for what is none."""
    parser = _RequestParser(prog="wasmnb run --request", add_help=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument("url", nargs="?", default="/")
    return parser
