"""fastedge-test's JSON fixtures: a request, perhaps an origin's response, and properties.

Facts (`server/schemas/config.ts` and `docs/TEST_CONFIG.md` of G-Core/fastedge-test): only `request.url` is needed.
Properties may be of any JSON type; they hide those that are calculated from the URL (`request.path` without its query,
`request.host`, `request.extension`, ...). `.env` files give secrets and variables. Without a `response` the origin is the
network; here, as for the URL `built-in`, a responder echoes the request as JSON, or does what `x-debugger-status` and
`x-debugger-content` say. A fixture states no expectations: it passes when every callback ran and the client got an answer.
"""

# ruff: noqa: RUF009 -- `once` and `many` make dataclass fields
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ...errors import UsageError, WasmnbError
from ...host import Plugin, Proxy
from ...messages import Headers, Request, Response
from ..assertions.soundness import failure_text
from .errors import FixtureError, SourceLocation
from .results import CaseResult
from .syntax.nodes import Block, Many, Node, Scalar
from .syntax.schema import fill, once

__all__ = ["Fixture", "is_fixture", "read_fixture", "run_fixture"]

_NOWHERE = SourceLocation("")
_BUILT_IN, _BUILT_IN_URL = "built-in", "http://fastedge-builtin.debug"

#: Prefixes of names in `.env`, and files whose names need none.
_PREFIXES = ("FASTEDGE_VAR_ENV_", "FASTEDGE_VAR_SECRET_")
_PLAIN_FILES = (".env.variables", ".env.secrets")


class _Open:
    """A JSON object with any names, kept as its node."""

    def __init__(self, node: Block, place: SourceLocation) -> None:
        self.node = node
        self.place = place


@dataclass
class Wasm:
    """The module."""

    path: str = once("string", default="")
    description: str = once("string", default="")
    place: SourceLocation = _NOWHERE


@dataclass
class Dotenv:
    """Whether and where `.env` files are read."""

    enabled: bool = once("bool", default=True)
    path: str = once("string", default="")
    place: SourceLocation = _NOWHERE


@dataclass
class Fixture:
    """A fixture. What stands in `by_hand` is read so, since headers and properties may have any name."""

    by_hand: ClassVar[tuple[str, ...]] = ("request", "response", "properties")

    description: str = once("string", default="")
    app_type: str = once("string", default="proxy-wasm", json="appType")
    schema: str = once("string", default="", json="$schema")
    wasm: Wasm | None = once(Wasm)
    dotenv: Dotenv | None = once(Dotenv)
    dotenv_enabled: bool = once("bool", default=True, json="dotenvEnabled")
    dotenv_path: str = once("string", default="", json="dotenvPath")
    log_level: int = once("int32", default=0, json="logLevel")
    http_port: int | None = once("int32", json="httpPort")
    place: SourceLocation = _NOWHERE

    request: Request | None = None
    response: Response | None = None
    properties: dict[str, Any] | None = None
    url: str = ""


def is_fixture(node: Node) -> bool:
    """Whether a JSON document is a fixture rather than a suite."""
    return isinstance(node, Block) and any(e.name == "request" for e in node.entries)


def read_fixture(node: Node, file: str) -> Fixture:
    """A fixture from its document; raises FixtureError with line and field."""
    place = SourceLocation(file, 1)
    if not isinstance(node, Block):
        raise FixtureError("a fixture is a JSON object.", place)
    by_hand = {e.name: e for e in node.entries if e.name in Fixture.by_hand}
    rest = Block(node.line, [e for e in node.entries if e.name not in by_hand])
    fixture = fill(Fixture, rest, place, lenient=True)
    if fixture.app_type != "proxy-wasm":
        raise FixtureError(
            f"appType {fixture.app_type!r} is no Proxy-Wasm filter; such an app is a server of its own.", place
        )
    if "request" not in by_hand:
        raise FixtureError("`request` is missing.", place)
    entry = by_hand["request"]
    fixture.request, fixture.url = _request(_fields(entry.value, place.into("request", entry.line)))
    if "response" in by_hand:
        entry = by_hand["response"]
        fixture.response = _response(_fields(entry.value, place.into("response", entry.line)))
    if "properties" in by_hand:
        entry = by_hand["properties"]
        values = _plain(entry.value)
        if not isinstance(values, dict):
            raise FixtureError("an object is expected here.", place.into("properties", entry.line))
        fixture.properties = values
    return fixture


