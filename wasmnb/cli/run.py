"""`wasmnb run`: send requests through a filter and print the exchanges."""

from __future__ import annotations

import argparse
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError
from wasmnb.notebook.progress import TerminalProgress
from wasmnb.traffic.curl import CurlRequest, from_options, read_at
from wasmnb.traffic.recorded.readers.shells import split_words
from wasmnb.traffic.tcp import parse_bytes, send_bytes, takes_connections
from wasmnb.traffic.upstream_flags import evaluate, upstreams
from wasmnb.view import document_of, log_text, to_text, trace_text, tree_text
from wasmnb.view.render.json import exchange_json, line_json, tree_json

from .parser import request_parser

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["plugin_settings", "requests_of", "run"]

#: Maximum of `--workers`. Each worker's VM of a Python filter takes about 12 MB of memory.
_MAX_WORKERS = 256
_METHOD = re.compile(r"[A-Z]+\Z")


def run(options: argparse.Namespace) -> int:
    """Run `wasmnb run`. Returns 1 if the filter failed during any request or connection, otherwise 0."""
    from wasmnb.compiler import Filter
    from wasmnb.host import Plugin, Proxy

    chunks = [parse_bytes(text) for text in options.tcp or ()]
    requests = [] if chunks and not options.request else list(requests_of(options))
    around = upstreams(options, evaluate)
    if options.native:
        filter_ = Filter.native(Path(options.filter))
    else:
        with TerminalProgress() as progress:
            filter_ = Filter.from_file(options.filter, progress=progress)
    with Proxy(Plugin(filter_, **plugin_settings(options)), **_settings(options), **around) as proxy:
        if takes_connections(proxy) and not chunks:
            raise UsageError(
                f"{proxy.name!r} is a network filter, which handles connections instead of requests. Pass the bytes to send: --tcp 'hello\\r\\n'"
            )
        exchanges = [proxy.request(**request.arguments) for request in requests]
        exchanges += [send_bytes(proxy, data) for data in chunks]
        show = _show_json if options.as_json else _show_text
        show(proxy, exchanges, options)
    return int(any(exchange.state == "failed" for exchange in exchanges))


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    if options.workers > _MAX_WORKERS:
        raise UsageError(
            f"--workers {options.workers} is too large, because each worker has its own VM. Use at most {_MAX_WORKERS}."
        )
    return {"workers": options.workers, "seed": options.seed, "deadline": options.deadline}


def plugin_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments for `Plugin` from the flags of a command."""
    settings: dict[str, Any] = {
        "root_id": options.root_id,
        "allow_on_headers_stop_iteration": options.hold_headers,
        "kind": options.kind,
        "environment": dict(options.env or ()),
    }
    for name in ("config", "vm_config"):
        if getattr(options, name) is not None:
            settings[name] = read_at(getattr(options, name))
    return settings


def requests_of(options: argparse.Namespace) -> Iterator[CurlRequest]:
    """Yield the requests to send: one for each `--request`, or `GET /` if there is none.

    Parameters
    ----------
    options
        The parsed command line. curl's flags outside `--request` apply to every request.

    Raises
    ------
    UsageError
        The value of a `--request` can't be parsed.
    """
    for text in options.request or [""]:
        yield _request(text, options)


def _request(text: str, options: argparse.Namespace) -> CurlRequest:
    try:
        arguments = split_words(text)
        method = arguments.pop(0) if arguments and _METHOD.match(arguments[0]) else None
        shared = argparse.Namespace(**copy.copy(vars(options)))
        shared.request = None
        parsed = request_parser().parse_args(arguments, shared)
    except ValueError as error:
        raise UsageError(f"--request {text!r} is invalid: {error}. Example: --request 'POST /pay -d a=1'") from None
    parsed.request = method or parsed.request
    return from_options(parsed, parsed.url)


def _show_text(proxy: Proxy, exchanges: list[Any], options: argparse.Namespace) -> None:
    for exchange in exchanges:
        print(to_text(document_of(exchange)), end="\n\n")
    if options.tree:
        print(tree_text(proxy.tree()), end="\n\n")
    if options.trace:
        print(trace_text(list(proxy.trace), dropped=proxy.trace.dropped), end="\n\n")
    other = [line for line in proxy.log if line.exchange is None]
    if other:
        print("log outside of requests")
        print(log_text(other))


def _show_json(proxy: Proxy, exchanges: list[Any], options: argparse.Namespace) -> None:
    document: dict[str, Any] = {
        "exchanges": [exchange_json(exchange, events=options.trace) for exchange in exchanges],
        "log": [line_json(line) for line in proxy.log],
    }
    if options.tree:
        document["tree"] = tree_json(proxy.tree())
    print(json.dumps(document, indent=2))
