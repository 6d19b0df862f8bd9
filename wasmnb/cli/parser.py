"""The argument parser. Flags of a command are added when it is parsed, and its module is imported when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NoReturn

from wasmnb._flags import ENV_FLAG, KIND_FLAG, STRIP_FLAG, seconds
from wasmnb._version import __version__

__all__ = ["make_parser", "request_parser"]

# curl flags that can apply to all requests of `wasmnb run`; the others belong to one request.
_SHARED = ("-H", "-d", "--data-binary", "--data-raw", "--data-urlencode", "-u", "-b", "-A", "-e", "--http2", "-m")

_EPILOG = """examples:
  wasmnb build auth.py -o auth.wasm
  wasmnb run auth.py --request 'GET /x' --request 'POST /pay -d a=1' -H 'x-user: ann' --workers 4
  wasmnb run auth.py --cluster 'accounts=Response(200, body=b"ann")' --cluster audit=services.py:audit
  wasmnb run sniff.py --tcp 'SSH-2.0-x\\r\\n'
  wasmnb inspect auth.wasm
  wasmnb export auth.py dist/auth --config @auth.json --registry ghcr.io/acme --tag 1.2.0
  wasmnb forecast auth.wasm --workers 8
  wasmnb fuzz auth.py --seconds 60 --save test_found.py
  wasmnb load auth.py --plan checkout.yaml --workers 4
  wasmnb replay auth.py day.har --processes 2
  wasmnb diff auth_v1.wasm auth_v2.wasm --traffic day.har --junit diff.xml
  wasmnb test tests.textpb auth.wasm
  wasmnb runtime build
  wasmnb tutorial my-folder