def _fields(node: Node, place: SourceLocation) -> _Open:
    if not isinstance(node, Block):
        raise FixtureError("an object is expected here.", place)
    return _Open(node, place)


def _request(given: _Open) -> tuple[Request, str]:
    values = _known(given, ("method", "url", "path", "headers", "body"))
    url = _string(values, "url", "", given)
    if not url:
        raise FixtureError("`url` is missing: the full URL that is requested.", given.place)
    parts = urlsplit(_BUILT_IN_URL if url == _BUILT_IN else url)
    if not parts.scheme or not parts.hostname:
        raise FixtureError(f"{url!r} is no full URL.", given.place.into("url", values["url"].line))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = _headers(values.get("headers"), given)
    host = headers.get("host") or parts.netloc
    body = _string(values, "body", "", given).encode()
    return Request(
        _string(values, "method", "GET", given), path, headers, body, authority=host, scheme=parts.scheme
    ), url


def _response(given: _Open) -> Response:
    values = _known(given, ("headers", "body", "status", "statusText"))
    status = _plain(values["status"]) if "status" in values else 200
    if not isinstance(status, int) or not 100 <= status <= 599:
        message = f"a status is a number from 100 to 599, not {status!r}."
        raise FixtureError(message, given.place.into("status", values["status"].line))
    return Response(status, _headers(values.get("headers"), given), _string(values, "body", "", given).encode())


def _known(given: _Open, names: tuple[str, ...]) -> dict[str, Node]:
    for entry in given.node.entries:
        if entry.name not in names:
            known = ", ".join(names)
            message = f"there is no field {entry.name!r} here; there are {known}."
            raise FixtureError(message, given.place.into(entry.name, entry.line))
    return {e.name: e.value for e in given.node.entries}


def _string(values: dict[str, Node], name: str, default: str, given: _Open) -> str:
    node = values.get(name)
    if node is None:
        return default
    if not isinstance(node, Scalar) or node.kind != "string":
        raise FixtureError("text is expected here.", given.place.into(name, node.line))
    return node.text


def _headers(node: Node | None, given: _Open) -> Headers:
    headers = Headers()
    if node is None:
        return headers
    place = given.place.into("headers", node.line)
    if not isinstance(node, Block):
        raise FixtureError("an object of names and values is expected here.", place)
    for entry in node.entries:
        for value in entry.value.items if isinstance(entry.value, Many) else (entry.value,):
            if not isinstance(value, Scalar) or value.kind != "string":
                raise FixtureError("a header's value is text, or a list of texts.", place.into(entry.name, entry.line))
            headers.add(entry.name, value.data)
    return headers


def _plain(node: Node) -> Any:
    """A node as Python's own types."""
    if isinstance(node, Block):
        return {e.name: _plain(e.value) for e in node.entries}
    if isinstance(node, Many):
        return [_plain(n) for n in node.items]
    return node.text if node.kind == "string" else json.loads(node.text)


# -- running --------------------------------------------------------------------------------------------------------


