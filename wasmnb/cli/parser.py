"""The argument parser of the `wasmnb` command.

A subcommand's flags are added when it is parsed, and its module is imported when it runs, so that the command starts fast.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NoReturn

from wasmnb._flags import ENV_FLAG, KIND_FLAG, STRIP_FLAG, seconds
from wasmnb._version import __version__

__all__ = ["make_parser", "request_parser"]

# curl's flags that `wasmnb run` applies to all requests. The other flags are allowed only inside `--request`.
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

exit codes:
  0    success
  1    an error in the filter or module, a failed test, or a difference
  2    a wrong command line
  3    an error in the toolchain or on the machine
  130  interrupted
"""


def _run_lazily(module: str, function: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(f".{module}", __package__), function)(options)
        return code

    return run


class _Command(argparse.ArgumentParser):
    """A subcommand whose flags are added when it is parsed, because importing the packages that define them takes time."""

    flags: Callable[[argparse.ArgumentParser], None] | None = None

    #: Whether flags may appear between the positional arguments, although the last one is optional.
    intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        if self.flags is not None:
            add, self.flags = self.flags, None
            add(self)
        if self.intermixed:
            self.intermixed = (
                False  # argparse calls this method again, first for the flags and then for the positional arguments
            )
            return super().parse_known_intermixed_args(args, namespace)
        return super().parse_known_args(args, namespace)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the `wasmnb` command with all subcommands."""
    parser = argparse.ArgumentParser(
        prog="wasmnb",
        description="Build Envoy filters in Python, run them in a simulated Envoy, and inspect modules.",
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
    p.add_argument("filter", metavar="FILTER", help="The filter, a .py or .wasm file.")


def _table(p: argparse.ArgumentParser, flags: Iterable[tuple[tuple[str, ...], dict[str, Any]]]) -> None:
    for names, options in flags:
        p.add_argument(*names, **options)


def _plugin(p: argparse.ArgumentParser) -> None:
    p.add_argument("--config", "-c", metavar="TEXT|@FILE", help="Configuration of the plugin.")
    p.add_argument("--vm-config", metavar="TEXT|@FILE", help="Configuration of the VM.")
    p.add_argument("--root-id", metavar="ID", default="", help="root_id of the plugin.")
    p.add_argument(
        "--hold-headers",
        "--allow-on-headers-stop-iteration",
        action="store_true",
        help="Set allow_on_headers_stop_iteration: a filter that awaits the body can still change the headers afterwards.",
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
        help="Compare FILE.wasm with a new build of FILTER.py (default FILE.py) and print the differences. The exit code is 1 if there are any.",
    )
    p.add_argument(
        "--fresh", action="store_true", help="With --check: build the runtime again as well, in an empty cache."
    )
    p.add_argument("-q", "--quiet", action="store_true", help="Print only errors.")


def _profile_traffic(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--profile",
        metavar="TRAFFIC",
        help="A recording (HAR, .jsonl, Envoy tap, access log). Code that its requests run is compiled instead of interpreted.",
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
        help="A request, e.g. 'GET /x' or 'POST /y -H \"a: b\" -d c=1' (default 'GET /'). May be repeated.",
    )
    _table(p, ((names, _shared(names, options)) for names, options in FLAGS if set(names) & set(_SHARED)))
    p.add_argument(
        "--tcp",
        action="append",
        metavar="BYTES|@FILE",
        help="Bytes to send over a connection through a network filter, e.g. 'EHLO me\\r\\n'. May be repeated.",
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
        help="Run the filter in this Python process instead of Wasm, for breakpoint() and coverage.",
    )
    p.add_argument("--tree", action="store_true", help="Print the threads, VMs and contexts after the requests.")
    p.add_argument(
        "--trace", action="store_true", help="Print all callbacks and hostcalls, including those at the proxy's start."
    )
    p.add_argument("--json", dest="as_json", action="store_true", help="Print all results as one JSON document.")


def _shared(names: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "help": f"{options['help']} Applies to every request."} if names[0] == "-H" else options


def _inspect(p: argparse.ArgumentParser) -> None:
    p.add_argument("file", metavar="FILE.wasm", help="The module to inspect, built by any toolchain.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the result as JSON.")


def _export(p: argparse.ArgumentParser) -> None:
    from wasmnb.envoy.deployment.flags import EXPORT_FLAGS

    _file(p)
    p.add_argument("folder", metavar="DIR", help="Output folder. After an error, nothing is written.")
    _plugin(p)
    _profile_traffic(p)
    _table(p, EXPORT_FLAGS)


def _forecast(p: argparse.ArgumentParser) -> None:
    _file(p)
    p.add_argument("--workers", "-w", type=int, default=1, metavar="N", help="Worker threads, 1 to 256 (default 1).")
    _plugin(p)
    p.add_argument(
        "--predict", action="store_true", help="Only predict the cost, without starting Envoy to measure it."
    )
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
    p.add_argument("url", nargs="?", default="/", metavar="URL", help="Path or URL of the requests (default /).")
    p.add_argument("--plan", metavar="FILE", help="A load plan in YAML: mix of requests, phases and stop conditions.")
    p.add_argument(
        "--requests",
        "-n",
        type=int,
        default=1000,
        metavar="N",
        help="Number of requests (default 1000). Ignored if there is a plan.",
    )
    p.add_argument(
        "--rate",
        "-r",
        type=float,
        metavar="PER_SECOND",
        help="Requests per virtual second (default: each request is sent when the previous one has ended).",
    )
    _table(p, (flag for flag in FLAGS if not {"--worker", "--json"} & set(flag[0])))
    p.set_defaults(worker=None, json=None)
    p.add_argument("--workers", "-w", type=int, default=4, metavar="N", help="Worker threads, 1 to 256 (default 4).")
    _plugin(p)
    _table(p, UPSTREAM_FLAGS)
    p.add_argument(
        "--seed",
        type=int,
        default=0,
        help="Seed of the simulation, the arrival times and the mix of requests (default 0).",
    )
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the result as JSON.")


def _replay(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.replay.flags import PROCESSES, SPEED, TRAFFIC_FLAGS

    _file(p)
    _table(p, (*TRAFFIC_FLAGS, SPEED, PROCESSES))
    _recording_output(p)


def _diff(p: argparse.ArgumentParser) -> None:
    from wasmnb.traffic.replay.flags import PROCESSES, TRAFFIC_FLAGS

    p.add_argument("old", metavar="OLD", help="The old build, a .py or .wasm file.")
    p.add_argument("new", metavar="NEW", help="The new build, a .py or .wasm file.")
    _table(p, (*TRAFFIC_FLAGS, PROCESSES))
    _recording_output(p)


def _recording_output(p: argparse.ArgumentParser) -> None:
    _plugin(p)
    p.add_argument("--junit", metavar="FILE", help="Also write the result as JUnit XML.")
    p.add_argument("--json", dest="as_json", action="store_true", help="Print the result as JSON.")


def _runtime(p: argparse.ArgumentParser) -> None:
    verbs = p.add_subparsers(required=True, metavar="VERB", parser_class=argparse.ArgumentParser)
    texts = {
        "build": "Build a runtime in advance, for container images, CI or Binder.",
        "list": "List the cached runtimes.",
        "clear": "Remove all cached runtimes and the machine code of other modules.",
    }
    for verb, text in texts.items():
        v = verbs.add_parser(verb, help=text, description=text)
        v.set_defaults(command=_run_lazily("runtime", verb))
        if verb == "build":
            v.add_argument(
                "--for", dest="source", metavar="FILTER.py", help="Build the runtime with the imports of this filter."
            )


def _demo(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "notebook", nargs="?", metavar="NOTEBOOK", help="Notebook to run (default: the tutorial's first notebook)."
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
    p.add_argument("--force", action="store_true", help="Overwrite files that you have changed.")


#: Subcommand -> its module, if the module has another name.
_MODULES = {"demo": "tutorial", "forecast": "export", "load": "traffic", "replay": "traffic", "diff": "traffic"}

#: Subcommand -> its description, and the function that adds its flags.
_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None] | None]] = {
    "build": ("Compile a filter to a module that Envoy loads.", _build),
    "run": ("Send requests through a filter in a simulated Envoy.", _run),
    "inspect": ("Print the contents of a module, and the reasons why Envoy would reject it.", _inspect),
    "export": ("Write the files that deploy a filter in Envoy, Istio and Envoy Gateway.", _export),
    "forecast": ("Show how much CPU time and memory Envoy needs to load a filter.", _forecast),
    "fuzz": ("Search for requests that cause traps, hangs, stuck streams or memory growth.", _fuzz),
    "load": ("Send many requests through a filter, or run a load plan.", _load),
    "replay": ("Send recorded traffic through a filter.", _replay),
    "diff": ("Compare two builds of a filter with recorded traffic.", _diff),
    "test": ("Run declarative tests: Service Extensions suites or fastedge-test fixtures.", _test),
    "runtime": ("Build, list or clear the cached runtimes.", _runtime),
    "tutorial": ("Copy the tutorial notebooks into a folder.", _tutorial),
    "demo": ("Run the tutorial's first notebook in the terminal, and export it as HTML.", _demo),
    "doctor": ("Check the installed packages, the cache, the free disk space and Envoy.", None),
}


class _RequestParser(argparse.ArgumentParser):
    """Argument parser that raises ValueError for invalid arguments, where argparse would exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def request_parser() -> argparse.ArgumentParser:
    """Return the parser for the value of `--request`, a path with curl's flags. It raises ValueError for invalid flags."""
    from wasmnb.traffic.curl import FLAGS

    parser = _RequestParser(prog="wasmnb run --request", add_help=False)
    _table(parser, FLAGS)
    parser.add_argument("url", nargs="?", default="/")
    return parser