exit codes: 0 success; 1 an error in the filter or module, a failed test, or a difference; 2 a wrong command line;
3 an error in the tool chain or on the machine; 130 interrupted
"""


def _run_lazily(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(f".{module}", __package__), function)(options)
        return code

    return run


class _Command(argparse.ArgumentParser):
    """A command whose flags are added when it is parsed, because the packages that define the flags take time to import."""

    flags: Callable[[argparse.ArgumentParser], None] | None = None

    #: Whether flags can be between positional arguments whose last one is optional.
    intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        if self.flags is not None:
            add, self.flags = self.flags, None
            add(self)
        if self.intermixed:
            self.intermixed = False  # argparse calls this method again, for the flags and for the rest
            return super().parse_known_intermixed_args(args, namespace)
        return super().parse_known_args(args, namespace)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser for all commands."""
    parser = argparse.ArgumentParser(
        prog="wasmnb",
        description="Envoy filters in Python: build them, run them in a simulated Envoy, inspect modules.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wasmnb {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    for name, (text, flags) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.flags = flags
        command.intermixed = name in ("load", "replay", "diff")
        command.set_defaults(command=_run_lazily(_MODULES.get(name, name), name))
    return parser


def _file(p: argparse.ArgumentParser) -> None:
    p.add_argument("filter", metavar="FILTER", help="A .py or .wasm file.")


def _table(p: argparse.ArgumentParser, flags: Iterable[tuple[tuple[str, ...], dict[str, Any]]]) -> None:
    for names, options in flags:
        p.add_argument(*names, **options)


def _plugin(p: argparse.ArgumentParser) -> None:
    p.add_argument("--config", "-c", metavar="TEXT|@FILE", help="Plugin configuration.")
    p.add_argument("--vm-config", metavar="TEXT|@FILE", help="VM configuration.")
    p.add_argument("--root-id", metavar="ID", default="", help="root_id of the plugin.")
    p.add_argument(
        "--hold-headers",
        "--allow-on-headers-stop-iteration",
        action="store_true",
        help="Set allow_on_headers_stop_iteration: while a filter awaits the body, the headers are held and can still be changed.",
    )
    _table(p, [ENV_FLAG])
    names, options = KIND_FLAG
    p.add_argument(*names, default="", **options)


def _build(p: argparse.ArgumentParser) -> None:
    p.add_argument("filter", metavar="FILTER.py", nargs="?", help="Source of the filter.")
    p.add_argument("-o", "--output", metavar="FILE", help="Output file (default FILTER.wasm).")
    p.add_argument("--debug", action="store_true", help="Write the full module instead of the release module.")
    _table(p, [STRIP_FLAG])
    _profile_traffic(p)
    p.add_argument(
        "--check",
        metavar="FILE.wasm",
        help="Write nothing. Build FILTER.py (default FILE.py) in the same way as FILE.wasm, and print the differences; exit code 1 if there are any.",
    )
    p.add_argument(
        "--fresh", action="store_true", help="With --check: also build the runtime again, in an empty cache."
    )
    p.add_argument("-q", "--quiet", action="store_true", help="Print nothing but errors.")


def _profile_traffic(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--profile",
        metavar="TRAFFIC",
        help="A recording (HAR, .jsonl, Envoy tap, access log). Code that runs for its requests is compiled instead of interpreted.",
    )


def _run(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.curl import FLAGS
    from wasmnb.traffic.upstream_flags import UPSTREAM_FLAGS

    _file(p)
    p.add_argument(
        "--request",
        "-r",
        action="append",
        metavar="'METHOD /PATH [FLAGS]'",
        help="A request, e.g. 'GET /x' or 'POST /y -H \"a: b\" -d c=1'; may be repeated (default 'GET /').",
    )
    _table(p, ((names, _shared(names, options)) for names, options in FLAGS if set(names) & set(_SHARED)))
    p.add_argument(
        "--tcp",
        action="append",
        metavar="BYTES|@FILE",
        help="A connection through a network filter, with bytes such as 'EHLO me\\r\\n'; may be repeated.",
    )
    p.add_argument("--workers", "-w", type=int, default=4, metavar="N", help="Worker threads, 1 to 256 (default 4).")
    _plugin(p)
    _table(p, UPSTREAM_FLAGS)
    p.add_argument("--seed", type=int, default=0, help="Seed of the simulation (default 0).")
    p.add_argument(
        "--deadline", type=seconds, default=5.0, metavar="SECONDS", help="Time limit of one callback (default 5)."
    )
    p.add_argument(
        "--native",
        action="store_true",
        help="Run the filter in this Python instead of Wasm, for breakpoint() and coverage.",
    )
    p.add_argument("--tree", action="store_true", help="Show the context tree after the requests.")
    p.add_argument(
        "--trace", action="store_true", help="Show every callback and hostcall, including those at the start."
    )
    p.add_argument("--json", dest="as_json", action="store_true", help="Print everything as one JSON document.")


def _shared(names: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "help": f"{options['help']} Applies to every request."} if names[0] == "-H" else options


def _inspect(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", metavar="FILE.wasm", help="A module from any tool chain.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the facts as JSON.")


def _export(p: argparse.ArgumentParser) -> None:
    from wasmnb.envoy.deployment.flags import EXPORT_FLAGS

    _file(p)
    p.add_argument("folder", metavar="DIR", help="Output folder; it is written completely or not at all.")
    _plugin(p)
    _profile_traffic(p)
    _table(p, EXPORT_FLAGS)


def _forecast(p: argparse.ArgumentParser) -> None:
    _file(p)
    p.add_argument("--workers", "-w", type=int, default=1, metavar="N", help="Worker threads, 1 to 256 (default 1).")
    _plugin(p)
    p.add_argument("--predict", action="store_true", help="Don't start Envoy to measure, only predict.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the forecast as JSON.")


def _fuzz(p: argparse.ArgumentParser) -> None:
    from wasmnb.testing.fuzzing.flags import FUZZ_FLAGS

    _file(p)
    _table(p, FUZZ_FLAGS)
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the findings as JSON.")


def _test(p: argparse.ArgumentParser) -> None:
    from wasmnb.testing.declarative_tests.flags import SUITE_FLAGS

    _table(p, SUITE_FLAGS)


def _load(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.curl import FLAGS
    from wasmnb.traffic.upstream_flags import UPSTREAM_FLAGS

    _file(p)
    p.add_argument("url", nargs="?", default="/", metavar="URL", help="A path or URL (default /).")
    p.add_argument("--plan", metavar="FILE", help="A load plan in YAML: mix, phases, conditions that stop it.")
    p.add_argument(
        "--requests",
        "-n",
        type=int,
        default=1000,
        metavar="N",
        help="Number of requests without a plan (default 1000).",
    )
    p.add_argument(
        "--rate",
        "-r",
        type=float,
        metavar="PER_SECOND",
        help="Requests per virtual second. By default, they are sent one after the other.",
    )
    _table(p, (flag for flag in FLAGS if not {"--worker", "--json"} & set(flag[0])))
    p.set_defaults(worker=None, json=None)
    p.add_argument("--workers", "-w", type=int, default=4, metavar="N", help="Worker threads, 1 to 256 (default 4).")
    _plugin(p)
    _table(p, UPSTREAM_FLAGS)
    p.add_argument(
        "--seed", type=int, default=0, help="Seed of the simulation, the arrival times and the mix (default 0)."
    )
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the result as JSON.")


def _replay(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.replay.flags import PROCESSES, SPEED, TRAFFIC_FLAGS

    _file(p)
    _table(p, (*TRAFFIC_FLAGS, SPEED, PROCESSES))
    _recording_output(p)


def _diff(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.replay.flags import PROCESSES, TRAFFIC_FLAGS

    p.add_argument("old", metavar="OLD", help="A .py or .wasm file.")
    p.add_argument("new", metavar="NEW", help="The .py or .wasm file to compare it with.")
    _table(p, (*TRAFFIC_FLAGS, PROCESSES))
    _recording_output(p)


def _recording_output(p: argparse.ArgumentParser) -> None:
    _plugin(p)
    p.add_argument("--junit", metavar="FILE", help="Also write the result as JUnit XML.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the result as JSON.")


def _runtime(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(required=True, metavar="VERB", parser_class=argparse.ArgumentParser)
    texts = {
        "build": "Build the runtime in advance (for images, CI, Binder).",
        "list": "List the cached runtimes.",
        "clear": "Remove all cached runtimes and the machine code of other modules.",
    }
    for verb, text in texts.items():
        v = verbs.add_parser(verb, help=text, description=text)
        v.set_defaults(command=_run_lazily("runtime", verb))
        if verb == "build":
            v.add_argument("--for", dest="source", metavar="FILTER.py", help="Include the imports of this filter.")


def _demo(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "notebook", nargs="?", metavar="NOTEBOOK", help="Notebook to run (default: the first one of the tutorial)."
    )
    p.add_argument(
        "--output", default="build/demo.html", metavar="FILE", help="HTML file to write (default build/demo.html)."
    )


def _tutorial(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "folder",
        nargs="?",
        default="wasmnb-tutorial",
        metavar="DIR",
        help="Folder to copy to (default wasmnb-tutorial).",
    )
    p.add_argument("--force", action="store_true", help="Replace files that you have changed.")


#: Module of a command, where it is not named like the command.
_MODULES = {"demo": "tutorial", "forecast": "export", "load": "traffic", "replay": "traffic", "diff": "traffic"}

#: Name -> description and flags.
_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None] | None]] = {
    "build": ("Compile a filter to a module that Envoy loads.", _build),
    "run": ("Send requests through a filter in a simulated Envoy.", _run),
    "inspect": ("Print the facts about a module, and why Envoy would reject it.", _inspect),
    "export": ("Write the files that deploy a filter in Envoy, Istio and Envoy Gateway.", _export),
    "forecast": ("Show how much CPU and memory a filter costs Envoy when it starts.", _forecast),
    "fuzz": ("Search for traps, hangs, stuck streams and memory growth.", _fuzz),
    "load": ("Send many requests through a filter, or run a load plan.", _load),
    "replay": ("Send recorded traffic through a filter.", _replay),
    "diff": ("Compare two builds of a filter on recorded traffic.", _diff),
    "test": ("Run declarative tests: suites of Service Extensions, fixtures of fastedge-test.", _test),
    "runtime": ("Build, list or clear the cached runtimes.", _runtime),
    "tutorial": ("Copy the tutorial notebooks into a folder.", _tutorial),
    "demo": ("Run the first notebook in the terminal, and export it as HTML.", _demo),
    "doctor": ("Check versions, cache, Envoy and disk.", None),
}


class _RequestParser(argparse.ArgumentParser):
    """Raise ValueError where argparse would exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def request_parser() -> argparse.ArgumentParser:
    """Return the parser for one `--request`: a path with curl's flags. It raises ValueError for invalid flags."""
    from wasmnb.traffic.curl import FLAGS

    parser = _RequestParser(prog="wasmnb run --request", add_help=False)
    _table(parser, FLAGS)
    parser.add_argument("url", nargs="?", default="/")
    return parser