def run_fixture(fixture: Fixture, path: Path, module: Any, config: bytes | None) -> CaseResult:
    """Send the fixture's request through a filter.

    Parameters
    ----------
    module
        A filter; None for the one that the fixture names.
    """
    request = fixture.request
    assert request is not None
    result = CaseResult(fixture.description or path.stem, 1)
    started = perf_counter()
    try:
        chosen = module if module is not None else _named_module(fixture, path)
        plugin = Plugin(chosen, config=config or b"", environment=_variables(fixture, path))
        with Proxy(
            plugin, workers=1, upstream=fixture.response or _responder(fixture.url), log_level=_level(fixture)
        ) as proxy:
            proxy.server.properties = _properties(fixture)
            _play(proxy, request, result)
    except WasmnbError as error:
        result.reasons.append(str(error))
    result.seconds = perf_counter() - started
    return result


def _play(proxy: Proxy, request: Request, result: CaseResult) -> None:
    exchange = proxy.request(request.method, request.path, request.headers, request.body, authority=request.authority)
    result.exchange = exchange
    result.log = [line.text for line in exchange.log]
    if exchange.failure is not None:
        result.reasons.append(f"the filter failed: {failure_text(exchange.failure)}")
    elif exchange.state != "done":
        result.reasons.append(f"the client got no answer: the exchange is {exchange.state} {exchange.paused}".rstrip())


def _level(fixture: Fixture) -> Any:
    from ...abi import LogLevel

    return LogLevel(min(max(fixture.log_level, 0), 5))


def _named_module(fixture: Fixture, path: Path) -> Any:
    from ...compiler import Filter

    if fixture.wasm is None or not fixture.wasm.path:
        raise UsageError("The fixture names no module (wasm.path); give one.")
    beside = path.parent / fixture.wasm.path
    return Filter.from_file(beside if beside.exists() else fixture.wasm.path)


def _responder(url: str) -> Any:
    def answer(request: Request) -> Response:
        told = (request.headers.get("x-debugger-status") or "").strip()
        status = int(told) if told.isdigit() and 100 <= int(told) <= 599 else 400 if told else 200
        mode = request.headers.get("x-debugger-content") or ""
        kind = request.headers.get("content-type") or "text/plain"
        kept = {n: v for n, v in request.headers.items() if not n.startswith("x-debugger-")}
        echo = {"method": request.method, "reqHeaders": kept, "reqBody": request.text, "requestUrl": url}
        if mode == "status-only":
            kind, body = "text/plain", b""
        elif mode == "body-only":
            body = request.body
        else:
            kind, body = "application/json", json.dumps(echo, separators=(",", ":")).encode()
        return Response(status, Headers([("content-type", kind)]), body)

    return answer


def _properties(fixture: Fixture) -> dict[bytes, bytes]:
    """Calculated from the URL, then the fixture's own, as bytes."""
    parts = urlsplit(_BUILT_IN_URL if fixture.url == _BUILT_IN else fixture.url)
    path = parts.path or "/"
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    values: dict[str, Any] = {
        "request.url": fixture.url, "request.host": parts.netloc, "request.path": path, "request.query": parts.query,
        "request.scheme": parts.scheme, "request.extension": extension if stem and dot else "",
    }  # fmt: skip
    values.update(fixture.properties or {})
    return {name.encode(): _as_bytes(value) for name, value in values.items()}


def _as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _variables(fixture: Fixture, path: Path) -> dict[str, str]:
    """What the `.env` files beside the fixture say."""
    enabled = fixture.dotenv.enabled if fixture.dotenv is not None else fixture.dotenv_enabled
    if not enabled:
        return {}
    told = fixture.dotenv.path if fixture.dotenv is not None else fixture.dotenv_path
    given = path.parent / told if told else path.parent
    found: dict[str, str] = {}
    for name, value in _dotenv(given / ".env" if given.is_dir() else given).items():
        prefix = next((p for p in _PREFIXES if name.startswith(p)), None)
        if prefix is not None:
            found[name.removeprefix(prefix)] = value
    for name in _PLAIN_FILES if given.is_dir() else ():
        found.update(_dotenv(given / name))
    return found


def _dotenv(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and name.strip() and not name.startswith("#"):
            text = value.strip()
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
            found[name.strip()] = text[1:-1] if quoted else text
    return found
